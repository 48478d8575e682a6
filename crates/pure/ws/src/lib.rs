//! The WebSocket core (RFC 6455): handshakes and frames as plain functions of octets.
//!
//! [`handshake`] knows both ends of the opening over HTTP/1.1; [`frame`] reads and writes single
//! frames under a bound that is checked before anything grows; [`message`] makes messages of them.
//! There is no socket, no clock and no randomness here. Absent for now: compression (RFC 7692), the
//! opening over HTTP/2 (RFC 8441), and the client's masking.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::as_conversions)
)]

pub mod error;
pub mod frame;
pub mod handshake;
pub mod message;
