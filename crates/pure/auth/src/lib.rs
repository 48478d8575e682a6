//! Authentication schemes, told from both ends of the wire.
//!
//! A [`Scheme`](scheme::Scheme) proves (client) and verifies (server). It is a pure function of its
//! [`Turn`](scheme::Turn): no socket, no clock, no randomness. What it lacks it asks for as a
//! [`Need`](scheme::Need); the engine fetches it and calls again.

pub mod challenge;
pub mod error;
pub mod jose;
pub mod keyed;
pub mod scheme;
pub mod settings;
