//! What ends at this hop, and what the peer may not say in our name.

use http::header::{self, HeaderMap, HeaderName};

use crate::lengths::Lengths;
use crate::spellings::Spellings;

/// What the hop-by-hop fields said before they were removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hop {
    /// `Connection: close`.
    pub close: bool,
    /// `Connection: keep-alive`.
    pub keep_alive: bool,
    /// The protocols of Upgrade in lower case, such as `websocket`; empty unless Connection lists
    /// `upgrade` too (RFC 9110 §7.8).
    pub upgrade: Vec<String>,
}

/// Removes all fields that end at this hop (RFC 9110 §7.6.1), and says what they said.
///
/// Gone are Connection and every field that it names, Keep-Alive, Proxy-Connection, TE,
/// Transfer-Encoding, Upgrade, HTTP2-Settings, and the proxy's own Proxy-Authenticate and Proxy-Authorization: read
/// a proof for a proxy before. A Connection field that names a field of the message itself (Host,
/// Content-Length, Authorization, Cookie and the like) does not remove it: no sender has a reason
/// to, and a peer must not choose what the next hop sees.
///
/// Call it on requests and answers alike, *before* setting own fields: otherwise
/// `Connection: X-Own-Field` would remove them.
///
/// ```
/// use gatepost_http::fields::strip_hop_by_hop;
/// use http::HeaderMap;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("connection", "upgrade, x-one-hop, host".parse()?);
/// headers.insert("upgrade", "websocket".parse()?);
/// headers.insert("x-one-hop", "1".parse()?);
/// headers.insert("host", "a.example".parse()?);
/// let hop = strip_hop_by_hop(&mut headers);
/// assert_eq!(hop.upgrade, ["websocket"]);
/// assert_eq!(headers.len(), 1);
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
pub fn strip_hop_by_hop(headers: &mut HeaderMap) -> Hop {
    let options = tokens(headers, &header::CONNECTION);
    let listed = |name: &str| options.iter().any(|option| option == name);
    let hop = Hop {
        close: listed("close"),
        keep_alive: listed("keep-alive"),
        upgrade: if listed("upgrade") { tokens(headers, &header::UPGRADE) } else { Vec::new() },
    };
    for option in &options {
        if END_TO_END.contains(&option.as_str()) {
            continue;
        }
        remove(headers, option);
    }
    if !headers.keys().any(|name| ends_here(name.as_str())) {
        return hop;
    }
    let ending: Vec<HeaderName> = headers.keys().filter(|name| ends_here(name.as_str())).cloned().collect();
    for name in &ending {
        headers.remove(name);
    }
    hop
}

/// Whether a field of this name, in lower case, ends at this hop whatever Connection says.
fn ends_here(name: &str) -> bool {
    // The length decides for nearly all names.
    HOP_BY_HOP_LENGTHS.have(name.len()) && HOP_BY_HOP.contains(&name)
}

const HOP_BY_HOP_LENGTHS: Lengths = Lengths::of(HOP_BY_HOP);

/// Removes every field that a backend could take for `name`, and counts them. For many names, or for
/// many heads, compile [`Spellings`] once.
pub fn strip_spellings(headers: &mut HeaderMap, name: &HeaderName) -> usize {
    Spellings::of([name]).strip(headers)
}

/// Whether a CGI-style backend could take the field `written` for `name`: letters without case, all marks
/// as one.
#[must_use]
pub fn folds_to(written: &str, name: &str) -> bool {
    let fold = |b: u8| if b.is_ascii_alphanumeric() { b.to_ascii_lowercase() } else { b'-' };
    written.bytes().map(fold).eq(name.bytes().map(fold))
}

/// Whether HTTP or a proxy gives the field `name`, in any spelling, a meaning of its own: it frames,
/// routes, authenticates or describes a message, and can carry nothing else.
#[must_use]
pub fn has_its_own_meaning(name: &str) -> bool {
    let mut known = HOP_BY_HOP.iter().chain(TRAILER_BARRED).chain(END_TO_END);
    known.any(|known| folds_to(name, known))
}

/// Removes the fields from trailers that belong in the head (RFC 9110 §6.5.1).
pub fn strip_barred_trailers(trailers: &mut HeaderMap) {
    for name in TRAILER_BARRED {
        remove(trailers, name);
    }
}

/// Whether `name` is `Content_Length` or the like: no framing to us, but perhaps to a backend that folds
/// names. The HTTP/1.1 head refuses such a field; a request in another version must not carry it either.
#[must_use]
pub fn masks_framing(name: &str) -> bool {
    // A spelling has as many characters as what it spells.
    if !MASKED.iter().any(|framing| framing.len() == name.len()) {
        return false;
    }
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    !plain && MASKED.iter().any(|framing| folds_to(name, framing))
}

/// The members of a comma-separated list of tokens over all lines of a field, in lower case. Empty
/// members and such that are not text are left out (RFC 9110 §5.6.1.2).
#[must_use]
pub fn tokens(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let lines = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let members = lines.flat_map(|line| line.split(',')).map(|member| member.trim_matches([' ', '\t']));
    members.filter(|member| !member.is_empty()).map(str::to_ascii_lowercase).collect()
}

