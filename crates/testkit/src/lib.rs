//! What tests stand on. Development only: nothing that ships depends on this crate.
//!
//! | for | take |
//! |---|---|
//! | a certificate that some client trusts | [`authority::Authority`] |
//! | what an authority says of it now: good, revoked, or nothing that counts | [`ocsp::Reply`] |
//! | two ends of one wire without a port | [`wire::pair`] |
//! | an HTTP peer that says exactly what a test wants, octet for octet | [`peer::Peer`] |
//! | the same on a wire of your own, such as one with TLS | [`script::play`] |
//!
//! Ports are the system's choice, only loopback is touched, and every wait has a bound
//! ([`script::PATIENCE`]), so that a test that hangs ends with a sentence about what did not come.
//!
//! Unlike the crates that ship, this one panics when a certificate cannot be made: there is nothing
//! that a test could do about it.

pub mod authority;
pub mod error;
pub mod ocsp;
pub mod peer;
pub mod script;
pub mod wire;
