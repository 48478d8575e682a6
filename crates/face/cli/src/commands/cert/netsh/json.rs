//! A listing as JSON: the fields of the structure that the HTTP Server API keeps, with flags as numbers.

use serde_json::Value;

use super::entry::Entry;
use super::labels;

/// `DefaultCertCheckMode` of HTTP_SERVICE_CONFIG_SSL_PARAM: which checks are off, which are narrower.
const CHECK_NO_REVOCATION: u64 = 0x1;
const CHECK_CACHED_ONLY: u64 = 0x2;
const CHECK_NO_USAGE: u64 = 0x1_0000;

/// `DefaultFlags` of the same, each with its label and its words.
const FLAGS: [(u64, &str, [&str; 2]); 14] = [
    (0x1, labels::MAPPER, ABLE),
    (0x2, labels::NEGOTIATE, ABLE),
    (0x8, labels::REJECT, ABLE),
    (0x10, labels::NO_HTTP2, SET),
    (0x20, labels::NO_QUIC, SET),
    (0x1000, labels::NO_TLS12, SET),
    (0x40, labels::NO_TLS13, SET),
    (0x80, labels::NO_OCSP, SET),
    (0x100, labels::TOKEN_BINDING, SET),
    (0x200, labels::LOG, SET),
    (0x400, labels::NO_LEGACY, SET),
    (0x800, labels::TICKET, SET),
    (0x4000, labels::NO_SESSION_ID, SET),
    (0x8000, labels::CACHE_HELLO, SET),
];
const ABLE: [&str; 2] = ["Disabled", "Enabled"];
const SET: [&str; 2] = ["Not Set", "Set"];

/// Reads the bindings of a listing.
///
/// # Errors
/// What is wrong with the document.
pub(crate) fn read(text: &str) -> Result<Vec<Entry>, String> {
    let document: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let list = field(&document, &["SslCertificateBindings"]).unwrap_or(&document);
    let list = list.as_array().ok_or("there is no list `SslCertificateBindings` in it")?;
    Ok(list.iter().map(entry).collect())
}

fn entry(row: &Value) -> Entry {
    let mut lines = Vec::new();
    let keys = [
        (labels::ADDRESS, &["IpPort", "IpEndpoint"][..]),
        (labels::HOST, &["HostnamePort", "HostPort", "SniPort"]),
        (labels::STORE, &["CcsPort", "Port"]),
    ];
    if let Some((label, key)) = keys.iter().find_map(|(label, names)| Some((*label, words(field(row, names)?)))) {
        lines.push((label, key));
    }
    lines.push((labels::HASH, hash(field(row, &["SslHash", "CertificateHash", "Thumbprint"]))));
    let id = field(row, &["GuidString", "AppId", "ApplicationId"]).map(words);
    lines.push((labels::APPLICATION, id.unwrap_or_default()));
    let text = |names: &[&str], usual: &str| {
        let said = field(row, names).map(words).filter(|text| !text.is_empty());
        said.unwrap_or_else(|| usual.to_owned())
    };
    let number = |names: &[&str]| field(row, names).and_then(Value::as_u64).unwrap_or(0);
    let check = number(&["DefaultCertCheckMode", "CertCheckMode"]);
    let able = |on: bool| ABLE[usize::from(on)].to_owned();
    lines.extend([
        (labels::STORE_NAME, text(&["SslCertStoreName", "CertificateStoreName"], "(null)")),
        (labels::REVOCATION, able(check & CHECK_NO_REVOCATION == 0)),
        (labels::REVOCATION_CACHED, able(check & CHECK_CACHED_ONLY != 0)),
        (labels::USAGE, able(check & CHECK_NO_USAGE == 0)),
        (labels::FRESHNESS, text(&["DefaultRevocationFreshnessTime", "RevocationFreshnessTime"], "0")),
        (labels::RETRIEVAL, text(&["DefaultRevocationUrlRetrievalTimeout", "RevocationURLRetrievalTimeout"], "0")),
        (labels::CTL, text(&["DefaultSslCtlIdentifier", "SslCtlIdentifier"], "(null)")),
        (labels::CTL_STORE, text(&["DefaultSslCtlStoreName", "SslCtlStoreName"], "(null)")),
    ]);
    let flags = number(&["DefaultFlags", "Flags"]);
    lines.extend(FLAGS.map(|(bit, label, words)| (label, words[usize::from(flags & bit != 0)].to_owned())));
    Entry { lines: lines.into_iter().map(|(label, value)| (label.to_owned(), value)).collect() }
}

/// The first field that has one of these names, whatever their case.
fn field<'a>(row: &'a Value, names: &[&str]) -> Option<&'a Value> {
    let row = row.as_object()?;
    let find = |name: &&str| row.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    names.iter().find_map(find).filter(|value| !value.is_null())
}

fn words(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A hash as octets in a list, as hexadecimal, or as base64.
fn hash(value: Option<&Value>) -> String {
    match value {
        Some(Value::Array(octets)) => {
            octets.iter().filter_map(Value::as_u64).map(|octet| format!("{octet:02x}")).collect()
        }
        Some(Value::String(text)) if text.len() % 4 == 0 && !matches!(text.len(), 40 | 64) => {
            from_base64(text).unwrap_or_else(|| text.clone())
        }
        Some(other) => words(other),
        None => "(null)".to_owned(),
    }
}

/// RFC 4648 §4; short as it is, a hash is worth no dependency.
fn from_base64(text: &str) -> Option<String> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bare = text.trim_end_matches('=');
    let mut bits: Vec<bool> = Vec::new();
    for letter in bare.bytes() {
        let at = LETTERS.iter().position(|known| *known == letter)?;
        bits.extend((0..6).rev().map(|bit| at >> bit & 1 == 1));
    }
    let octet = |bits: &[bool]| bits.iter().fold(0_u32, |octet, bit| octet << 1 | u32::from(*bit));
    Some(bits.chunks_exact(8).map(|bits| format!("{:02x}", octet(bits))).collect())
}
