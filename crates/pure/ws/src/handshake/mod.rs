//! The opening handshake, judged at both ends: over HTTP/1.1 (RFC 6455 §4) and over HTTP/2 (RFC 8441).
//!
//! [`offer`] is what a client asks for and what its answer is judged by. [`subprotocol`] chooses at the server,
//! [`refusal`] says no in a way that tells the client what would be accepted, and [`reserved`] keeps a caller's own header
//! fields off those of the handshake. What both forms share is in [`offer`]; what is told apart, in `h1` and `h2`.

pub mod extension;
mod fields;
mod h1;
mod h2;
pub mod offer;
pub mod refusal;
pub mod reserved;
pub mod subprotocol;
