//! Which end of the wire we are.

/// An end of a WebSocket: a client masks what it sends and a server does not (RFC 6455 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The end that asked for the WebSocket.
    Client,
    /// The end that accepted it.
    Server,
}
