//! WebSockets over any stream: [`MessageSocket`](socket::MessageSocket) gives and takes messages,
//! [`StreamSocket`](octets::StreamSocket) octets. The rules are those of `gatepost-ws`; here are the stream, the clock,
//! the buffers and the masks.

mod alarm;
mod assembly;
mod bell;
mod ending;
mod engine;
pub mod heard;
mod incoming;
mod lent;
mod masks;
pub mod octets;
mod outgoing;
pub mod relay;
mod sending;
pub mod settings;
pub mod socket;
mod spare;
pub mod split;
#[cfg(test)]
mod tests;
