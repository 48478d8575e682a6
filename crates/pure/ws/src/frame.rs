//! Single frames (RFC 6455 §5.2), as a server reads and writes them.

use crate::error::WsError;

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// The next part of a message.
    Continuation,
    /// The first part of a text.
    Text,
    /// The first part of a binary message.
    Binary,
    /// The end.
    Close,
    /// A question whether the other end lives.
    Ping,
    /// The answer to it.
    Pong,
}

impl Opcode {
    /// Whether it is a control frame: short, whole, and allowed between the parts of a message.
    #[must_use]
    pub fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }

    fn from_bits(bits: u8) -> Result<Self, WsError> {
        Ok(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return Err(WsError::Frame("the opcode is reserved")),
        })
    }

    fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
        }
    }
}

/// One frame, unmasked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Whether it is the last of its message.
    pub fin: bool,
    /// What it is for.
    pub opcode: Opcode,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// Server: reads the first frame of `octets`, and says how many octets it took; `None` if it is not
/// whole yet. A payload of more than `limit` octets is refused as soon as its length is known.
///
/// # Errors
/// [`WsError::Frame`] for whatever RFC 6455 §5 forbids, an unmasked frame included;
/// [`WsError::TooLarge`].
pub fn read(octets: &[u8], limit: usize) -> Result<Option<(Frame, usize)>, WsError> {
    let [first, second, rest @ ..] = octets else {
        return Ok(None);
    };
    if first & 0x70 != 0 {
        return Err(WsError::Frame("a reserved bit is set"));
    }
    let (fin, opcode) = (first & 0x80 != 0, Opcode::from_bits(first & 0x0F)?);
    if second & 0x80 == 0 {
        return Err(WsError::Frame("a client's frame is not masked"));
    }
    let short = second & 0x7F;
    if opcode.is_control() && (!fin || short > 125) {
        return Err(WsError::Frame("a control frame is fragmented or longer than 125 octets"));
    }
    let Some((length, rest)) = length(short, rest)? else {
        return Ok(None);
    };
    if length > limit {
        return Err(WsError::TooLarge { limit });
    }
    let Some((mask, rest)) = rest.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let Some((masked, after)) = rest.split_at_checked(length) else {
        return Ok(None);
    };
    let payload = masked.iter().zip(mask.iter().cycle()).map(|(octet, key)| octet ^ key).collect();
    Ok(Some((Frame { fin, opcode, payload }, octets.len().saturating_sub(after.len()))))
}

/// The payload's length in its three forms, of which the shortest must be used; and what follows.
fn length(short: u8, rest: &[u8]) -> Result<Option<(usize, &[u8])>, WsError> {
    let (length, rest) = match short {
        126 => match rest.split_first_chunk::<2>() {
            Some((octets, rest)) => (u64::from(u16::from_be_bytes(*octets)), rest),
            None => return Ok(None),
        },
        127 => match rest.split_first_chunk::<8>() {
            Some((octets, rest)) => (u64::from_be_bytes(*octets), rest),
            None => return Ok(None),
        },
        _ => (u64::from(short), rest),
    };
    let too_long_a_form = short == 126 && length < 126 || short == 127 && length < 65_536;
    if too_long_a_form || length >> 63 != 0 {
        return Err(WsError::Frame("the length is not in its shortest form"));
    }
    Ok(Some((usize::try_from(length).unwrap_or(usize::MAX), rest)))
}

/// Server: a whole message, or a control frame, as octets: one frame, not masked (RFC 6455 §5.1).
#[must_use]
pub fn write(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(payload.len().saturating_add(10));
    octets.push(0x80 | opcode.bits());
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short), _) if short < 126 => octets.push(short),
        (_, Ok(middle)) => {
            octets.push(126);
            octets.extend_from_slice(&middle.to_be_bytes());
        }
        _ => {
            octets.push(127);
            octets.extend_from_slice(&u64::try_from(payload.len()).unwrap_or(u64::MAX).to_be_bytes());
        }
    }
    octets.extend_from_slice(payload);
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a client sends: as `write`, but masked.
    fn masked(frame: &[u8], mask: [u8; 4]) -> Vec<u8> {
        let head = match frame[1] {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        let mut octets = frame[..head].to_vec();
        octets[1] |= 0x80;
        octets.extend(mask);
        octets.extend(frame[head..].iter().zip(mask.iter().cycle()).map(|(octet, key)| octet ^ key));
        octets
    }

    #[test]
    fn the_masked_example_of_rfc_6455_5_7() {
        let octets = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        let hello = Frame { fin: true, opcode: Opcode::Text, payload: b"Hello".to_vec() };
        assert_eq!(read(&octets, 5), Ok(Some((hello, octets.len()))));
        assert_eq!(write(Opcode::Text, b"Hello"), [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
        assert_eq!(read(&octets, 4), Err(WsError::TooLarge { limit: 4 }));
    }

    #[test]
    fn what_the_framing_forbids() {
        let table: [&[u8]; 7] = [
            &[0xC1, 0x80],
            &[0x83, 0x80],
            &[0x81, 0x00],
            &[0x09, 0x80],
            &[0x89, 0xFE],
            &[0x82, 0xFE, 0x00, 0x7D],
            &[0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0],
        ];
        for octets in table {
            assert!(matches!(read(octets, 1 << 20), Err(WsError::Frame(_))), "{octets:?}");
        }
    }

    #[test]
    fn lengths_at_the_borders_of_their_forms() {
        for length in [0, 125, 126, 65_535, 65_536] {
            let octets = masked(&write(Opcode::Text, &vec![b'a'; length]), [1, 2, 3, 4]);
            let (frame, taken) = read(&octets, length).unwrap().unwrap();
            assert_eq!((frame.payload.len(), taken), (length, octets.len()));
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read(payload in proptest::collection::vec(0_u8.., 0..300), mask: [u8; 4]) {
            let octets = masked(&write(Opcode::Binary, &payload), mask);
            for cut in [0, 1, octets.len() / 2, octets.len() - 1] {
                proptest::prop_assert_eq!(read(&octets[..cut], 1 << 20), Ok(None));
            }
            let frame = Frame { fin: true, opcode: Opcode::Binary, payload };
            proptest::prop_assert_eq!(read(&octets, 1 << 20), Ok(Some((frame, octets.len()))));
        }

        #[test]
        fn reading_never_panics(octets in proptest::collection::vec(0_u8.., 0..40)) {
            let _ = read(&octets, 16);
        }
    }
}
