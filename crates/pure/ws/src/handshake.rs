//! The opening over HTTP/1.1 (RFC 6455 §4): what the server answers, what the client accepts.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};

use crate::error::WsError;

/// What RFC 6455 §1.3 appends to the key: a text that no one sends by chance.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What Sec-WebSocket-Accept must be for this Sec-WebSocket-Key (RFC 6455 §4.2.2).
///
/// SHA-1 protects nothing here: it shows that the server knows the protocol.
///
/// ```
/// // The example of RFC 6455 §1.3.
/// let accept = gatepost_ws::handshake::accept_for("dGhlIHNhbXBsZSBub25jZQ==");
/// assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
#[must_use]
pub fn accept_for(key: &str) -> String {
    let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(key.as_bytes());
    hash.update(GUID);
    STANDARD.encode(hash.finish())
}

/// Server: the header fields of the 101 that opens this WebSocket (RFC 6455 §4.2.2).
///
/// # Errors
/// [`WsError::Handshake`] if the request is not an opening of version 13.
pub fn answer(method: &Method, headers: &HeaderMap) -> Result<HeaderMap, WsError> {
    if method != Method::GET {
        return Err(WsError::Handshake("the method is not GET"));
    }
    if !is_upgrade(headers) {
        return Err(WsError::Handshake("Upgrade and Connection do not ask for a WebSocket"));
    }
    if only(headers, &header::SEC_WEBSOCKET_VERSION) != Some("13") {
        return Err(WsError::Handshake("the version is not 13"));
    }
    let key = key_of(headers).ok_or(WsError::Handshake("there is no key of 16 octets"))?;
    let mut fields = HeaderMap::new();
    fields.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    fields.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    let accept = HeaderValue::from_str(&accept_for(key)).map_err(|_| WsError::Handshake("the key is no text"))?;
    fields.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    Ok(fields)
}

/// The Sec-WebSocket-Key of an opening: one, the base64 of 16 octets (RFC 6455 §4.1).
#[must_use]
pub fn key_of(headers: &HeaderMap) -> Option<&str> {
    let key = only(headers, &header::SEC_WEBSOCKET_KEY)?;
    STANDARD.decode(key).is_ok_and(|octets| octets.len() == 16).then_some(key)
}

/// Client, or a gateway between: whether the answer opens the WebSocket that was asked for with
/// `key`. Nothing may pass as frames before (RFC 6455 §4.1, the client's six checks, of which the
/// choice of protocols and extensions is the caller's).
///
/// # Errors
/// [`WsError::Handshake`] with the first check that fails.
pub fn check_answer(status: StatusCode, headers: &HeaderMap, key: &str) -> Result<(), WsError> {
    if status != StatusCode::SWITCHING_PROTOCOLS {
        return Err(WsError::Handshake("the answer is not 101"));
    }
    if !is_upgrade(headers) {
        return Err(WsError::Handshake("the 101 does not switch to a WebSocket"));
    }
    if only(headers, &header::SEC_WEBSOCKET_ACCEPT) != Some(accept_for(key).as_str()) {
        return Err(WsError::Handshake("Sec-WebSocket-Accept is not for our key"));
    }
    Ok(())
}

/// `Upgrade: websocket` alone, and Connection lists `upgrade`.
fn is_upgrade(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let mut options = lines.flat_map(|line| line.split(',')).map(|option| option.trim_matches([' ', '\t']));
    only(headers, &header::UPGRADE).is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"))
        && options.any(|option| option.eq_ignore_ascii_case("upgrade"))
}

/// The value of a field that stands there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.to_str().ok()?;
    values.next().is_none().then(|| first.trim_matches([' ', '\t']))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    fn map(fields: &[(&'static str, &str)]) -> HeaderMap {
        let field = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        let mut headers = HeaderMap::new();
        for (name, value) in fields.iter().map(field) {
            headers.append(name, value);
        }
        headers
    }

    fn opening() -> Vec<(&'static str, &'static str)> {
        vec![
            ("upgrade", "WebSocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", KEY),
        ]
    }

    #[test]
    fn the_answer_is_one_that_the_client_takes() {
        let answer = answer(&Method::GET, &map(&opening())).unwrap();
        assert_eq!(check_answer(StatusCode::SWITCHING_PROTOCOLS, &answer, KEY), Ok(()));
        assert!(check_answer(StatusCode::OK, &answer, KEY).is_err());
        assert!(check_answer(StatusCode::SWITCHING_PROTOCOLS, &answer, "AAAAAAAAAAAAAAAAAAAAAA==").is_err());
        assert!(check_answer(StatusCode::SWITCHING_PROTOCOLS, &HeaderMap::new(), KEY).is_err());
    }

    #[test]
    fn what_is_no_opening() {
        assert!(answer(&Method::POST, &map(&opening())).is_err());
        for at in 0..4 {
            let mut fields = opening();
            fields.remove(at);
            assert!(answer(&Method::GET, &map(&fields)).is_err(), "without {at}");
        }
        for extra in [("upgrade", "h2c"), ("sec-websocket-key", KEY), ("sec-websocket-version", "8")] {
            let mut fields = opening();
            fields.push(extra);
            assert!(answer(&Method::GET, &map(&fields)).is_err(), "{extra:?}");
        }
    }
}
