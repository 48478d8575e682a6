//! A user's name that does not fit into a quoted string: `username*` (RFC 7616 §3.4, RFC 8187 §3.2).

/// The character set of all names.
const CHARSET: &str = "UTF-8";

/// The name as an extended value: `UTF-8''J%C3%A4s%C3%B8n%20Doe`.
pub(crate) fn encode(name: &str) -> String {
    let mut value = format!("{CHARSET}''");
    for octet in name.bytes() {
        if is_plain(octet) {
            value.push(char::from(octet));
        } else {
            value.push_str(&format!("%{octet:02X}"));
        }
    }
    value
}

/// Reads an extended value. Only UTF-8 is taken (RFC 8187 §3.2.1 demands no more), and a language is not looked at.
pub(crate) fn decode(value: &str) -> Option<String> {
    let mut parts = value.splitn(3, '\'');
    let (charset, _language, text) = (parts.next()?, parts.next()?, parts.next()?);
    if !charset.eq_ignore_ascii_case(CHARSET) {
        return None;
    }
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        let octet = match octet {
            b'%' => digit(rest.next()?)? << 4 | digit(rest.next()?)?,
            plain if is_plain(plain) => plain,
            _ => return None,
        };
        octets.push(octet);
    }
    String::from_utf8(octets).ok()
}

/// `attr-char` (RFC 8187 §3.2.1).
fn is_plain(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&octet)
}

/// The value of a hexadecimal digit.
pub(crate) fn digit(octet: u8) -> Option<u8> {
    char::from(octet).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_survives_and_what_is_none_is_not_read() {
        // RFC 7616 §3.9.2, without userhash.
        assert_eq!(encode("Jäsøn Doe"), "UTF-8''J%C3%A4s%C3%B8n%20Doe");
        for name in ["Jäsøn Doe", "", "a'b%\"\\*", "日本"] {
            assert_eq!(decode(&encode(name)).as_deref(), Some(name));
        }
        assert_eq!(decode("utf-8'de'%61").as_deref(), Some("a"));
        for value in ["", "UTF-8'", "ISO-8859-1''a", "UTF-8''%E4", "UTF-8''%4", "UTF-8''%4g", "UTF-8''a b", "UTF-8''ä"]
        {
            assert_eq!(decode(value), None, "{value}");
        }
    }
}
