//! Which bound of the process was reached, and what became of those who came after.

use std::fmt;
use std::net::IpAddr;

/// A bound on what the process takes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Bound {
    /// Connections of all listeners.
    Connections,
    /// Connections of one address.
    ConnectionsPerAddress,
    /// TLS handshakes at once.
    Handshakes,
    /// TLS handshakes a second.
    HandshakeRate,
    /// File descriptors.
    Descriptors,
    /// Memory, as a connection met it.
    Memory,
    /// Memory, as a request met it.
    RequestMemory,
    /// What is left beyond it, as a connection met it that was inside.
    LastMemory,
}

impl Bound {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 8] = [
        Self::Connections,
        Self::ConnectionsPerAddress,
        Self::Handshakes,
        Self::HandshakeRate,
        Self::Descriptors,
        Self::Memory,
        Self::RequestMemory,
        Self::LastMemory,
    ];

    /// The setting that moves it, as the configuration spells it.
    #[must_use]
    pub fn setting(self) -> &'static str {
        match self {
            Self::Connections => "limits.connections",
            Self::ConnectionsPerAddress => "limits.connections_per_address",
            Self::Handshakes => "limits.handshakes",
            Self::HandshakeRate => "limits.handshakes_per_second",
            Self::Descriptors => "limits.reserved_descriptors",
            Self::Memory | Self::RequestMemory | Self::LastMemory => "limits.memory_bytes",
        }
    }

    /// What became of one who came after it was reached.
    fn outcome(self) -> &'static str {
        match self {
            Self::Connections => "all connections are taken: one more waited",
            Self::ConnectionsPerAddress => "too many connections of one address: one more was closed",
            Self::Handshakes => "too many handshakes at once: the oldest gave way",
            Self::HandshakeRate => "too many handshakes a second: one more waited",
            Self::Descriptors => "few file descriptors are left: accepting paused",
            Self::Memory => "memory is short: a new connection was closed",
            Self::RequestMemory => "memory is short: a new request was answered 503",
            Self::LastMemory => "memory has nearly run out: a connection that sent more was cut",
        }
    }
}

/// A bound that was reached, once or several times since the last report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// Which.
    pub bound: Bound,
    /// How often since it was reported last.
    pub times: u64,
    /// Who met it last, if it was somebody.
    pub peer: Option<IpAddr>,
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.bound.outcome())?;
        if self.times > 1 {
            write!(f, ", {} times", self.times)?;
        }
        if let Some(peer) = self.peer {
            write!(f, ", last for {peer}")?;
        }
        write!(f, " ({})", self.bound.setting())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_what_how_often_who_and_where_to_turn() {
        let peer = Some(IpAddr::from([192, 0, 2, 1]));
        let table = [
            (
                Reached { bound: Bound::ConnectionsPerAddress, times: 12, peer },
                "too many connections of one address: one more was closed, 12 times, last for 192.0.2.1 \
                 (limits.connections_per_address)",
            ),
            (
                Reached { bound: Bound::Descriptors, times: 1, peer: None },
                "few file descriptors are left: accepting paused (limits.reserved_descriptors)",
            ),
        ];
        for (reached, expected) in table {
            assert_eq!(reached.to_string(), expected);
        }
    }
}
