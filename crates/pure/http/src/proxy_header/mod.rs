//! The PROXY protocol (HAProxy, versions 1 and 2): what a proxy says, before all else, of the connection that it passes on.
//!
//! It stands in front of everything, TLS included, and whoever may send it may say anything: it is read from addresses that
//! an operator has named, and from nobody else. [`measure`](read::measure) says how far it goes, so that not one octet
//! behind it is touched; [`read`](read::read) says what it means; [`write`](write::write) says it to others.

mod checksum;
pub mod fault;
pub mod header;
pub mod read;
#[cfg(test)]
mod tests;
mod v1;
mod v2;
pub mod write;
