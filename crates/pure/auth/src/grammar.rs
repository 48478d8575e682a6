//! The grammar that challenges and credentials share: lists, tokens, quoted strings and token68
//! (RFC 9110 §5.6, §11.2).
//!
//! Strict where two readings are possible, lenient where there is one: empty list elements and
//! white space around `=` are taken, an unescaped quote or a control character is not.

use std::fmt::Write;

/// The most parameters that one challenge, or one set of credentials, may have.
pub(crate) const MOST_PARAMS: usize = 32;

/// Splits a list at its commas outside quoted strings; gives each element, trimmed, with the
/// offset behind the comma before it.
/// Empty elements are left out (RFC 9110 §5.6.1.2).
pub(crate) fn elements(field: &[u8]) -> Vec<(usize, &[u8])> {
    let mut found = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, octet) in field.iter().enumerate() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                found.push((start, field.get(start..at).unwrap_or_default()));
                start = at.saturating_add(1);
            }
            _ => {}
        }
    }
    found.push((start, field.get(start..).unwrap_or_default()));
    found.into_iter().map(|(at, part)| (at, trim(part))).filter(|(_, part)| !part.is_empty()).collect()
}

/// Without white space at both ends.
pub(crate) fn trim(text: &[u8]) -> &[u8] {
    trim_start(text).trim_ascii_end()
}

/// Without white space at its start.
pub(crate) fn trim_start(text: &[u8]) -> &[u8] {
    text.trim_ascii_start()
}

/// Splits off the token at the start of `text`, which may be empty.
pub(crate) fn split_token(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|octet| !is_token_octet(*octet)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, &[]))
}

/// `token` (RFC 9110 §5.6.2).
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_token_octet)
}

fn is_token_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet)
}

/// `token68` (RFC 9110 §11.2): base64, base64url, base32 or hex, padded or not.
pub(crate) fn is_token68(text: &[u8]) -> bool {
    let end = text.iter().rposition(|octet| *octet != b'=').map_or(0, |last| last.saturating_add(1));
    let body = text.get(..end).unwrap_or_default();
    !body.is_empty() && body.iter().all(|octet| octet.is_ascii_alphanumeric() || b"-._~+/".contains(octet))
}

/// `auth-param` (RFC 9110 §11.2): its name in lower case and its value unquoted.
pub(crate) fn param(element: &[u8]) -> Result<(String, String), &'static str> {
    let (name, rest) = split_token(element);
    if name.is_empty() {
        return Err("a parameter has no name");
    }
    let Some((b'=', value)) = trim_start(rest).split_first() else {
        return Err("a parameter has no `=`");
    };
    let name = text(name).to_ascii_lowercase();
    let value = trim_start(value);
    if let Some((b'"', quoted)) = value.split_first() {
        return Ok((name, unquote(quoted)?));
    }
    if is_token(value) { Ok((name, text(value))) } else { Err("a value is neither a token nor a quoted string") }
}

/// Adds a parameter. A name may come once (RFC 9110 §11.2), whatever its case.
pub(crate) fn add(params: &mut Vec<(String, String)>, new: (String, String)) -> Result<(), &'static str> {
    if params.len() >= MOST_PARAMS {
        return Err("too many parameters");
    }
    if params.iter().any(|(name, _)| *name == new.0) {
        return Err("a parameter comes twice");
    }
    params.push(new);
    Ok(())
}

/// Reads the rest of a `quoted-string` (RFC 9110 §5.6.4) after its opening quote.
fn unquote(rest: &[u8]) -> Result<String, &'static str> {
    let mut value = Vec::with_capacity(rest.len());
    let mut octets = rest.iter().copied();
    loop {
        let octet = match octets.next() {
            None => return Err("a quoted string has no end"),
            Some(b'"') => break,
            Some(b'\\') => octets.next().ok_or("a quoted string has no end")?,
            Some(octet) => octet,
        };
        if octet != b'\t' && octet.is_ascii_control() {
            return Err("a control character in a quoted string");
        }
        value.push(octet);
    }
    if octets.next().is_some() { Err("text after a quoted string") } else { Ok(text(&value)) }
}

/// Octets as text. What is not UTF-8 is read as ISO-8859-1, the old meaning of such octets: a realm
/// in the wrong character set is no reason to lose its challenge.
pub(crate) fn text(octets: &[u8]) -> String {
    match std::str::from_utf8(octets) {
        Ok(text) => text.to_owned(),
        Err(_) => octets.iter().copied().map(char::from).collect(),
    }
}

/// Prints a challenge or credentials. All values are quoted: a realm must be (RFC 9110 §11.5), the
/// others may be, but for those that are named as `bare`: they go out as they are, if they are tokens.
pub(crate) fn print(scheme: &str, token68: Option<&str>, params: &[(String, String)], bare: &[&str]) -> String {
    let mut line = scheme.to_owned();
    if let Some(token68) = token68 {
        let _ = write!(line, " {token68}");
    }
    for (at, (name, value)) in params.iter().enumerate() {
        let parting = if at == 0 { "" } else { "," };
        if bare.contains(&name.as_str()) && is_token(value.as_bytes()) {
            let _ = write!(line, "{parting} {name}={value}");
            continue;
        }
        let _ = write!(line, "{parting} {name}=\"");
        for c in value.chars() {
            if matches!(c, '"' | '\\') {
                line.push('\\');
            }
            line.push(c);
        }
        line.push('"');
    }
    line
}

/// Why what [`print`] makes of this cannot be read again, if it cannot.
pub(crate) fn unprintable(scheme: &str, token68: Option<&str>, params: &[(String, String)]) -> Option<&'static str> {
    if !is_token(scheme.as_bytes()) {
        return Some("the scheme is not a token");
    }
    if token68.is_some_and(|data| !is_token68(data.as_bytes()) || !params.is_empty()) {
        return Some("token68 has other characters or parameters beside it");
    }
    if params.iter().any(|(name, _)| !is_token(name.as_bytes())) {
        return Some("a parameter's name is not a token");
    }
    let forbidden = |c: char| c != '\t' && c.is_ascii_control();
    params.iter().any(|(_, value)| value.chars().any(forbidden)).then_some("a control character in a value")
}
