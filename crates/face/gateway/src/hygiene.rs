//! Which header fields cross the gate: strip before set, so that nobody but us says who came.

use std::cell::RefCell;
use std::net::IpAddr;

use bytes::Bytes;
use gatepost::http1::fields;
use gatepost::http1::spellings::Spellings;
use gatepost::tls::client_cert::ClientCert;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::config::clients::Forwarded;

/// Fields in which a proxy tells where a request comes from and what it was before: ours only.
/// Frameworks take host, path and even the user from them.
const FORWARDED: [HeaderName; 12] = [
    header::FORWARDED,
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("x-client-ip"),
    HeaderName::from_static("true-client-ip"),
    HeaderName::from_static("x-original-host"),
    HeaderName::from_static("x-original-uri"),
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-rewrite-url"),
    // A proof for a proxy in whatever spelling, and what CGI takes for HTTP_PROXY (CVE-2016-5386).
    header::PROXY_AUTHORIZATION,
    // RFC 9440 §4: whoever forwards them unasked lets anybody show anybody's certificate.
    CLIENT_CERT,
    CLIENT_CERT_CHAIN,
    HeaderName::from_static("proxy"),
];

/// The client's certificate (RFC 9440 §2.2).
const CLIENT_CERT: HeaderName = HeaderName::from_static("client-cert");
/// Those behind it (RFC 9440 §2.3).
const CLIENT_CERT_CHAIN: HeaderName = HeaderName::from_static("client-cert-chain");

/// Every field of this family is ours, whatever follows.
const FORWARDED_FAMILY: &str = "x-forwarded-";

/// The fields of a request that never reach an upstream in any spelling: what only we may say, the
/// identity fields of all routes among it, and those that held a proof.
#[must_use]
pub fn ours(identities: &[HeaderName], credentials: &[HeaderName]) -> Spellings {
    Spellings::of(identities.iter().chain(credentials).chain(&FORWARDED)).and_family(FORWARDED_FAMILY)
}

/// What we know about a request and tell the upstream.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    /// The peer's address.
    pub peer: Option<IpAddr>,
    /// `https` or `http`.
    pub proto: &'static str,
    /// The Host of the request.
    pub host: &'a HeaderValue,
}

/// Makes the header fields of a request fit for the upstream. Nothing is set yet: see [`tell`].
pub fn cleanse(headers: &mut HeaderMap, ours: &Spellings) {
    // First, so that `Connection: X-Gatepost-User` cannot remove what is set after (RFC 9110 §7.6.1).
    fields::strip_hop_by_hop(headers);
    ours.strip(headers);
}

/// Tells the upstream where the request comes from, and who came.
///
/// A name that is no field value (RFC 9110 §5.5), or not plain ASCII, is percent-encoded, so that
/// two names never look alike: `%` itself is encoded then too.
pub fn tell(headers: &mut HeaderMap, sender: Sender<'_>, identity: &HeaderName, name: Option<&str>) {
    if let Some(address) = sender.peer.and_then(address) {
        headers.insert(HeaderName::from_static("x-forwarded-for"), address);
    }
    headers.insert(HeaderName::from_static("x-forwarded-proto"), HeaderValue::from_static(sender.proto));
    headers.insert(HeaderName::from_static("x-forwarded-host"), sender.host.clone());
    if let Some(value) = name.and_then(|name| HeaderValue::from_maybe_shared(Bytes::from(field_text(name))).ok()) {
        headers.insert(identity.clone(), value);
    }
}

/// Tells the upstream which certificate the client has shown, if it has (RFC 9440).
///
/// # Errors
/// [`TooLong`] if the fields would be longer than others take.
pub fn tell_certificate(headers: &mut HeaderMap, told: &ClientCert, forwarded: Forwarded) -> Result<(), TooLong> {
    if forwarded == Forwarded::Off {
        return Ok(());
    }
    headers.insert(CLIENT_CERT, field(told.leaf.as_deref())?);
    if forwarded == Forwarded::Chain && told.chain.as_deref() != Some("") {
        headers.insert(CLIENT_CERT_CHAIN, field(told.chain.as_deref())?);
    }
    Ok(())
}

/// A certificate is longer than a field may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

fn field(value: Option<&str>) -> Result<HeaderValue, TooLong> {
    value.and_then(|value| HeaderValue::from_str(value).ok()).ok_or(TooLong)
}

thread_local! {
    /// The address that was written last, and how: requests of one peer come in a row.
    static WRITTEN: RefCell<Option<(IpAddr, HeaderValue)>> = const { RefCell::new(None) };
}

