//! Base64url without padding (RFC 7515 §2), one spelling per value.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Writes octets.
#[must_use]
pub fn encode(octets: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

/// Reads octets: no padding, no white space, no bits left over, so that two texts never mean one value.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_one_spelling_only() {
        let table: [(&str, Option<&[u8]>); 12] = [
            ("", Some(b"")),
            ("AA", Some(b"\0")),
            ("-_8", Some(b"\xfb\xff")),
            ("Zm9v", Some(b"foo")),
            ("AB", None),
            ("A", None),
            ("AA==", None),
            ("+/8", None),
            ("Zm 9v", None),
            ("Zm9v\n", None),
            ("Zm9v.", None),
            ("Zm9é", None),
        ];
        for (text, octets) in table {
            assert_eq!(decode(text).as_deref(), octets, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_decodes_encodes_to_itself(text in "[A-Za-z0-9_-]{0,40}") {
            if let Some(octets) = decode(&text) {
                proptest::prop_assert_eq!(encode(&octets), text);
            }
        }
    }
}
