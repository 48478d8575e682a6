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
/// Flags that are known and mean nothing here: raw ISAPI filters, and correlation of clients in a trace.
const IDLE_FLAGS: u64 = 0x4 | 0x2000;
/// Checks that are known and mean nothing here: how fresh a list has to be.
const IDLE_CHECKS: u64 = 0x4;
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
    let known = CHECK_NO_REVOCATION | CHECK_CACHED_ONLY | CHECK_NO_USAGE | IDLE_CHECKS;
    let checks = bits(row, &["DefaultCertCheckMode", "CertCheckMode"], known);
    let check = checks.clone().unwrap_or_default();
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
    let known = FLAGS.iter().fold(IDLE_FLAGS, |known, (bit, ..)| known | bit);
    let said = bits(row, &["DefaultFlags", "Flags"], known);
    let flags = said.clone().unwrap_or_default();
    lines.extend(FLAGS.map(|(bit, label, words)| (label, words[usize::from(flags & bit != 0)].to_owned())));
    let lines = lines.into_iter().map(|(label, value)| (label.to_owned(), value)).collect();
    Entry { lines, wrong: checks.err().or(said.err()) }
}

/// A number that is made of these bits; 0 if there is none.
fn bits(row: &Value, names: &[&str], known: u64) -> Result<u64, String> {
    let Some(value) = field(row, names) else { return Ok(0) };
    let name = names.first().copied().unwrap_or_default();
    let number = value.as_u64().ok_or_else(|| format!("`{name}` is {value}, which is no number"))?;
    match number & !known {
        0 => Ok(number),
        unknown => Err(format!("`{name}` has bits that are not known here: {unknown:#x}")),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_are_not_understood_are_an_error() {
        let table = [
            (r#"{"DefaultFlags": 2}"#, None),
            (r#"{"DefaultFlags": 8196, "DefaultCertCheckMode": 4}"#, None),
            (r#"{}"#, None),
            (r#"{"DefaultFlags": "2"}"#, Some("`DefaultFlags` is \"2\", which is no number")),
            (r#"{"flags": 2.5}"#, Some("`DefaultFlags` is 2.5, which is no number")),
            (r#"{"DefaultFlags": -1}"#, Some("`DefaultFlags` is -1, which is no number")),
            (r#"{"DefaultFlags": 65538}"#, Some("`DefaultFlags` has bits that are not known here: 0x10000")),
            (r#"{"CertCheckMode": true}"#, Some("`DefaultCertCheckMode` is true, which is no number")),
            (r#"{"CertCheckMode": 8}"#, Some("`DefaultCertCheckMode` has bits that are not known here: 0x8")),
        ];
        for (row, wrong) in table {
            let entries = read(&format!("[{row}]")).unwrap();
            assert_eq!(entries[0].wrong.as_deref(), wrong, "{row}");
            assert_eq!(entries[0].terms().err().as_deref(), wrong, "{row}");
        }
    }
}
