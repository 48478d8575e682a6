//! Bounds that hold by default; each is a setting.

use std::time::Duration;

/// What one connection, one request and the whole process may cost.
///
/// The bounds of the process are `connections`, `connections_per_address`, `handshakes`, `memory_bytes` and
/// `reserved_descriptors`: all listeners that share one admission count together. The others hold for each
/// connection or request, and `handshakes_per_second` for each worker.
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
    /// Time that a request's body may pause between two of its octets. Default 60 s.
    pub body_time: Duration,
    /// Time that the other end may read nothing while there is something to send. Default 60 s.
    pub send_time: Duration,
    /// Octets per second, on average, that a client sends of a body at least while we wait for it, once
    /// `rate_grace` is over; 0 for no bound. Default 240, as Kestrel's: slower than any modem, and an attacker
    /// that wants to hold a thousand requests has to pay for them.
    pub body_rate: u32,
    /// Octets per second, on average, that a client reads of an answer at least while there is something to send,
    /// once `rate_grace` is over; 0 for no bound. Default 240.
    pub read_rate: u32,
    /// Time before `body_rate` and `read_rate` are looked at. Default 10 s.
    pub rate_grace: Duration,
    /// Time for a connection to an upstream. Default 10 s.
    pub connect_time: Duration,
    /// Time for the first octet of an upstream's answer. Default 60 s.
    pub answer_time: Duration,
    /// Connections at once, of all listeners. More wait. Default 10,000.
    pub connections: usize,
    /// Of these, connections from one IPv4 address or one IPv6 /64. More are closed at once. Default 8,000.
    ///
    /// It keeps a fifth of the places for everybody else. No less by default, since behind a balancer or a
    /// carrier's NAT one address is many clients; nginx, HAProxy and Envoy have no such bound unless one asks.
    pub connections_per_address: usize,
    /// TLS handshakes at once. With one more, the oldest gives way. Default 5,000.
    ///
    /// The oldest is one of a client that says nothing: a handshake at work takes milliseconds.
    pub handshakes: usize,
    /// TLS handshakes that a worker begins in a second. More wait to be accepted. Default 10,000; 0 for no bound.
    ///
    /// They come in bursts of a tenth of it at most, so that requests get their turn in between.
    pub handshakes_per_second: u32,
    /// Octets of memory from which on nothing new is taken in: requests get 503, connections are closed.
    /// Default `None`: three quarters of what the system allows (cgroup, `RLIMIT_AS`), and no bound where it has none.
    pub memory_bytes: Option<u64>,
    /// File descriptors that accepting leaves for upstreams and files. Default `None`: a quarter of the process's
    /// limit (`RLIMIT_NOFILE`), at most 1,024.
    pub reserved_descriptors: Option<u64>,
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
            body_time: Duration::from_secs(60),
            send_time: Duration::from_secs(60),
            body_rate: 240,
            read_rate: 240,
            rate_grace: Duration::from_secs(10),
            connect_time: Duration::from_secs(10),
            answer_time: Duration::from_secs(60),
            connections: 10_000,
            connections_per_address: 8000,
            handshakes: 5000,
            handshakes_per_second: 10_000,
            memory_bytes: None,
            reserved_descriptors: None,
            streams: 100,
        }
    }
}
