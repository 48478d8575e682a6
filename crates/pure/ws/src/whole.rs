//! The way of almost all messages: one frame, not compressed, whole in the input. It does what the long way does, and
//! leaves everything else to it.

use std::ops::Range;

use simdutf8::basic::from_utf8;

use crate::error::WsError;
use crate::mask::Mask;
use crate::message::Kind;

/// A message in the input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    pub(crate) kind: Kind,
    /// Where its octets stand, unmasked.
    pub(crate) octets: Range<usize>,
}

/// FIN and an opcode, and no reserved bit.
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const MASKED: u8 = 0x80;

/// Takes the message in front of `input`, between two frames. `None` if there is anything else: nothing is
/// touched then.
///
/// # Errors
/// [`WsError::Text`].
#[inline]
pub(crate) fn read(input: &mut [u8], masked: bool, limit: usize) -> Result<Option<Whole>, WsError> {
    let Some((kind, mask, octets)) = find(input, masked) else { return Ok(None) };
    if octets.len() > limit {
        return Ok(None);
    }
    let Some(payload) = input.get_mut(octets.clone()) else { return Ok(None) };
    if let Some(mask) = mask {
        mask.apply(payload);
    }
    if kind == Kind::Text && from_utf8(payload).is_err() {
        return Err(WsError::Text);
    }
    Ok(Some(Whole { kind, octets }))
}

#[inline]
fn find(input: &[u8], masked: bool) -> Option<(Kind, Option<Mask>, Range<usize>)> {
    let [first, second, rest @ ..] = input else { return None };
    let kind = match *first {
        TEXT => Kind::Text,
        BINARY => Kind::Binary,
        _ => return None,
    };
    if (second & MASKED != 0) != masked {
        return None;
    }
    // RFC 6455 §5.2: the shortest form, and no other.
    let (length, rest) = match second & !MASKED {
        short @ 0..=125 => (usize::from(short), rest),
        126 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        _ => {
            let (length, rest) = rest.split_first_chunk::<8>()?;
            (usize::try_from(u64::from_be_bytes(*length)).ok()?, rest)
        }
    };
    let is_shortest = match second & !MASKED {
        126 => length >= 126,
        127 => length >= 1 << 16,
        _ => true,
    };
    let (mask, rest) = match masked {
        true => rest.split_first_chunk::<4>().map(|(mask, rest)| (Some(Mask::new(*mask)), rest))?,
        false => (None, rest),
    };
    if !is_shortest || rest.len() < length {
        return None;
    }
    let begin = input.len().checked_sub(rest.len())?;
    Some((kind, mask, begin..begin.checked_add(length)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_takes_and_what_it_leaves() {
        let whole = |kind, octets| Ok(Some(Whole { kind, octets }));
        let mut hello = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58more";
        assert_eq!(read(&mut hello, true, 5), whole(Kind::Text, 6..11));
        assert_eq!(&hello[6..], b"Hellomore");
        let mut medium = [[0x82, 126, 0, 126].as_slice(), &[7; 126]].concat();
        assert_eq!(read(&mut medium, false, 126), whole(Kind::Binary, 4..130));
        let mut long = [[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0].as_slice(), &[7; 65_536]].concat();
        assert_eq!(read(&mut long, false, 65_536), whole(Kind::Binary, 10..65_546));
        assert_eq!(read(&mut [0x81, 1, 0xFF], false, 5), Err(WsError::Text));

        let left: [(&[u8], bool); 11] = [
            (b"", false),
            (b"\x82", false),
            (b"\x82\x01", false),
            (b"\x82\x01a", true),
            (b"\x82\x81\x00\x00\x00\x00a", false),
            (b"\x02\x01a", false),
            (b"\xC2\x01a", false),
            (b"\x80\x01a", false),
            (b"\x89\x01a", false),
            (b"\x82\x7e\x00\x01a", false),
            (b"\x82\x06abcdef", false),
        ];
        for (octets, masked) in left {
            let mut input = octets.to_vec();
            assert_eq!(read(&mut input, masked, 5), Ok(None), "{octets:x?}");
            assert_eq!(input, octets);
        }
    }
}
