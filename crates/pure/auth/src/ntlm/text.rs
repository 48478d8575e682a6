//! Names on the wire: UTF-16 in little-endian order, or what used to be the sender's code page.

use crate::ntlm::broken::Broken;
use crate::ntlm::flags::Flags;

/// The text as UTF-16LE.
pub(crate) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// The text as the flags say.
pub(crate) fn encode(text: &str, flags: Flags, name: &'static str) -> Result<Vec<u8>, Broken> {
    if flags.has(Flags::UNICODE) {
        return Ok(utf16(text));
    }
    if text.is_ascii() { Ok(text.as_bytes().to_vec()) } else { Err(Broken::Text(name)) }
}

/// Reads text as the flags say. Nobody tells which code page it was, so that only ASCII is taken of one;
/// and a name with control characters is nobody's.
pub(crate) fn decode(octets: &[u8], flags: Flags, name: &'static str) -> Result<String, Broken> {
    let broken = Broken::Text(name);
    let text = if flags.has(Flags::UNICODE) {
        let (pairs, odd) = octets.as_chunks::<2>();
        if !odd.is_empty() {
            return Err(broken);
        }
        let units = pairs.iter().copied().map(u16::from_le_bytes);
        char::decode_utf16(units).collect::<Result<String, _>>().map_err(|_| broken)?
    } else {
        let text = std::str::from_utf8(octets).ok().filter(|text| text.is_ascii());
        text.ok_or(broken)?.to_owned()
    };
    if text.chars().any(char::is_control) { Err(broken) } else { Ok(text) }
}

/// Upper case a character at a time, as Windows does it: `ß` stays.
pub(crate) fn upper(text: &str) -> String {
    let one = |c: char| {
        let mut upper = c.to_uppercase();
        match (upper.next(), upper.next()) {
            (Some(only), None) => only,
            _ => c,
        }
    };
    text.chars().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_both_encodings() {
        let table: [(&[u8], Flags, Option<&str>); 8] = [
            (b"a\0l\0\xe4\0", Flags::UNICODE, Some("al\u{e4}")),
            (b"\x3d\xd8\x00\xde", Flags::UNICODE, Some("\u{1f600}")),
            (b"\x3d\xd8", Flags::UNICODE, None),
            (b"a\0l", Flags::UNICODE, None),
            (b"a\0\0\0", Flags::UNICODE, None),
            (b"alice", Flags::OEM, Some("alice")),
            (b"al\xe4", Flags::OEM, None),
            (b"a\nb", Flags::OEM, None),
        ];
        for (octets, flags, text) in table {
            let read = decode(octets, flags, "name");
            assert_eq!(read.as_deref().ok(), text, "{octets:?}");
            if let Some(text) = text {
                assert_eq!(encode(text, flags, "name").as_deref(), Ok(octets));
            }
        }
        assert_eq!(encode("\u{e4}", Flags::OEM, "name"), Err(Broken::Text("name")));
    }

    #[test]
    fn upper_case_keeps_the_number_of_characters() {
        assert_eq!(upper("User-\u{e4}\u{df}\u{451}1"), "USER-\u{c4}\u{df}\u{401}1");
    }
}
