//! The gateway daemon: configuration, routes, forwarding.
pub mod config;
pub mod error;
pub mod path;
