//! The handshake over HTTP/1.1: an upgrade, and a key that the answer proves to have been understood (RFC 6455 §4).

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::accept::{accept, is_key};
use crate::error::WsError;
use crate::handshake::fields::{is_same, lists, only, version};

/// Judges what is particular to an upgrade; gives its key (RFC 6455 §4.2.1).
pub(crate) fn request(method: &Method, headers: &HeaderMap) -> Result<String, WsError> {
    if *method != Method::GET {
        return Err(WsError::Request("the method is not GET"));
    }
    if !lists(headers, &header::UPGRADE, "websocket") {
        return Err(WsError::Request("Upgrade does not list websocket"));
    }
    if !lists(headers, &header::CONNECTION, "upgrade") {
        return Err(WsError::Request("Connection does not list upgrade"));
    }
    version(headers)?;
    let key = only(headers, &header::SEC_WEBSOCKET_KEY).map_err(WsError::Request)?;
    let key = key.filter(|key| is_key(key)).ok_or(WsError::Request("the key is not sixteen octets in base64"))?;
    Ok(key.to_owned())
}

/// Sets what is particular to the request of an upgrade.
pub(crate) fn write(key: &str, headers: &mut HeaderMap) -> Result<(), WsError> {
    let key = HeaderValue::from_str(key).map_err(|_| WsError::Unsendable("a key that is not base64"))?;
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::SEC_WEBSOCKET_KEY, key);
    Ok(())
}

/// Sets what is particular to the 101.
pub(crate) fn answer(key: &str, headers: &mut HeaderMap) -> Result<(), WsError> {
    let proof = HeaderValue::from_str(&accept(key)).map_err(|_| WsError::Unsendable("a proof"))?;
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, proof);
    Ok(())
}

/// Judges what is particular to the 101 (RFC 6455 §4.1).
pub(crate) fn check(key: &str, status: StatusCode, headers: &HeaderMap) -> Result<(), WsError> {
    if status != StatusCode::SWITCHING_PROTOCOLS {
        return Err(WsError::Answer("the status is not 101"));
    }
    if !only(headers, &header::UPGRADE).map_err(WsError::Answer)?.is_some_and(|value| is_same(value, "websocket")) {
        return Err(WsError::Answer("Upgrade is not websocket"));
    }
    if !lists(headers, &header::CONNECTION, "upgrade") {
        return Err(WsError::Answer("Connection does not list upgrade"));
    }
    let proof = only(headers, &header::SEC_WEBSOCKET_ACCEPT).map_err(WsError::Answer)?;
    if proof != Some(accept(key).as_str()) {
        return Err(WsError::Answer("the proof does not fit the key"));
    }
    Ok(())
}
