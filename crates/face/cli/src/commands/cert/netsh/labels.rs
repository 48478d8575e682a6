//! The lines of a listing: their labels, in order, and what a binding of ours says under each.

use gatepost::model::binding::{Answer, Binding, BindingKey};
use gatepost::model::terms::{ClientCertificate, Revocation, TlsBound};

/// In front of the key of an address binding.
pub(crate) const ADDRESS: &str = "IP:port";
/// In front of the key of a name binding.
pub(crate) const HOST: &str = "Hostname:port";
/// In front of the port of a central certificate store: a directory of certificates.
pub(crate) const STORE: &str = "Central Certificate Store";
pub(crate) const HASH: &str = "Certificate Hash";
pub(crate) const APPLICATION: &str = "Application ID";
pub(crate) const STORE_NAME: &str = "Certificate Store Name";
pub(crate) const REVOCATION: &str = "Verify Client Certificate Revocation";
pub(crate) const REVOCATION_CACHED: &str = "Verify Revocation Using Cached Client Certificate Only";
pub(crate) const USAGE: &str = "Usage Check";
pub(crate) const FRESHNESS: &str = "Revocation Freshness Time";
pub(crate) const RETRIEVAL: &str = "URL Retrieval Timeout";
pub(crate) const CTL: &str = "Ctl Identifier";
pub(crate) const CTL_STORE: &str = "Ctl Store Name";
pub(crate) const MAPPER: &str = "DS Mapper Usage";
pub(crate) const NEGOTIATE: &str = "Negotiate Client Certificate";
pub(crate) const REJECT: &str = "Reject Connections";
pub(crate) const NO_HTTP2: &str = "Disable HTTP2";
pub(crate) const NO_QUIC: &str = "Disable QUIC";
pub(crate) const NO_TLS12: &str = "Disable TLS1.2";
pub(crate) const NO_TLS13: &str = "Disable TLS1.3";
pub(crate) const NO_OCSP: &str = "Disable OCSP Stapling";
pub(crate) const TOKEN_BINDING: &str = "Enable Token Binding";
pub(crate) const LOG: &str = "Log Extended Events";
pub(crate) const NO_LEGACY: &str = "Disable Legacy TLS Versions";
pub(crate) const TICKET: &str = "Enable Session Ticket";
pub(crate) const NO_SESSION_ID: &str = "Disable Session ID";
pub(crate) const CACHE_HELLO: &str = "Enable Caching Client Hello";
/// Begins a group of lines; it has no value.
pub(crate) const EXTENDED: &str = "Extended Properties";

/// What stands below key, hash and application, each with what it says where nothing was imported.
const ORDER: [(&str, &str); 24] = [
    (STORE_NAME, "MY"),
    (REVOCATION, "Enabled"),
    (REVOCATION_CACHED, "Disabled"),
    (USAGE, "Enabled"),
    (FRESHNESS, "0"),
    (RETRIEVAL, "0"),
    (CTL, "(null)"),
    (CTL_STORE, "(null)"),
    (MAPPER, "Disabled"),
    (NEGOTIATE, "Disabled"),
    (REJECT, "Disabled"),
    (NO_HTTP2, "Not Set"),
    (NO_QUIC, "Not Set"),
    (NO_TLS12, "Not Set"),
    (NO_TLS13, "Not Set"),
    (NO_OCSP, "Not Set"),
    (TOKEN_BINDING, "Not Set"),
    (LOG, "Not Set"),
    // There is nothing older than TLS 1.2 here.
    (NO_LEGACY, "Set"),
    (TICKET, "Not Set"),
    (NO_SESSION_ID, "Not Set"),
    (CACHE_HELLO, "Not Set"),
    (EXTENDED, ""),
    ("PropertyId", "0"),
];

/// The lines of a binding. Where a listing was imported, its lines in its order, with what holds by now.
pub(crate) fn lines(binding: &Binding, thumbprint: Option<&str>) -> Vec<(String, String)> {
    let (label, key) = match &binding.key {
        BindingKey::Address(address) => (ADDRESS, address.to_string()),
        BindingKey::Any { port } => (STORE, port.to_string()),
        other => (HOST, other.to_string()),
    };
    let head = [
        (label, key),
        (HASH, thumbprint.unwrap_or("(null)").to_owned()),
        (APPLICATION, format!("{{{}}}", binding.application)),
    ];
    let said = |label: &str, imported: &str| {
        let now = value(binding, label).unwrap_or(imported);
        // Off and from the cache: a listing may say both, and off counts.
        let idle = label == REVOCATION_CACHED && binding.terms.revocation == Revocation::Off;
        (label.to_owned(), if idle { imported } else { now }.to_owned())
    };
    let body: Vec<_> = match binding.terms.imported.as_slice() {
        [] => {
            ORDER.iter().take_while(|(label, _)| *label != EXTENDED).map(|(label, usual)| said(label, usual)).collect()
        }
        imported => imported.iter().map(|(label, value)| said(label, value)).collect(),
    };
    head.into_iter().map(|(label, value)| (label.to_owned(), value)).chain(body).collect()
}

/// What a binding says under a label that means something here.
fn value(binding: &Binding, label: &str) -> Option<&'static str> {
    let terms = &binding.terms;
    let able = |on: bool| if on { "Enabled" } else { "Disabled" };
    let set = |on: bool| if on { "Set" } else { "Not Set" };
    Some(match label {
        REVOCATION => able(terms.checks_revocation()),
        REVOCATION_CACHED => able(terms.revocation == Revocation::Cached),
        USAGE => able(terms.usage_check),
        NEGOTIATE => able(terms.client_certificate != ClientCertificate::Off),
        REJECT => able(matches!(binding.answer, Answer::Reject(_))),
        NO_HTTP2 => set(terms.http2 == Some(false)),
        NO_TLS12 => set(terms.min_tls == Some(TlsBound::V1_3)),
        NO_TLS13 => set(terms.max_tls == Some(TlsBound::V1_2)),
        NO_OCSP => set(terms.staple == Some(false)),
        LOG => set(terms.log == Some(true)),
        TICKET => set(terms.tickets == Some(true)),
        _ => return None,
    })
}
