//! `cargo xtask deny`: which crates of others we build on, judged by `deny.toml` without a network.
//!
//! `deny.toml` is written in the words of the tool `cargo-deny`, which can be run on it as well; this is
//! the part of it that we need, with the advisories kept in `xtask/advisories.json`.

mod advisories;
mod crates;
mod duplicates;
mod licences;
mod policy;
mod refused;
pub(crate) mod rules;
