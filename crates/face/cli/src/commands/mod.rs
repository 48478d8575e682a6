//! The verbs, one file each, always of the same shape: the arguments, then what they do.

pub mod auth;
pub mod cert;
pub mod completions;
pub mod config;
pub mod credential;
pub mod get;
pub mod log;
pub mod man;
pub mod serve;
pub mod socket;
pub mod state;
pub mod token;
pub mod user;
pub mod ws;
