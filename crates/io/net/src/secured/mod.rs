//! TLS streams that own no buffer while they wait.
//!
//! [`accept`](handshake::accept) and [`connect`](handshake::connect) shake hands and give a
//! [`Secured`](stream::Secured) stream. What it reads from and writes to the socket stands for the length of one call
//! in the scratch memory of its thread; what does not fit anywhere (the beginning of a record, plaintext for which
//! the reader had no room, records that the socket did not take) is kept by the stream until it is gone.
//!
//! The rules of the protocol are in `gatepost_tls::{handshake, record, legacy}`.

pub mod handshake;
mod reading;
mod remains;
mod scratch;
mod state;
pub mod stream;
mod writing;

#[cfg(test)]
mod tests;
