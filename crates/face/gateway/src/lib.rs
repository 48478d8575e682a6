//! The gateway daemon: configuration, routes, forwarding.
pub mod config;
pub mod error;
pub mod hygiene;
pub mod route;
pub mod state;
