//! What a client offers (RFC 7692 §7.1).

use crate::deflate::config::Config;
use crate::handshake::extension::Extension;

/// The name of the extension (RFC 7692 §9).
pub const NAME: &str = "permessage-deflate";

/// Client: the members of `Sec-WebSocket-Extensions` to offer, best first.
#[must_use]
pub fn offers(config: &Config) -> Vec<Extension> {
    let _ = config;
    Vec::new()
}
