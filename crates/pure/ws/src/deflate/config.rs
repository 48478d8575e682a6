//! What an end is ready for.

/// What we want and allow when compression is negotiated. `Default`: windows of 15 bits, contexts kept between
/// messages at both ends, level 1, messages below 64 octets are sent as they are.
///
/// Names are those of RFC 7692 §7.1: `server_*` speaks of what the server sends, `client_*` of what the client sends,
/// whichever of them we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Whether the server compresses each message by itself. It then shares contexts with other connections.
    pub server_no_context_takeover: bool,
    /// Whether the client compresses each message by itself.
    pub client_no_context_takeover: bool,
    /// The largest window that the server compresses with, 8 to 15, as a power of two in octets.
    pub server_max_window_bits: u8,
    /// The largest window that the client compresses with, 8 to 15.
    pub client_max_window_bits: u8,
    /// How hard to try, 0 (not at all) to 9 (slow). More than 9 is 9.
    pub level: u8,
    /// Messages of fewer octets are not compressed: that would not make them shorter, or hardly.
    pub threshold: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
            level: 1,
            threshold: 64,
        }
    }
}

impl Config {
    /// Contexts are kept by neither end between messages: the least memory, the least compression.
    #[must_use]
    pub fn shared() -> Self {
        Self { server_no_context_takeover: true, client_no_context_takeover: true, ..Self::default() }
    }

    /// The same with every number within its bounds.
    pub(crate) fn bounded(&self) -> Self {
        Self {
            server_max_window_bits: self.server_max_window_bits.clamp(8, 15),
            client_max_window_bits: self.client_max_window_bits.clamp(8, 15),
            level: self.level.min(9),
            ..self.clone()
        }
    }
}
