//! How long the parts of a record are.

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
pub(super) const KEY_UPDATE_RECORD: usize = 5 + OVERHEAD;
/// Room for an alert of ours as a record, in octets, and for the KeyUpdate that may have to go before it.
pub const ALERT_ROOM: usize = 2 + OVERHEAD + KEY_UPDATE_RECORD;
/// Room in which [`Traffic::seal`](super::traffic::Traffic::seal) makes four full records, in octets, and a KeyUpdate.
pub const SEAL_ROOM: usize = 4 * (MAX_PLAINTEXT + OVERHEAD) + KEY_UPDATE_RECORD;
