//! A TLS handshake that somebody wants to hear of.

use std::fmt;
use std::net::SocketAddr;

/// What a handshake with a client came to. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shaken {
    /// Who shook hands.
    pub peer: SocketAddr,
    /// The server name that it asked for (RFC 6066 §3).
    pub server_name: Option<String>,
    /// `TLSv1.3` or `TLSv1.2`.
    pub version: &'static str,
    /// The cipher suite, by its name in the registry of IANA.
    pub suite: &'static str,
    /// The group of the key exchange; `None` where there was none, as in a session of TLS 1.2 that was resumed.
    pub group: Option<&'static str>,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// The subject of the client's certificate, if it showed one.
    pub client: Option<String>,
}

impl fmt::Display for Shaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.server_name.as_deref().unwrap_or("no name");
        let session = if self.resumed { "resumed" } else { "new" };
        write!(f, "TLS with {} for {name}: {}, {}", self.peer, self.version, self.suite)?;
        if let Some(group) = self.group {
            write!(f, ", {group}")?;
        }
        write!(f, ", {session}, ")?;
        match &self.client {
            Some(subject) => write!(f, "client {subject}"),
            None => f.write_str("no client certificate"),
        }
    }
}
