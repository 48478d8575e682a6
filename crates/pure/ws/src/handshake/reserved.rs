//! Header fields that belong to the handshake itself: a caller may set any other.

use http::{HeaderMap, HeaderName, header};

use crate::error::WsError;

/// Whether the handshake sets this field itself, or cannot have it: `Sec-WebSocket-*`, `Upgrade`, `Connection` and what
/// frames a body.
#[must_use]
pub fn is_reserved(name: &HeaderName) -> bool {
    let framing =
        [header::UPGRADE, header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::TRAILER];
    name.as_str().starts_with("sec-websocket-") || framing.contains(name)
}

/// Client: judges the fields that a caller wants to have in the request.
///
/// # Errors
/// [`WsError::Unsendable`] if one of them is reserved.
pub fn check(headers: &HeaderMap) -> Result<(), WsError> {
    if headers.keys().any(is_reserved) {
        return Err(WsError::Unsendable("a header field that belongs to the handshake"));
    }
    Ok(())
}
