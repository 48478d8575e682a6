//! The heads of frames (RFC 6455 §5.2), read strictly and from any beginning of one.

use crate::error::WsError;
use crate::mask::Mask;
use crate::opcode::Opcode;
use crate::role::Role;
use crate::scratch::LONGEST_CONTROL;

/// The longest head: two octets, a length of eight, a mask of four.
pub(crate) const LONGEST: usize = 14;

/// What the head of a frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// Whether the frame is the last of its message.
    pub(crate) fin: bool,
    /// RSV1: the message that begins here is compressed (RFC 7692 §6).
    pub(crate) compressed: bool,
    /// What the frame is for.
    pub(crate) opcode: Opcode,
    /// How many octets of payload follow.
    pub(crate) length: u64,
    /// What they are masked with, if they come from a client.
    pub(crate) mask: Option<Mask>,
}

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV2_AND_3: u8 = 0x30;
const MASKED: u8 = 0x80;

impl Head {
    /// Reads the head at the beginning of `octets`, and says how many it has; `None` if it is not
    /// whole. `from` is who sent it; `deflate` says whether messages may be compressed.
    ///
    /// # Errors
    /// [`WsError::Frame`] for all that RFC 6455 §5 forbids, as soon as it shows.
    #[inline]
    pub(crate) fn read(octets: &[u8], from: Role, deflate: bool) -> Result<Option<(Self, usize)>, WsError> {
        let Some((first, rest)) = octets.split_first() else { return Ok(None) };
        let (fin, compressed, opcode) = first_octet(*first, deflate)?;
        let Some((second, rest)) = rest.split_first() else { return Ok(None) };
        let short = second & !MASKED;
        second_octet(*second, from)?;
        // RFC 6455 §5.5.
        if opcode.is_control() && (!fin || usize::from(short) > LONGEST_CONTROL) {
            return Err(WsError::Frame("a control frame is fragmented or longer than 125 octets"));
        }
        let Some((length, rest)) = length(short, rest)? else { return Ok(None) };
        let (mask, rest) = if from.masks() {
            let Some((mask, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
            (Some(Mask::new(*mask)), rest)
        } else {
            (None, rest)
        };
        let taken = octets.len().saturating_sub(rest.len());
        Ok(Some((Self { fin, compressed, opcode, length, mask }, taken)))
    }

    /// The head as octets.
    #[inline]
    pub(crate) fn write(&self) -> Octets {
        let mut octets = Octets { octets: [0; LONGEST], length: 0 };
        let fin = if self.fin { FIN } else { 0 };
        let compressed = if self.compressed { RSV1 } else { 0 };
        let masked = if self.mask.is_some() { MASKED } else { 0 };
        let first = fin | compressed | self.opcode.bits();
        // RFC 6455 §5.2: the shortest of the three forms.
        match (u8::try_from(self.length), u16::try_from(self.length)) {
            (Ok(short @ 0..=125), _) => octets.push(&[first, masked | short]),
            (_, Ok(medium)) => {
                octets.push(&[first, masked | 126]);
                octets.push(&medium.to_be_bytes());
            }
            _ => {
                octets.push(&[first, masked | 127]);
                octets.push(&self.length.to_be_bytes());
            }
        }
        if let Some(mask) = self.mask {
            octets.push(&mask.octets());
        }
        octets
    }
}

/// The head of a frame as octets, for those who write the payload by reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Octets {
    octets: [u8; LONGEST],
    length: usize,
}

impl Octets {
    /// The octets: 2 to 14.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }

