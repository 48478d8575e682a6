//! What was agreed to, by the server's choice among the offers and the client's check of the answer (RFC 7692 §5, §7.1).

use crate::deflate::config::Config;
use crate::error::WsError;
use crate::handshake::extension::Extension;
use crate::role::Role;

/// What both ends agreed to, and how we make use of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreed {
    /// Whether the server compresses each message by itself (RFC 7692 §7.1.1.1).
    pub server_no_context_takeover: bool,
    /// Whether the client compresses each message by itself (RFC 7692 §7.1.1.2).
    pub client_no_context_takeover: bool,
    /// How far back the server refers at most: 2 to this power, 8 to 15 (RFC 7692 §7.1.2.1).
    pub server_max_window_bits: u8,
    /// How far back the client refers at most, 8 to 15 (RFC 7692 §7.1.2.2).
    pub client_max_window_bits: u8,
    /// How hard we try, 0 to 9. The peer does not know it.
    pub level: u8,
    /// We compress no message of fewer octets than this. The peer does not know it.
    pub threshold: usize,
}

impl Agreed {
    /// Whether the end in this role compresses each message by itself.
    #[must_use]
    pub fn no_context_takeover(&self, role: Role) -> bool {
        match role {
            Role::Client => self.client_no_context_takeover,
            Role::Server => self.server_no_context_takeover,
        }
    }

    /// The window of the end in this role, as a power of two, 8 to 15.
    #[must_use]
    pub fn window_bits(&self, role: Role) -> u8 {
        match role {
            Role::Client => self.client_max_window_bits,
            Role::Server => self.server_max_window_bits,
        }
    }
}

/// Server: takes the first offer of the request's extensions that it can honour, and gives the member of the answer's
/// `Sec-WebSocket-Extensions` that says so. `None`: the connection goes on without compression.
#[must_use]
pub fn agree(config: &Config, offered: &[Extension]) -> Option<(Agreed, Extension)> {
    let _ = (config, offered);
    None
}

/// Client: judges what the server agreed to, against what [`offers`](crate::deflate::offer::offers) of the same
/// configuration offered. `None`: no compression.
///
/// # Errors
/// [`WsError::Answer`]: the connection must fail (RFC 7692 §5.1).
pub fn check(config: &Config, answered: &[Extension]) -> Result<Option<Agreed>, WsError> {
    let _ = (config, answered);
    Ok(None)
}
