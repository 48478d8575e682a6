//! Which header fields cross the gate: strip before set, so that nobody but us says who came.

use std::net::IpAddr;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Fields that belong to one connection and end at us (RFC 9110 §7.6.1; `Proxy-Connection` is a
/// spelling that never was one).
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Fields in which a proxy tells where a request comes from: ours only.
const FORWARDED: [&str; 7] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-real-ip",
];

/// What we know about a request and tell the upstream.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The peer's address.
    pub peer: Option<IpAddr>,
    /// `https` or `http`.
    pub proto: &'static str,
    /// The Host of the request.
    pub host: &'a str,
}

/// Takes away what ends at us (RFC 9110 §7.6.1): the fields that `Connection` lists first, then the
/// known ones. Done before anything is set, so that `Connection: X-Gatepost-User` cannot remove ours.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let listed: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|b| *b == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    for name in listed.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// Takes away every spelling of a field that a backend may fold into `name`: case, `_` and `.` for `-`.
pub fn strip_spellings<'a>(headers: &mut HeaderMap, names: impl IntoIterator<Item = &'a str>) {
    let folded: Vec<String> = names.into_iter().map(fold).collect();
    let wrong: Vec<HeaderName> = headers.keys().filter(|key| folded.contains(&fold(key.as_str()))).cloned().collect();
    for name in wrong {
        headers.remove(name);
    }
}

/// What CGI and its children make of a field name (RFC 3875 §4.1.18), and a dot too.
fn fold(name: &str) -> String {
    name.chars().map(|c| if matches!(c, '_' | '.') { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// Makes the header fields of a request fit for the upstream.
///
/// `identities` are the identity fields of all routes; `credentials` are the fields that held the
/// proof. All are stripped in every spelling. Nothing is set yet: see [`tell`].
pub fn cleanse(headers: &mut HeaderMap, identities: &[HeaderName], credentials: &[&str]) {
    strip_hop_by_hop(headers);
    let own = identities.iter().map(HeaderName::as_str);
    strip_spellings(headers, own.chain(FORWARDED).chain(credentials.iter().copied()));
}

/// Tells the upstream where the request comes from, and who came.
///
/// A name that is no field value (RFC 9110 §5.5), or not plain ASCII, is percent-encoded, so that
/// two names never look alike: `%` itself is encoded then too.
pub fn tell(headers: &mut HeaderMap, origin: Origin<'_>, identity: &HeaderName, name: Option<&str>) {
    if let Some(peer) = origin.peer {
        set(headers, HeaderName::from_static("x-forwarded-for"), &peer.to_string());
    }
    set(headers, HeaderName::from_static("x-forwarded-proto"), origin.proto);
    set(headers, HeaderName::from_static("x-forwarded-host"), origin.host);
    if let Some(name) = name {
        set(headers, identity.clone(), &field_text(name));
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn field_text(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for octet in name.bytes() {
        if octet.is_ascii_graphic() && octet != b'%' {
            text.push(char::from(octet));
        } else {
            text.push_str(&format!("%{octet:02X}"));
        }
    }
    text
}

/// Whether the request asks to become a WebSocket, and nothing else: `Upgrade: h2c` or a list is not
/// forwarded (RFC 6455 §4.1, RFC 9113 §3.1 has taken h2c away).
#[must_use]
pub fn wants_websocket(headers: &HeaderMap) -> bool {
    let mut upgrades = headers.get_all(header::UPGRADE).iter();
    let only = upgrades.next().is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    only && upgrades.next().is_none() && lists(headers, b"upgrade") && headers.contains_key(header::SEC_WEBSOCKET_KEY)
}

/// Whether an answer's head accepts the upgrade that we forwarded; `accept` is what
/// Sec-WebSocket-Accept must be for the key that was sent (RFC 6455 §4.2.2).
#[must_use]
pub fn accepts_websocket(headers: &HeaderMap, accept: &str) -> bool {
    let one = |name: HeaderName, wanted: &[u8], cased: bool| {
        let mut values = headers.get_all(name).iter();
        let first = values.next().map(HeaderValue::as_bytes);
        let same = first.is_some_and(|value| if cased { value == wanted } else { value.eq_ignore_ascii_case(wanted) });
        same && values.next().is_none()
    };
    one(header::UPGRADE, b"websocket", false)
        && lists(headers, b"upgrade")
        && one(header::SEC_WEBSOCKET_ACCEPT, accept.as_bytes(), true)
}

fn lists(headers: &HeaderMap, option: &[u8]) -> bool {
    let values = headers.get_all(header::CONNECTION);
    values.iter().flat_map(|value| value.as_bytes().split(|b| *b == b',')).any(|part| part.trim_ascii().eq_ignore_ascii_case(option))
}

#[cfg(test)]
mod tests;
