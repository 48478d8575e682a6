//! The key of a handshake and the proof that the server understood it (RFC 6455 §4.2.2).

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Makes a `Sec-WebSocket-Key` out of sixteen random octets, fresh for each handshake.
#[must_use]
pub fn key(entropy: [u8; 16]) -> String {
    STANDARD.encode(entropy)
}

/// Whether a text is a `Sec-WebSocket-Key`: the base64 of sixteen octets in its one spelling.
#[must_use]
pub fn is_key(text: &str) -> bool {
    STANDARD.decode(text).is_ok_and(|octets| octets.len() == 16)
}

/// The `Sec-WebSocket-Accept` that answers this key.
///
/// It proves that the server speaks WebSocket, nothing more: SHA-1 is no defence here and need not be.
///
/// ```
/// // RFC 6455 §1.3
/// assert_eq!(gatepost_ws::accept::accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
#[must_use]
pub fn accept(key: &str) -> String {
    let proof = digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{GUID}").as_bytes());
    STANDARD.encode(proof.as_ref())
}

/// RFC 6455 §1.3: a text that no server sends by chance.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sixteen_octets() {
        assert_eq!(key(*b"the sample nonce"), "dGhlIHNhbXBsZSBub25jZQ==");
        // RFC 6455 §4.1.
        assert_eq!(key([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]), "AQIDBAUGBwgJCgsMDQ4PEA==");
        assert!(is_key("AQIDBAUGBwgJCgsMDQ4PEA=="));
        for wrong in [
            "",
            "AQIDBAUGBwgJCgsMDQ4PEA",
            "AQIDBAUGBwgJCgsMDQ4PEB==",
            "AQIDBAUGBwgJCgsMDQ4P",
            "AQIDBAUGBwgJCgsMDQ4PEBE=",
            " AQIDBAUGBwgJCgsMDQ4PEA==",
            "AQIDBAUGBwgJCgsMDQ4P-A==",
        ] {
            assert!(!is_key(wrong), "{wrong}");
        }
    }
}
