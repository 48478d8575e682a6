//! Authentication schemes, told from both ends of the wire.
//!
//! A [`Scheme`](scheme::Scheme) proves (client) and verifies (server). It is a pure function of its
//! [`Turn`](scheme::Turn): no socket, no clock, no randomness. What it lacks it asks for as a
//! [`Need`](need::Need); the engine fetches it and calls again.
//!
//! The client's side of a whole conversation is an [`Exchange`](exchange::Exchange): which scheme
//! answers which [`Challenge`](challenge::Challenge), and when to stop. The server's side is a loop
//! over [`schemes::ALL`].

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::as_conversions)
)]

pub mod challenge;
pub mod choose;
pub mod client_rules;
pub mod context;
pub mod credentials;
pub mod digest;
pub mod error;
pub mod exchange;
mod grammar;
pub mod hash;
pub mod jose;
pub mod keyed;
mod legs;
pub mod need;
pub mod ntlm;
pub mod password;
pub mod record;
pub mod scheme;
pub mod schemes;
mod sent;
pub mod settings;
pub mod spnego;
mod token68;
pub mod verdict;
