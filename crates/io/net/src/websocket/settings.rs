//! What can be set about a WebSocket.

use std::time::Duration;

use gatepost_ws::limits::Limits;

/// The settings of one socket. Those of [`Default`] suit a service on the open internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How much the peer may ask of us: the longest message (default 16 MiB), control frames and empty frames a
    /// second (default 100 and 1,000).
    pub limits: Limits,
    /// Octets that may wait to be written before sending waits for the peer to read. A message is taken whole, so
    /// that at most one stands above it. Default 64 KiB.
    pub high_water: usize,
    /// Time that the peer may read nothing while there is something to send; beyond it the connection is cut
    /// ([`Wait::Write`](crate::error::Wait::Write)). Default 60 s.
    pub send_time: Duration,
    /// Time for the closing handshake, from our Close to the peer's, and for the connection's end after it
    /// (RFC 6455 §7.1.1). Default 5 s.
    pub close_time: Duration,
    /// How to learn that the peer is gone, or to keep boxes on the way from forgetting the connection. Default:
    /// neither.
    pub keepalive: Option<KeepAlive>,
    /// Whether [`send`](super::socket::MessageSocket::send) may leave a message for the next write while whole
    /// messages wait to be received: an echo loop then writes once for all that came at once. Default `true`. Does
    /// not concern split sockets, whose halves know nothing of each other's loops.
    pub coalesce: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            high_water: 64 * 1024,
            send_time: Duration::from_secs(60),
            close_time: Duration::from_secs(5),
            keepalive: None,
            coalesce: true,
        }
    }
}

/// How a connection is kept alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepAlive {
    /// A Ping when nothing was heard of the peer for `interval`. When nothing is heard for `timeout` more, the
    /// peer is gone ([`Wait::Pong`](crate::error::Wait::Pong)).
    Ping {
        /// Silence before a Ping.
        interval: Duration,
        /// Silence after it.
        timeout: Duration,
    },
    /// A Pong every `interval`, which asks for no answer (RFC 6455 §5.5.3).
    Pong {
        /// Between two.
        interval: Duration,
    },
}
