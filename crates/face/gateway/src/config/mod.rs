//! The configuration: one TOML document, the environment and the command's flags, in layers.
//!
//! What was written (`spec`) becomes what is meant ([`compose`]); a wrong value is an error that
//! names `file:line:column`, what was expected, and a hint. Each value knows its
//! [`Source`](source::Source): default < file < `GATEPOST_*` < flag. Nothing here opens a socket.

pub mod acme;
mod client_rules;
pub mod clients;
pub mod compose;
pub mod credential;
mod damping;
pub mod danger;
mod demands;
mod digest;
mod digest_names;
pub mod document;
mod keeping;
pub mod kerberos;
pub mod layers;
mod limits;
pub mod listener;
mod ntlm;
pub mod proxies;
mod relay;
pub mod routes;
pub mod secret;
pub mod show;
pub mod source;
mod spec;
mod suggest;
pub mod value;
pub mod websocket;

#[cfg(test)]
mod client_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod wrong_tests;