/// Removes all values of one name.
fn remove(headers: &mut HeaderMap, name: &str) {
    if headers.contains_key(name) {
        headers.remove(name);
    }
}

/// The fields that say where a body ends.
const MASKED: [&str; 2] = ["content-length", "transfer-encoding"];

const HOP_BY_HOP: &[&str] = &[
    "connection",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Fields that frame, route, authenticate or describe the content: of no use after it, and a trap
/// for a reader that merges trailers into the head (RFC 9110 §6.5.1).
pub(crate) const TRAILER_BARRED: &[&str] = &[
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "max-forwards",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "www-authenticate",
    "x-wsse",
];

/// Fields of the message itself: Connection must not name them (RFC 9110 §7.6.1).
const END_TO_END: &[&str] = &[
    "accept",
    "authorization",
    "cache-control",
    "client-cert",
    "client-cert-chain",
    "content-digest",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "etag",
    "expect",
    "forwarded",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "location",
    "max-forwards",
    "origin",
    "range",
    "referer",
    "set-cookie",
    "signature",
    "signature-input",
    "trailer",
    "user-agent",
    "vary",
    "via",
    "www-authenticate",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-wsse",
];

#[cfg(test)]
mod tests {
    use super::*;

    type Lines = &'static [(&'static str, &'static str)];

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn hop_by_hop_fields_end_here() {
        let table: &[(Lines, Hop, Lines)] = &[
            (&[], Hop::default(), &[]),
            (
                &[("connection", "close"), ("te", "trailers"), ("keep-alive", "timeout=5"), ("accept", "*/*")],
                Hop { close: true, ..Hop::default() },
                &[("accept", "*/*")],
            ),
            (
                &[("connection", "Keep-Alive, X-A"), ("connection", "x-b ,"), ("x-a", "1"), ("x-b", "2"), ("x-c", "3")],
                Hop { keep_alive: true, ..Hop::default() },
                &[("x-c", "3")],
            ),
            (
                &[("connection", "Upgrade"), ("upgrade", "WebSocket, h2c")],
                Hop { upgrade: vec!["websocket".into(), "h2c".into()], ..Hop::default() },
                &[],
            ),
            // Upgrade without its Connection option is no offer.
            (&[("upgrade", "h2c"), ("http2-settings", "AAMAAABk")], Hop::default(), &[]),
            (
                &[
                    ("proxy-authorization", "Basic eDp5"),
                    ("proxy-connection", "keep-alive"),
                    ("transfer-encoding", "chunked"),
                ],
                Hop::default(),
                &[],
            ),
            (
                &[
                    ("connection", "host, content-length, authorization, cookie, transfer-encoding"),
                    ("host", "a"),
                    ("content-length", "1"),
                    ("authorization", "Basic eDp5"),
                    ("cookie", "a=b"),
                ],
                Hop::default(),
                &[("host", "a"), ("content-length", "1"), ("authorization", "Basic eDp5"), ("cookie", "a=b")],
            ),
            (
                &[("connection", "not a token, \"x-a\", x-b"), ("x-a", "1"), ("x-b", "1")],
                Hop::default(),
                &[("x-a", "1")],
            ),
        ];
        for (before, hop, after) in table {
            let mut headers = map(before);
            assert_eq!(strip_hop_by_hop(&mut headers), *hop, "{before:?}");
            assert_eq!(headers, map(after), "{before:?}");
        }
    }

    #[test]
    fn some_fields_have_a_meaning_already() {
        for name in [
            "Content-Length",
            "content_length",
            "Host",
            "Connection",
            "TE",
            "Cookie",
            "X-Forwarded-For",
            "X-WSSE",
            "Client-Cert",
        ] {
            assert!(has_its_own_meaning(name), "{name}");
        }
        for name in ["X-Gatepost-User", "Remote-User", "X-Forwarded-User"] {
            assert!(!has_its_own_meaning(name), "{name}");
        }
    }

    #[test]
    fn every_spelling_of_an_identity_goes() {
        let name = HeaderName::from_static("x-gatepost-user");
        let spellings = [
            "x-gatepost-user",
            "X-Gatepost-User",
            "X-GATEPOST-USER",
            "x_gatepost_user",
            "X_Gatepost_User",
            "x_gatepost-user",
            "x-gatepost_user",
            "x.gatepost.user",
            "x.gatepost-user",
            "x-gatepost.user",
            "x.gatepost_user",
            "x!gatepost!user",
            "x~gatepost~user",
            "x|gatepost|user",
            "x+gatepost+user",
            "x*gatepost'user",
            "x`gatepost^user",
            "x$gatepost%user",
            "x#gatepost&user",
        ];
        for spelling in spellings {
            let mut headers = map(&[(spelling, "root"), (spelling, "admin"), ("x-gatepost-users", "1")]);
            assert_eq!(strip_spellings(&mut headers, &name), 2, "{spelling}");
            assert_eq!(headers, map(&[("x-gatepost-users", "1")]), "{spelling}");
        }
        for other in ["xgatepost-user", "x--gatepost-user", "x-gatepost-user-", "gatepost-user"] {
            assert_eq!(strip_spellings(&mut map(&[(other, "1")]), &name), 0, "{other}");
        }
    }
}
