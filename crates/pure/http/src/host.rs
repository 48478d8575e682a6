//! One syntactically valid authority: the host that a request means.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::error::HttpError;

/// Host and port, as in the Host header field or an absolute-form target (RFC 9110 §7.2, RFC 3986
/// §3.2).
///
/// Narrower than the RFC where readers differ: no user name, no percent-encoding, no empty port, no
/// leading zero in the port, no name that ends in a number unless it is an IPv4 address. Equality
/// and hash ignore case and one trailing dot, because both name the same host.
///
/// ```
/// use gatepost_http::host::Authority;
///
/// let authority = Authority::parse("Example.COM:8443")?;
/// assert_eq!(authority.host(), "example.com");
/// assert_eq!(authority.port(), Some(8443));
/// assert!(Authority::parse("user@example.com").is_err());
/// # Ok::<(), gatepost_http::error::HttpError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Authority {
    host: String,
    port: Option<u16>,
}

impl Authority {
    /// Reads `host` or `host:port`. An empty text is refused: a request without a host cannot be
    /// routed.
    ///
    /// # Errors
    /// [`HttpError::Host`] with the rule that was broken.
    pub fn parse(text: &str) -> Result<Self, HttpError> {
        if text.is_empty() {
            return Err(HttpError::Host("it is empty"));
        }
        if text.bytes().any(|octet| octet == b'@') {
            return Err(HttpError::Host("it holds a user name"));
        }
        if let Some(rest) = text.strip_prefix('[') {
            let (address, after) = rest.split_once(']').ok_or(HttpError::Host("the bracket is not closed"))?;
            // A zone identifier means something on one machine only; Ipv6Addr refuses it too.
            let address: Ipv6Addr = address.parse().map_err(|_| HttpError::Host("not an IPv6 address"))?;
            return Ok(Self { host: format!("[{address}]"), port: port_after(after)? });
        }
        let colon = text.bytes().position(|octet| octet == b':').unwrap_or(text.len());
        let (host, after) = text.split_at_checked(colon).unwrap_or((text, ""));
        Ok(Self { host: name(host)?, port: port_after(after)? })
    }

    /// The host in lower case, without a trailing dot; an IPv6 address in brackets and in its
    /// canonical spelling (RFC 5952).
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, if one was written.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The port that is meant, when `default` is that of the scheme.
    #[must_use]
    pub fn port_or(&self, default: u16) -> u16 {
        self.port.unwrap_or(default)
    }

    /// Whether both name the same host and port, when `default` is the port of the scheme.
    #[must_use]
    pub fn same_as(&self, other: &Self, default: u16) -> bool {
        self.host == other.host && self.port_or(default) == other.port_or(default)
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

/// `after` is what follows the host: nothing, or a colon and the port.
fn port_after(after: &str) -> Result<Option<u16>, HttpError> {
    if after.is_empty() {
        return Ok(None);
    }
    let wrong = HttpError::Host("not a port");
    let digits = after.strip_prefix(':').ok_or(wrong)?;
    // `u16::from_str` takes a sign, and leading zeros make two spellings of one port.
    if digits.starts_with('0') || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong);
    }
    digits.parse().map(Some).map_err(|_| wrong)
}

fn name(text: &str) -> Result<String, HttpError> {
    let text = text.strip_suffix('.').unwrap_or(text);
    if text.len() > 253 {
        return Err(HttpError::Host("the name is too long"));
    }
    let mut label = 0_usize;
    for octet in text.bytes() {
        label = match octet {
            b'.' if label == 0 => return Err(HttpError::Host("a label is empty or too long")),
            b'.' => 0,
            b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => label.saturating_add(1),
            _ => return Err(HttpError::Host("a character that no host name has")),
        };
        if label > 63 {
            return Err(HttpError::Host("a label is empty or too long"));
        }
    }
    if label == 0 {
        return Err(HttpError::Host("a label is empty or too long"));
    }
    // `127.1`, `0x7f.1` and `2130706433` are 127.0.0.1 to some resolvers and names to others.
    if ends_in_number(text) && text.parse::<Ipv4Addr>().is_err() {
        return Err(HttpError::Host("neither a name nor an IPv4 address"));
    }
    Ok(text.to_ascii_lowercase())
}

fn ends_in_number(text: &str) -> bool {
    // No number ends in another character, and most names do.
    if !text.bytes().next_back().is_some_and(|last| last.is_ascii_hexdigit() || matches!(last, b'.' | b'x' | b'X')) {
        return false;
    }
    let last = text.rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    match hex {
        Some(digits) => digits.bytes().all(|b| b.is_ascii_hexdigit()),
        None => last.bytes().all(|b| b.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn valid_authorities_have_one_spelling() {
        let table = [
            ("localhost", "localhost"),
            ("Example.COM", "example.com"),
            ("example.com.", "example.com"),
            ("example.com:8443", "example.com:8443"),
            ("a_b.example-1", "a_b.example-1"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("[::1]", "[::1]"),
            ("[0:0:0:0:0:0:0:1]:65535", "[::1]:65535"),
            ("1.example", "1.example"),
        ];
        for (text, canonical) in table {
            assert_eq!(Authority::parse(text).unwrap().to_string(), canonical);
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let table = [
            "",
            ".",
            ":80",
            "a..b",
            ".a",
            "a b",
            " a",
            "a ",
            "a\t",
            "a:",
            "a:0",
            "a:080",
            "a:+80",
            "a:65536",
            "a:80:80",
            "a:8o",
            "user@a",
            "user:pass@a:80",
            "a/b",
            "a?b",
            "a#b",
            "a\\b",
            "a%2eb",
            "a,b",
            "a\0",
            "b\u{fc}cher.example",
            "::1",
            "[::1",
            "::1]",
            "[::1]80",
            "[::1]:",
            "[fe80::1%eth0]",
            "[v1.x]",
            "[127.0.0.1]",
            "[]",
            "127.1",
            "2130706433",
            "0x7f.1",
            "0x7f000001",
            "127.0.0.256",
            "127.0.0.01",
            "1.2.3.4.5",
            "a.0x",
        ];
        for text in table {
            assert!(Authority::parse(text).is_err(), "{text:?}");
        }
        assert!(Authority::parse(&"a".repeat(64)).is_err());
        assert!(Authority::parse(&"a.".repeat(130)).is_err());
    }

    #[test]
    fn the_default_port_is_the_same_as_none() {
        let plain = Authority::parse("a.example").unwrap();
        let ported = Authority::parse("A.example.:443").unwrap();
        assert!(plain.same_as(&ported, 443));
        assert!(!plain.same_as(&ported, 80));
        assert!(!plain.same_as(&Authority::parse("b.example").unwrap(), 443));
    }

    proptest! {
        #[test]
        fn printing_and_parsing_is_the_identity(text in "[a-zA-Z0-9.:_\\[\\]-]{0,24}") {
            if let Ok(authority) = Authority::parse(&text) {
                prop_assert_eq!(Authority::parse(&authority.to_string()), Ok(authority));
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            if let Ok(authority) = Authority::parse(&text) {
                prop_assert!(!authority.host().is_empty());
            }
        }
    }
}
