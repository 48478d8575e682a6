//! The opening handshake, judged at both ends: over HTTP/1.1 (RFC 6455 §4) and HTTP/2 (RFC 8441).

pub mod extension;
pub mod offer;
