//! The system's GSSAPI library (RFC 2743, RFC 2744), loaded at run time.
//!
//! Gatepost builds and runs without Kerberos on the machine. Where the library is installed,
//! [`Library::load`](library::Library::load) finds it; where it is not, the answer is one sentence
//! and a hint, and every other scheme works as before.
//!
//! This is the only crate with `unsafe` in it. All of it stands in `library.rs`; what comes out is
//! owned, safe data.
//!
//! What is absent: security contexts. A library that is found can be asked which mechanisms it has,
//! no more yet.

pub mod error;
pub mod library;
pub mod oid;
