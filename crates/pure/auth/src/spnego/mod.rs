//! SPNEGO: how two ends agree on a mechanism, thin and strict (RFC 4178; MS-SPNG).
//!
//! [`token`] reads and prints what goes over the wire, [`mechanism`] names what can be agreed on, `der` is
//! as much of DER as that needs. `initiator` and `acceptor` are the legs of the two ends, for the scheme `Negotiate`.

pub(crate) mod acceptor;
pub mod broken;
mod der;
pub(crate) mod initiator;
pub mod mechanism;
pub mod token;

#[cfg(test)]
mod tests;
