//! The WebSocket core (RFC 6455): handshakes, frames and close codes, told from both ends of the wire.
//!
//! There is no socket, clock or randomness here: header fields go in, decisions come out. A server
//! reads an [`Offer`](handshake::offer::Offer) from an upgrade request; a client makes one. Both judge the
//! 101 by it: a connection is a WebSocket only after
//! [`Offer::check_answer`](handshake::offer::Offer::check_answer), and a gateway tunnels nothing before.
//!
//! Then a [`Connection`](connection::Connection) takes the octets of the peer as they come, and gives
//! [events](event::Event): parts of messages, borrowed from the octets where that is possible, and what
//! control frames said. It appends to a buffer what is to be sent. It owns no buffer; the caller lends
//! one for what has to be inflated ([`Scratch`](scratch::Scratch)). An
//! [`Assembler`](assembler::Assembler) makes whole [messages](message::Message) of the parts, for who
//! wants those. Every bound of [`Limits`](limits::Limits) is checked before anything grows.
//!
//! Import from the defining module, never from a re-export.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::as_conversions)
)]

pub mod accept;
pub mod assembler;
pub mod close;
pub mod closing;
pub mod connection;
mod control;
pub mod deflate;
pub mod error;
pub mod event;
mod found;
pub mod handshake;
pub mod head;
mod incoming;
pub mod keepalive;
pub mod limits;
pub mod mask;
pub mod message;
mod opcode;
mod rates;
mod reader;
pub mod role;
pub mod scratch;
mod utf8;
mod whole;
mod writer;
