//! Ends a connection at once, in disorder.

use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;

/// A stream that can be ended in disorder.
pub(crate) trait Cut {
    /// When it is dropped the other end sees a reset, and nothing stays in the system: after an orderly close, that
    /// keeps what is unsent for minutes, and remembers every connection for one.
    fn reset_when_dropped(&self);
}

impl Cut for TcpStream {
    fn reset_when_dropped(&self) {
        // If that fails, the close is an orderly one.
        let _ = SockRef::from(self).set_linger(Some(Duration::ZERO));
    }
}
