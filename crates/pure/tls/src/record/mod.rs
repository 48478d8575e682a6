//! TLS 1.3 records of our own (RFC 8446 §5): octets in, octets out.
//!
//! rustls makes the handshake ([`handshake`](crate::handshake)) and derives the keys; from then on
//! [`traffic::Traffic`] opens records straight into the reader's memory and seals them straight out of the
//! writer's, so that a connection owns no buffer. A record is opened or refused as a whole: nothing of it is
//! believed before its tag has been verified.

pub mod fault;
mod gather;
mod key;
mod message;
pub mod traffic;

/// Octets before what is protected: type, version, length (RFC 8446 §5.2).
pub const HEADER: usize = 5;
/// Octets of the tag that each suite of TLS 1.3 appends.
pub const TAG: usize = 16;
/// The most plaintext that a record carries, in octets (RFC 8446 §5.1).
pub const MAX_PLAINTEXT: usize = 1 << 14;
/// The longest record that is accepted, header included, in octets (RFC 8446 §5.2).
pub const MAX_RECORD: usize = HEADER + MAX_PLAINTEXT + 256;
/// What a record of ours is longer than its plaintext, in octets: we never pad.
pub const OVERHEAD: usize = HEADER + 1 + TAG;
/// A KeyUpdate of ours as a record, in octets.
const KEY_UPDATE_RECORD: usize = 5 + OVERHEAD;
/// Room for an alert of ours as a record, in octets, and for the KeyUpdate that may have to go before it.
pub const ALERT_ROOM: usize = 2 + OVERHEAD + KEY_UPDATE_RECORD;
/// Room in which [`Traffic::seal`](traffic::Traffic::seal) makes four full records, in octets, and a KeyUpdate.
pub const SEAL_ROOM: usize = 4 * (MAX_PLAINTEXT + OVERHEAD) + KEY_UPDATE_RECORD;

#[cfg(test)]
mod tests;
