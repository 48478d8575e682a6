//! What a WebSocket peer can do wrong, and which close code says so.

use gatepost_model::fault::{Blame, Fault};
use thiserror::Error;

/// A rule of RFC 6455 that the other end broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WsError {
    /// The opening is not one (RFC 6455 §4).
    #[error("the WebSocket opening is malformed: {0}")]
    Handshake(&'static str),
    /// A frame breaks the framing (RFC 6455 §5).
    #[error("a WebSocket frame is malformed: {0}")]
    Frame(&'static str),
    /// A text is not UTF-8 (RFC 6455 §8.1).
    #[error("a WebSocket text is not UTF-8")]
    Text,
    /// A message is larger than its limit.
    #[error("a WebSocket message is larger than the limit of {limit} octets")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
}

impl WsError {
    /// The close code that tells the other end (RFC 6455 §7.4.1).
    #[must_use]
    pub fn close_code(self) -> u16 {
        match self {
            Self::Handshake(_) | Self::Frame(_) => 1002,
            Self::Text => 1007,
            Self::TooLarge { .. } => 1009,
        }
    }
}

impl Fault for WsError {
    fn blame(&self) -> Blame {
        Blame::Peer
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Handshake(_) => "GP-WS-001",
            Self::Frame(_) => "GP-WS-002",
            Self::Text => "GP-WS-003",
            Self::TooLarge { .. } => "GP-WS-004",
        }
    }
}