/// An address as a field value.
fn address(peer: IpAddr) -> Option<HeaderValue> {
    WRITTEN.with_borrow_mut(|written| {
        if let Some((_, value)) = written.as_ref().filter(|(last, _)| *last == peer) {
            return Some(value.clone());
        }
        let value = HeaderValue::from_str(&peer.to_string()).ok()?;
        *written = Some((peer, value.clone()));
        Some(value)
    })
}

fn field_text(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for octet in name.bytes() {
        if octet.is_ascii_graphic() && octet != b'%' {
            text.push(char::from(octet));
        } else {
            let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default().to_ascii_uppercase();
            text.extend(['%', digit(octet >> 4), digit(octet & 15)]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    const IDENTITY: HeaderName = HeaderName::from_static("x-gatepost-user");
    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn every_spelling_of_our_fields_is_stripped() {
        let mut headers = map(&[
            ("X-Gatepost-User", "admin"),
            ("x_gatepost_user", "admin"),
            ("X.Gatepost_User", "admin"),
            ("X-Gatepost-User", "root"),
            ("X_Forwarded_For", "1.2.3.4"),
            ("Forwarded", "for=1.2.3.4"),
            ("X-Forwarded-User", "admin"),
            ("x_forwarded.prefix", "/admin"),
            ("X-Original-URL", "/admin"),
            ("Proxy_Authorization", "Basic x"),
            ("Proxy", "http://evil.example"),
            ("Client-Cert", ":AA==:"),
            ("client_cert", ":AA==:"),
            ("Client.Cert-Chain", ":AA==:"),
            ("X-Forwarded", "kept: of no family"),
            ("Authorization", "Basic x"),
            ("X-WSSE", "y"),
            ("X-Kept", "1"),
        ]);
        cleanse(&mut headers, &ours(&[IDENTITY], &[header::AUTHORIZATION, HeaderName::from_static("x-wsse")]));
        assert_eq!(headers, map(&[("x-forwarded", "kept: of no family"), ("x-kept", "1")]));
    }

    #[test]
    fn a_field_listed_in_connection_goes_but_ours_is_set_after() {
        let mut headers = map(&[
            ("Connection", "close, X-Gatepost-User"),
            ("connection", "x-other"),
            ("x-other", "1"),
            ("TE", "trailers"),
        ]);
        cleanse(&mut headers, &ours(&[IDENTITY], &[]));
        let host = HeaderValue::from_static("h:1");
        let sender = Sender { peer: Some(PEER), proto: "https", host: &host };
        tell(&mut headers, sender, &IDENTITY, Some("alice"));
        let told = map(&[
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "h:1"),
            ("x-gatepost-user", "alice"),
        ]);
        assert_eq!(headers, told);
    }

    #[test]
    fn a_certificate_is_told_where_it_is_wanted() {
        let told = |leaf: Option<&str>, chain: Option<&str>| ClientCert {
            leaf: leaf.map(str::to_owned),
            chain: chain.map(str::to_owned),
        };
        let both = map(&[("client-cert", ":AA==:"), ("client-cert-chain", ":AQ==:, :Ag==:")]);
        let leaf = map(&[("client-cert", ":AA==:")]);
        let table = [
            (told(Some(":AA==:"), Some(":AQ==:, :Ag==:")), Forwarded::Chain, Ok(both)),
            (told(Some(":AA==:"), Some(":AQ==:, :Ag==:")), Forwarded::Leaf, Ok(leaf.clone())),
            (told(Some(":AA==:"), Some("")), Forwarded::Chain, Ok(leaf.clone())),
            (told(Some(":AA==:"), None), Forwarded::Leaf, Ok(leaf)),
            (told(Some(":AA==:"), None), Forwarded::Chain, Err(TooLong)),
            (told(None, Some("")), Forwarded::Leaf, Err(TooLong)),
            (told(None, None), Forwarded::Off, Ok(HeaderMap::new())),
        ];
        for (told, forwarded, expected) in table {
            let mut headers = HeaderMap::new();
            let outcome = tell_certificate(&mut headers, &told, forwarded).map(|()| headers);
            assert_eq!(outcome, expected, "{told:?} {forwarded}");
        }
    }

    #[test]
    fn names_never_look_alike() {
        let table = [
            ("alice", "alice"),
            ("a b", "a%20b"),
            ("a%20b", "a%2520b"),
            ("zoë", "zo%C3%AB"),
            ("a\r\nX: y", "a%0D%0AX:%20y"),
        ];
        for (name, text) in table {
            assert_eq!(field_text(name), text, "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_spelling_survives(name in "[xX][-_.][uU][sS][eE][rR]") {
            let mut headers = map(&[(&name, "admin")]);
            cleanse(&mut headers, &ours(&[HeaderName::from_static("x-user")], &[]));
            proptest::prop_assert!(headers.is_empty());
        }
    }
}
