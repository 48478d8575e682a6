//! What an authority says of one certificate: OCSP responses (RFC 6960), as servers staple them (RFC 6066 §8).
//!
//! [`status::judge`] holds a response against the certificate that it is for and the one that issued that. The client
//! asks it of what a server stapled, and the server of what it is about to staple. Nothing is ever fetched.

pub(crate) mod der;
pub(crate) mod response;
pub(crate) mod signed;
pub mod status;
#[cfg(test)]
mod tests;
