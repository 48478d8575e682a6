//! HKDF (RFC 5869) for the key schedule of TLS 1.3, over keys that are made ready once.
//!
//! The schedule (RFC 8446 §7.1) expands nearly every secret more than once: three times the handshake's, four times the
//! master secret, twice for a key and its IV. The provider's own HKDF prepares the secret anew each time, which is
//! half of the work: two blocks of the hash of four, and some sixty times in a handshake. Here a secret is an HMAC key
//! that was prepared when it was extracted. What the schedule begins with where there is no earlier session is
//! the same in every handshake of the world, and is computed once.

pub(crate) mod at_hand;
mod early;
mod expand;
pub(crate) mod exporter;
mod hkdf;
pub(crate) mod suites;
#[cfg(test)]
mod tests;
