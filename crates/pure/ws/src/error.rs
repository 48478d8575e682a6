//! What can be wrong with a WebSocket, as plain data that knows no other module of this crate.

use gatepost_model::fault::{Blame, Fault};
use http::StatusCode;
use thiserror::Error;

/// Why a handshake or a frame is refused. The text never repeats what the peer sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum WsError {
    /// The request does not ask for a WebSocket as it must (RFC 6455 §4.2.1).
    #[error("malformed WebSocket request: {0}")]
    Request(&'static str),
    /// A version other than 13 (RFC 6455 §4.4).
    #[error("the WebSocket version is not 13")]
    Version,
    /// The answer does not accept what was asked for (RFC 6455 §4.1).
    #[error("the WebSocket was not accepted: {0}")]
    Answer(&'static str),
    /// The server accepts none of the subprotocols on offer, and said which it would accept.
    #[error("the server accepts none of the WebSocket subprotocols on offer")]
    SubprotocolRefused {
        /// The subprotocols that the server accepts, as it lists them: tokens, the best first.
        expected: Vec<String>,
    },
    /// The frame that closes is malformed, or its code may not be sent (RFC 6455 §5.5.1, §7.4).
    #[error("malformed WebSocket close: {0}")]
    Close(&'static str),
    /// A frame breaks the framing (RFC 6455 §5).
    #[error("malformed WebSocket frame: {0}")]
    Frame(&'static str),
    /// A text is not UTF-8 (RFC 6455 §8.1).
    #[error("a WebSocket text is not UTF-8")]
    Text,
    /// A compressed message is not what its compression says (RFC 7692 §7.2.2).
    #[error("malformed compressed WebSocket message: {0}")]
    Deflate(&'static str),
    /// A message is larger than its limit.
    #[error("a WebSocket message is larger than the limit of {limit} octets")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The peer sends more of something that bears no message than it may.
    #[error("too many WebSocket frames: {0}")]
    Flood(&'static str),
    /// We were asked to send something after our Close frame (RFC 6455 §5.5.1).
    #[error("the WebSocket is closed")]
    Closed,
    /// We were asked to send something that is not allowed.
    #[error("cannot be sent over a WebSocket: {0}")]
    Unsendable(&'static str),
}

impl WsError {
    /// The status that suits a server's refusal of a handshake. With 426, also send
    /// `Sec-WebSocket-Version: 13` (RFC 6455 §4.2.2). For a gateway, a bad answer of its upstream is
    /// 502.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Request(_)
            | Self::SubprotocolRefused { .. }
            | Self::Close(_)
            | Self::Frame(_)
            | Self::Text
            | Self::Deflate(_)
            | Self::Flood(_)
            | Self::TooLarge { .. } => StatusCode::BAD_REQUEST,
            Self::Version => StatusCode::UPGRADE_REQUIRED,
            Self::Answer(_) => StatusCode::BAD_GATEWAY,
            Self::Unsendable(_) | Self::Closed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl Fault for WsError {
    fn blame(&self) -> Blame {
        match self {
            Self::Unsendable(_) | Self::Closed => Blame::Caller,
            _ => Blame::Peer,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Request(_) => "GP-WS-001",
            Self::Version => "GP-WS-002",
            Self::Answer(_) => "GP-WS-003",
            Self::Close(_) => "GP-WS-004",
            Self::Unsendable(_) => "GP-WS-005",
            Self::Frame(_) => "GP-WS-006",
            Self::Text => "GP-WS-007",
            Self::TooLarge { .. } => "GP-WS-008",
            Self::SubprotocolRefused { .. } => "GP-WS-009",
            Self::Deflate(_) => "GP-WS-010",
            Self::Flood(_) => "GP-WS-011",
            Self::Closed => "GP-WS-012",
        }
    }
}
