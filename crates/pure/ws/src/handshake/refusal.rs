//! How a server says no to a WebSocket, so that a client knows what would be accepted.

use http::{HeaderMap, HeaderValue, StatusCode, Version, header};

use crate::error::WsError;
use crate::handshake::subprotocol;

/// The status of a refusal, and the fields that it has to have:
///
/// - another version: 426 with `Upgrade` and `Sec-WebSocket-Version: 13` (RFC 6455 §4.2.2, RFC 9110 §15.5.22). HTTP/2 knows
///   neither `Upgrade` nor, therefore, 426: there it is 400 with the version;
/// - no common subprotocol: 400 with the accepted ones in `Sec-WebSocket-Protocol`;
/// - anything else: [`WsError::status`].
#[must_use]
pub fn refusal(error: &WsError, version: Version) -> (StatusCode, HeaderMap) {
    let mut headers = HeaderMap::new();
    let mut status = error.status();
    match error {
        WsError::Version => {
            headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            if version < Version::HTTP_2 {
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
            } else {
                status = StatusCode::BAD_REQUEST;
            }
        }
        WsError::SubprotocolRefused { expected } => {
            if let Ok(Some(list)) = subprotocol::write(expected) {
                headers.insert(header::SEC_WEBSOCKET_PROTOCOL, list);
            }
        }
        _ => {}
    }
    (status, headers)
}
