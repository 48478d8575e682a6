//! The handshake over HTTP/2: an extended CONNECT with `:protocol = websocket` (RFC 8441 §5). There is no key and no proof
//! of one: a server that does not know the protocol has not said that it does (SETTINGS_ENABLE_CONNECT_PROTOCOL).

use http::{HeaderMap, Method, StatusCode, header};

use crate::error::WsError;
use crate::handshake::fields::version;

/// Judges what is particular to an extended CONNECT. The HTTP/2 layer has judged its `:protocol`.
pub(crate) fn request(method: &Method, headers: &HeaderMap) -> Result<(), WsError> {
    if *method != Method::CONNECT {
        return Err(WsError::Request("the method is not CONNECT"));
    }
    // RFC 9113 §8.2.2: a message with one of these is malformed.
    if headers.contains_key(header::UPGRADE) || headers.contains_key(header::CONNECTION) {
        return Err(WsError::Request("a field of HTTP/1.1 in HTTP/2"));
    }
    version(headers)
}

/// Judges what is particular to the answer: any 2xx opens the stream (RFC 8441 §5, RFC 9113 §8.5).
pub(crate) fn check(status: StatusCode) -> Result<(), WsError> {
    if status.is_success() { Ok(()) } else { Err(WsError::Answer("the status is not 2xx")) }
}
