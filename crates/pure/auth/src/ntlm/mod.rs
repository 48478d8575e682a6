//! NTLM, version 2 only, both ends (MS-NLMP).
//!
//! The way of a proof, a file a step: the client's [`negotiate`] message says what it can, the server's
//! [`challenge`] brings a nonce and [`target_info`], the client's [`authenticate`] message holds the
//! [`response`]. [`client`] makes the first and the last, [`server`] makes the second and judges the last.
//! [`keys`] is the arithmetic, [`bindings`] ties the proof to a TLS channel, [`signing`] is what SPNEGO
//! protects its list of mechanisms with.
//!
//! What is absent on purpose: LM and NTLM version 1 (their answers are refused), anonymous users,
//! datagrams, sealing. The protocol's own cryptography is MD4, MD5 and RC4 whatever one does: it belongs
//! inside TLS.

pub mod authenticate;
pub mod bindings;
pub mod broken;
pub mod challenge;
pub mod client;
pub mod flags;
pub mod keys;
mod layout;
pub mod negotiate;
pub mod refused;
pub mod response;
pub mod server;
pub mod signature;
pub mod signing;
pub mod target_info;
mod text;
pub(crate) mod turns;
mod version;
