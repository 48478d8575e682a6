//! The WebSocket core (RFC 6455): handshakes, frames and close codes, told from both ends of the wire.
//!
//! There is no socket, clock or randomness here: header fields go in, decisions come out. A server
//! reads an [`Offer`](handshake::offer::Offer) from an upgrade request; a client makes one. Both judge the
//! 101 by it: a connection is a WebSocket only after
//! [`Offer::check_answer`](handshake::offer::Offer::check_answer), and a gateway tunnels nothing before.
//!
//! [`frame`] reads and writes single frames at the server's end, and [`message`] makes messages of
//! them, each under a bound that is checked before anything grows.
//!
//! Import from the defining module, never from a re-export.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::as_conversions)
)]

pub mod accept;
pub mod close;
pub mod deflate;
pub mod error;
pub mod frame;
pub mod handshake;
pub mod message;
pub mod role;
