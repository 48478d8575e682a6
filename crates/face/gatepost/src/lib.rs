//! Secures connections and authenticates requests, both ways, for the whole life of the connection.
//!
//! Two types to start with: a [`Session`] sends requests and answers challenges; a [`Server`] puts
//! TLS and authentication in front of a handler. The words that both speak are in [`model`].
//!
//! Everything not said is safe: TLS 1.2 and 1.3 only, no plain `http`, no credential across an
//! origin, and every failure on the way to a decision denies.

pub mod client;
pub mod clock;
pub mod error;
pub mod events;
mod needs;
pub mod server;

pub use client::session::Session;
pub use error::Error;
pub use server::serve::Server;

pub use gatepost_auth as auth;
pub use gatepost_http as http1;
pub use gatepost_model as model;
pub use gatepost_net as net;
pub use gatepost_policy as policy;
pub use gatepost_store as store;
pub use gatepost_tls as tls;
pub use gatepost_ws as ws;

/// The examples of the README are compiled with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../../../README.md")]
struct Readme;
