//! The choice of a subprotocol (RFC 6455 §1.9, §4.2.2), and what a client hears if there is none to choose.

use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::error::WsError;
use crate::handshake::fields::{is_token, tokens};

/// Server: the first of the accepted subprotocols, best first, that is also on offer. `None` if the client asks for none,
/// or the server knows of none: then the WebSocket is opened without one.
///
/// # Errors
/// [`WsError::SubprotocolRefused`] with what is accepted, if the client asks for others only.
/// [`refusal`](crate::handshake::refusal::refusal) tells it so.
pub fn choose(offered: &[String], accepted: &[String]) -> Result<Option<String>, WsError> {
    let chosen = accepted.iter().find(|name| offered.contains(name));
    if chosen.is_none() && !offered.is_empty() && !accepted.is_empty() {
        return Err(WsError::SubprotocolRefused { expected: accepted.to_vec() });
    }
    Ok(chosen.cloned())
}

/// Client: whether an answer refuses for want of a common subprotocol, and says which it would have accepted.
pub(crate) fn refused(status: StatusCode, headers: &HeaderMap, offered: &[String]) -> Option<WsError> {
    let expected = tokens(headers, &header::SEC_WEBSOCKET_PROTOCOL).ok()?;
    let fits = status.is_client_error() && !expected.is_empty();
    let common = expected.iter().any(|name| offered.contains(name));
    (fits && !common).then_some(WsError::SubprotocolRefused { expected })
}

/// The value of the field that lists these; `None` if there are none.
pub(crate) fn write(names: &[String]) -> Result<Option<HeaderValue>, WsError> {
    if names.is_empty() {
        return Ok(None);
    }
    let value = HeaderValue::try_from(names.join(", ")).ok().filter(|_| names.iter().all(|name| is_token(name)));
    value.map(Some).ok_or(WsError::Unsendable("a subprotocol that is not a token"))
}
