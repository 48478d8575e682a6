//! The words everyone in Gatepost speaks.
//!
//! This crate is the ground floor: it knows nobody, does nothing and reaches nowhere. There is no
//! socket, no file, no clock, no randomness and no log in it; time is an argument of type
//! [`Timestamp`](time::Timestamp), a secret is a [`Secret`](secret::Secret) that cannot be printed.
//!
//! Import from the defining module (`gatepost_model::url::Url`), never from a re-export: that habit
//! keeps arrows pointing down.

pub mod application;
pub mod binding;
pub mod bound;
pub mod bucket;
pub mod channel;
pub mod credential;
pub mod event;
pub mod fault;
pub mod gauge;
pub mod head;
pub mod limits;
pub mod network;
pub mod pace;
pub mod presented;
pub mod principal;
pub mod scope;
pub mod secret;
pub mod shaken;
pub mod tally;
pub mod terms;
pub mod time;
pub mod token;
pub mod url;
