//! Header fields of handshakes, read strictly: what stands once, what is a list, what is a token.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::error::WsError;

/// The version of RFC 6455.
pub(crate) const VERSION: &str = "13";

/// The most members that a list may have. Nobody needs as many, and comparing all with all must not take long.
const MEMBERS: usize = 100;

/// Whether a comma-separated field lists this member, whatever its case.
pub(crate) fn lists(headers: &HeaderMap, name: &HeaderName, member: &str) -> bool {
    let lines = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|listed| is_same(trim(listed), member))
}

pub(crate) fn is_same(written: &str, meant: &str) -> bool {
    written.eq_ignore_ascii_case(meant)
}

/// The one value of a field that may stand once.
pub(crate) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, &'static str> {
    let mut lines = headers.get_all(name).iter();
    let Some(value) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err("a field that may stand once is given twice");
    }
    text(value).map(Some)
}

/// Judges the version of a request.
pub(crate) fn version(headers: &HeaderMap) -> Result<(), WsError> {
    let version = only(headers, &header::SEC_WEBSOCKET_VERSION).ok().flatten();
    if version == Some(VERSION) { Ok(()) } else { Err(WsError::Version) }
}

/// The members of a list of tokens, over all its lines.
pub(crate) fn tokens(headers: &HeaderMap, name: &HeaderName) -> Result<Vec<String>, &'static str> {
    let mut tokens = Vec::new();
    for value in headers.get_all(name) {
        for member in text(value)?.split(',').map(trim) {
            if !is_token(member) {
                return Err("a name in a list is not a token");
            }
            admit(&tokens)?;
            tokens.push(member.to_owned());
        }
    }
    Ok(tokens)
}

/// Whether a list has room for one more.
pub(crate) fn admit<T>(list: &[T]) -> Result<(), &'static str> {
    if list.len() < MEMBERS { Ok(()) } else { Err("a list of more than a hundred") }
}

pub(crate) fn text(value: &HeaderValue) -> Result<&str, &'static str> {
    value.to_str().map_err(|_| "a field value is not text")
}

/// Without the white space around it (RFC 9110 §5.6.3).
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// RFC 9110 §5.6.2.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet))
}

pub(crate) fn has_duplicate<T: PartialEq>(mut members: impl Iterator<Item = T> + Clone) -> bool {
    while let Some(member) = members.next() {
        if members.clone().any(|later| later == member) {
            return true;
        }
    }
    false
}
