//! Bounds that hold by default; each is a setting.

use std::time::Duration;

/// What one connection and one request may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Octets of a request or response head, request line included. Default 64 KiB.
    pub head_bytes: usize,
    /// Header fields in a head. Default 100.
    pub head_fields: usize,
    /// Octets of a body; `None` for no bound. Default `None`: bodies stream.
    pub body_bytes: Option<u64>,
    /// Time for a TLS handshake. Default 10 s.
    pub handshake_time: Duration,
    /// Time for a head to arrive whole. Default 30 s.
    pub head_time: Duration,
    /// Time that a connection may idle between requests. Default 60 s.
    pub idle_time: Duration,
    /// Time for a connection to an upstream. Default 10 s.
    pub connect_time: Duration,
    /// Time for the first octet of an upstream's answer. Default 60 s.
    pub answer_time: Duration,
    /// Connections at once on one listener. Default 10,000.
    pub connections: usize,
    /// Concurrent streams of one HTTP/2 connection. Default 100.
    pub streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 64 * 1024,
            head_fields: 100,
            body_bytes: None,
            handshake_time: Duration::from_secs(10),
            head_time: Duration::from_secs(30),
            idle_time: Duration::from_secs(60),
            connect_time: Duration::from_secs(10),
            answer_time: Duration::from_secs(60),
            connections: 10_000,
            streams: 100,
        }
    }
}
