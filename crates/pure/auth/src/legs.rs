//! What a scheme remembers from one leg of a proof to the next, as octets: a letter that says where it stands,
//! and parts with their lengths before them.

/// The octets of a letter and its parts.
pub(crate) fn pack(letter: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut octets = vec![letter];
    for part in parts {
        octets.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        octets.extend_from_slice(part);
    }
    octets
}

/// The parts behind this letter, if there are just as many.
pub(crate) fn unpack<const N: usize>(letter: u8, octets: &[u8]) -> Option<[&[u8]; N]> {
    let mut rest = octets.strip_prefix(&[letter])?;
    let mut parts = [&[][..]; N];
    for part in &mut parts {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        (*part, rest) = after.split_at_checked(length)?;
    }
    rest.is_empty().then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_is_unpacked_and_nothing_else() {
        let octets = pack(b'a', &[b"one", b"", b"two"]);
        assert_eq!(unpack::<3>(b'a', &octets), Some([&b"one"[..], b"", b"two"]));
        assert_eq!(unpack::<3>(b'b', &octets), None);
        assert_eq!(unpack::<2>(b'a', &octets), None);
        assert_eq!(unpack::<4>(b'a', &octets), None);
        assert_eq!(unpack::<0>(b'a', b""), None);
        for cut in 0..octets.len() {
            assert_eq!(unpack::<3>(b'a', &octets[..cut]), None);
        }
    }
}
