//! Whether a client shows a ticket, by its first octets, before rustls judges them. Only the count of tickets that it gets
//! rests on it.

/// The extension that stands last in a ClientHello that offers an earlier session (RFC 8446 §4.2.11).
const PRE_SHARED_KEY: [u8; 2] = [0, 41];

/// Whether `octets` begin with a whole ClientHello, in one record, that offers an earlier session of TLS 1.3.
pub(crate) fn is_shown(octets: &[u8]) -> bool {
    last_extension(octets) == Some(PRE_SHARED_KEY)
}

/// The kind of the last extension (RFC 8446 §4.1.2, §5.1).
fn last_extension(octets: &[u8]) -> Option<[u8; 2]> {
    // A record's header; a message's header; version and random.
    let (_, rest) = octets.split_at_checked(5 + 4 + 2 + 32)?;
    let (_session, rest) = vector(rest, 1)?;
    let (_suites, rest) = vector(rest, 2)?;
    let (_compressions, rest) = vector(rest, 1)?;
    let (mut extensions, _) = vector(rest, 2)?;
    let mut last = None;
    while let Some((kind, rest)) = extensions.split_first_chunk() {
        last = Some(*kind);
        (_, extensions) = vector(rest, 2)?;
    }
    last
}

/// A vector whose length stands before it in `width` octets (RFC 8446 §3.4), and what follows.
fn vector(octets: &[u8], width: usize) -> Option<(&[u8], &[u8])> {
    let (length, rest) = octets.split_at_checked(width)?;
    let length = length.iter().fold(0, |length, octet| length << 8 | usize::from(*octet));
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ClientHello in a record, with these extensions of these lengths.
    fn hello(extensions: &[(u8, u8)]) -> Vec<u8> {
        let extensions: Vec<u8> = extensions
            .iter()
            .flat_map(|(kind, length)| [&[0, *kind, 0, *length][..], &vec![9; usize::from(*length)]].concat())
            .collect();
        let length = u8::try_from(extensions.len()).unwrap();
        let before = [&[22, 3, 1, 0, 0, 1, 0, 0, 0, 3, 3][..], &[7; 32], &[2, 8, 8], &[0, 2, 19, 1], &[1, 0]];
        [before.concat(), vec![0, length], extensions].concat()
    }

    #[test]
    fn a_ticket_is_the_last_extension() {
        let table: [(&[(u8, u8)], bool); 5] = [
            (&[(43, 3), (41, 60)], true),
            (&[(41, 0)], true),
            (&[(41, 60), (43, 3)], false),
            (&[(43, 3)], false),
            (&[], false),
        ];
        for (extensions, shows) in table {
            let whole = hello(extensions);
            assert_eq!(is_shown(&whole), shows, "{extensions:?}");
            // With what may follow in the same read; and cut anywhere.
            assert_eq!(is_shown(&[&whole[..], &[20, 3, 3, 0, 1, 1]].concat()), shows, "{extensions:?}");
            for end in 0..whole.len() {
                assert!(!is_shown(&whole[..end]), "{extensions:?} {end}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn anything_else_is_read_without_harm(octets in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = is_shown(&octets);
        }
    }
}
