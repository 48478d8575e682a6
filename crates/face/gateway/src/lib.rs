//! The gateway daemon: configuration, routes, forwarding.
//!
//! It stands on the library's public API alone. [`config`] turns one TOML document, the environment
//! and the command's flags into a meaning; [`plan`] makes it work; [`gate`] is the site that the
//! library's server asks; [`forward`] takes a request to its upstream; [`daemon`] starts it all,
//! reloads it and ends it in good order. [`first_run`] makes what a fresh machine lacks, and [`acme`] fetches certificates
//! that others trust.

pub mod acme;
mod attached;
pub mod certificates;
pub mod chosen;
mod clients;
pub mod config;
pub mod daemon;
pub mod demo;
pub mod error;
pub mod first_run;
mod folder;
pub mod forward;
pub mod gate;
pub mod hygiene;
pub mod issuer;
pub mod kept;
mod ledger;
mod nonces;
mod open;
mod outbound;
pub mod plan;
pub mod ready;
pub mod reload;
pub mod revocation_file;
pub mod route;
mod signals;
pub mod small_file;
pub mod state;
mod watched;
mod way;
mod websocket;
