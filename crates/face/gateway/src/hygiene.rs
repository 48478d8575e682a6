//! Which header fields cross the gate: strip before set, so that nobody but us says who came.

use std::net::IpAddr;

use gatepost::http1::fields;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Fields in which a proxy tells where a request comes from: ours only.
const FORWARDED: [HeaderName; 7] = [
    header::FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-forwarded-server"),
    HeaderName::from_static("x-real-ip"),
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

/// Makes the header fields of a request fit for the upstream, ///
/// `identities` are the identity fields of all routes; `credentials` are the fields that held the
/// proof. All are stripped in every spelling. Nothing is set yet: see [`tell`].
pub fn cleanse(headers: &mut HeaderMap, identities: &[HeaderName], credentials: &[HeaderName]) {
    // First, so that `Connection: X-Gatepost-User` cannot remove what is set after (RFC 9110 §7.6.1).
    fields::strip_hop_by_hop(headers);
    for name in identities.iter().chain(credentials).chain(&FORWARDED) {
        fields::strip_spellings(headers, name);
    }
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

#[cfg(test)]
mod tests;
