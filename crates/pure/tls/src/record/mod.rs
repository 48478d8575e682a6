//! TLS 1.3 records of our own (RFC 8446 §5): octets in, octets out.
//!
//! rustls makes the handshake ([`handshake`](crate::handshake)) and derives the keys; from then on
//! [`traffic::Traffic`] opens records straight into the reader's memory and seals them straight out of the
//! writer's, so that a connection owns no buffer. A record is opened or refused as a whole: nothing of it is
//! believed before its tag has been verified.

pub mod fault;
mod gather;
mod key;
pub mod layout;
mod message;
pub mod traffic;

#[cfg(test)]
mod tests;
