//! The parts of Digest (RFC 7616): its words on the wire, what they are computed from, and a server's nonces.
//!
//! Everything is a function of values. The scheme that puts them together is
//! [`Digest`](crate::schemes::digest::Digest).

pub mod algorithm;
pub mod answer;
pub(crate) mod claim;
pub mod computed;
pub mod info;
pub mod name;
pub mod nonce;
pub mod offer;
pub mod qop;
pub(crate) mod terms;
