//! The configuration: one TOML document, the environment and the command's flags, in layers.
//!
//! What was written (`spec`) becomes what is meant ([`compose`]); a wrong value is an error that
//! names `file:line:column`, what was expected, and a hint. Each value knows its
//! [`Source`](source::Source): default < file < `GATEPOST_*` < flag. Nothing here opens a socket.

pub mod compose;
mod damping;
pub mod document;
pub mod layers;
mod limits;
pub mod listener;
mod relay;
pub mod routes;
pub mod show;
pub mod source;
mod spec;
mod suggest;
pub mod value;
pub mod websocket;

#[cfg(test)]
mod tests;