    fn push(&mut self, more: &[u8]) {
        let end = self.length.saturating_add(more.len());
        if let Some(place) = self.octets.get_mut(self.length..end) {
            place.copy_from_slice(more);
            self.length = end;
        }
    }
}

impl AsRef<[u8]> for Octets {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

fn first_octet(octet: u8, deflate: bool) -> Result<(bool, bool, Opcode), WsError> {
    let opcode = Opcode::read(octet & 0x0F)?;
    let compressed = octet & RSV1 != 0;
    // RFC 7692 §6: only on the first frame of a message, and only where it was agreed on.
    if octet & RSV2_AND_3 != 0 || compressed && !(deflate && opcode.begins().is_some()) {
        return Err(WsError::Frame("a reserved bit is set"));
    }
    Ok((octet & FIN != 0, compressed, opcode))
}

/// RFC 6455 §5.1: all that a client sends is masked, and nothing that a server sends.
fn second_octet(octet: u8, from: Role) -> Result<(), WsError> {
    match (octet & MASKED != 0, from) {
        (true, Role::Client) | (false, Role::Server) => Ok(()),
        (false, Role::Client) => Err(WsError::Frame("a client's frame is not masked")),
        (true, Role::Server) => Err(WsError::Frame("a server's frame is masked")),
    }
}

/// The payload's length in its three forms, of which the shortest must be used; and what follows.
#[inline]
fn length(short: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, WsError> {
    let (length, least, rest) = match short {
        126 => {
            let Some((octets, rest)) = rest.split_first_chunk::<2>() else { return Ok(None) };
            (u64::from(u16::from_be_bytes(*octets)), 126, rest)
        }
        127 => {
            let Some((octets, rest)) = rest.split_first_chunk::<8>() else { return Ok(None) };
            (u64::from_be_bytes(*octets), 1 << 16, rest)
        }
        short => (u64::from(short), 0, rest),
    };
    if length < least {
        return Err(WsError::Frame("the length is not in its shortest form"));
    }
    if length >> 63 != 0 {
        return Err(WsError::Frame("the length has its highest bit set"));
    }
    Ok(Some((length, rest)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(octets: &[u8], from: Role, deflate: bool) -> &'static str {
        match Head::read(octets, from, deflate) {
            Err(WsError::Frame(why)) => why,
            other => panic!("{octets:x?}: {other:?}"),
        }
    }

    #[test]
    fn what_is_refused_and_how_early() {
        let (client, server) = (Role::Client, Role::Server);
        let reserved = "a reserved bit is set";
        let opcode = "the opcode is reserved";
        let control = "a control frame is fragmented or longer than 125 octets";
        let shortest = "the length is not in its shortest form";
        let table: [(&[u8], Role, bool, &str); 18] = [
            (&[0xC1], client, false, reserved),
            (&[0xA1], client, true, reserved),
            (&[0x91], client, true, reserved),
            (&[0xC0], client, true, reserved),
            (&[0xC9], client, true, reserved),
            (&[0x83], client, true, opcode),
            (&[0x87], server, false, opcode),
            (&[0x8B], server, false, opcode),
            (&[0x8F], server, false, opcode),
            (&[0x81, 0x05], client, false, "a client's frame is not masked"),
            (&[0x81, 0x85], server, false, "a server's frame is masked"),
            (&[0x09, 0x80], client, false, control),
            (&[0x89, 0xFE], client, false, control),
            (&[0x88, 0x7F], server, false, control),
            (&[0x82, 0x7E, 0, 125], server, false, shortest),
            (&[0x82, 0xFE, 0, 125], client, false, shortest),
            (&[0x82, 0x7F, 0, 0, 0, 0, 0, 0, 255, 255], server, false, shortest),
            (&[0x82, 0x7F, 128, 0, 0, 0, 0, 0, 0, 0], server, false, "the length has its highest bit set"),
        ];
        for (octets, from, deflate, expected) in table {
            assert_eq!(error(octets, from, deflate), expected, "{octets:x?}");
        }
    }

    fn heads() -> impl Strategy<Value = Head> {
        let length = prop_oneof![0..=125_u64, 126..=65_535_u64, 65_536..=u64::MAX >> 1];
        (any::<bool>(), any::<bool>(), 0..6_u8, length, any::<Option<[u8; 4]>>()).prop_map(
            |(fin, compressed, bits, length, mask)| {
                let opcode = Opcode::read(if bits < 3 { bits } else { bits + 5 }).unwrap();
                let length = if opcode.is_control() { length % 126 } else { length };
                let compressed = compressed && opcode.begins().is_some();
                Head { fin: fin || opcode.is_control(), compressed, opcode, length, mask: mask.map(Mask::new) }
            },
        )
    }

    proptest! {
        #[test]
        fn reading_what_was_written_is_the_identity_and_a_beginning_is_no_head(head in heads()) {
            let written = head.write();
            let from = if head.mask.is_some() { Role::Client } else { Role::Server };
            let length = written.as_slice().len();
            prop_assert_eq!(Head::read(written.as_slice(), from, true), Ok(Some((head, length))));
            for end in 0..length {
                prop_assert_eq!(Head::read(&written.as_slice()[..end], from, true), Ok(None));
            }
        }

        #[test]
        fn what_is_read_is_written_the_same(octets in prop::collection::vec(any::<u8>(), 0..16), client: bool, deflate: bool) {
            let from = if client { Role::Client } else { Role::Server };
            if let Ok(Some((head, taken))) = Head::read(&octets, from, deflate) {
                let written = head.write();
                prop_assert_eq!(written.as_slice(), &octets[..taken]);
            }
        }
    }
}
