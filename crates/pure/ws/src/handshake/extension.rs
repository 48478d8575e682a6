//! Lists of extensions and their parameters: `Sec-WebSocket-Extensions` (RFC 6455 §9.1).

use std::fmt;

use http::{HeaderMap, HeaderValue, header};

use crate::error::WsError;
use crate::handshake::fields::{admit, is_token, text, trim};

/// One member of the list. `Display` writes it as it stands there.
///
/// ```
/// use gatepost_ws::handshake::extension::read;
/// use http::{HeaderMap, HeaderValue, header::SEC_WEBSOCKET_EXTENSIONS};
///
/// let mut headers = HeaderMap::new();
/// headers.insert(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static("a; b=\"1\" , c"));
/// let texts: Vec<String> = read(&headers).unwrap().iter().map(ToString::to_string).collect();
/// assert_eq!(texts, ["a; b=1", "c"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Its name: a token, in lower case.
    pub name: String,
    /// Its parameters in their order, each with or without a value.
    pub parameters: Vec<Parameter>,
}

/// One parameter of an extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name: a token.
    pub name: String,
    /// Its value: a token, whether or not it was quoted.
    pub value: Option<String>,
}

impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for Parameter { name, value } in &self.parameters {
            write!(f, "; {name}")?;
            if let Some(value) = value {
                write!(f, "={value}")?;
            }
        }
        Ok(())
    }
}

/// Reads the extensions of a request or an answer, over all lines of the field.
///
/// # Errors
/// What is wrong with the list: a name or a value that is not a token, a quoted string that does not end, more than a
/// hundred members.
pub fn read(headers: &HeaderMap) -> Result<Vec<Extension>, &'static str> {
    let mut extensions = Vec::new();
    for value in headers.get_all(header::SEC_WEBSOCKET_EXTENSIONS) {
        for member in split(text(value)?, ',')? {
            admit(&extensions)?;
            extensions.push(extension(member)?);
        }
    }
    Ok(extensions)
}

/// The value of the field that lists these; `None` if there are none.
///
/// # Errors
/// [`WsError::Unsendable`] for a name or a value that is not a token.
pub fn write(extensions: &[Extension]) -> Result<Option<HeaderValue>, WsError> {
    let is_sendable =
        |parameter: &Parameter| is_token(&parameter.name) && parameter.value.as_deref().is_none_or(is_token);
    if !extensions.iter().all(|extension| is_token(&extension.name) && extension.parameters.iter().all(is_sendable)) {
        return Err(WsError::Unsendable("an extension that is not made of tokens"));
    }
    if extensions.is_empty() {
        return Ok(None);
    }
    let texts: Vec<String> = extensions.iter().map(ToString::to_string).collect();
    HeaderValue::try_from(texts.join(", ")).map(Some).map_err(|_| WsError::Unsendable("an extension"))
}

fn extension(member: &str) -> Result<Extension, &'static str> {
    let mut parts = split(member, ';')?.into_iter().map(trim);
    let name = parts.next().filter(|name| is_token(name)).ok_or("a name in a list is not a token")?;
    let mut parameters = Vec::new();
    for part in parts {
        admit(&parameters)?;
        parameters.push(parameter(part)?);
    }
    Ok(Extension { name: name.to_ascii_lowercase(), parameters })
}

fn parameter(part: &str) -> Result<Parameter, &'static str> {
    let (name, value) = match part.split_once('=') {
        Some((name, value)) => (trim(name), Some(unquote(trim(value))?)),
        None => (part, None),
    };
    if !is_token(name) || value.as_deref().is_some_and(|value| !is_token(value)) {
        return Err("a parameter of an extension is not a token");
    }
    Ok(Parameter { name: name.to_owned(), value })
}

/// RFC 6455 §9.1: a value may be quoted, and is a token when it no longer is.
fn unquote(value: &str) -> Result<String, &'static str> {
    let Some(rest) = value.strip_prefix('"') else { return Ok(value.to_owned()) };
    let (mut text, mut escaped) = (String::new(), false);
    let mut rest = rest.chars();
    for c in rest.by_ref() {
        match c {
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            '"' if !escaped => {
                // Whatever follows does not belong there.
                return if rest.as_str().is_empty() { Ok(text) } else { Err("a quoted string is followed by more") };
            }
            _ => text.push(c),
        }
        escaped = false;
    }
    Err("a quoted string does not end")
}

/// Splits outside quotation marks.
fn split(text: &str, at: char) -> Result<Vec<&str>, &'static str> {
    let (mut quoted, mut escaped) = (false, false);
    let members = text.split(|c: char| {
        let after_escape = std::mem::take(&mut escaped);
        match c {
            '\\' if quoted && !after_escape => escaped = true,
            '"' if !after_escape => quoted = !quoted,
            _ if c == at => return !quoted,
            _ => {}
        }
        false
    });
    let members = members.collect();
    if quoted { Err("a quoted string does not end") } else { Ok(members) }
}
