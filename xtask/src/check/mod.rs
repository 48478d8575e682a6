//! `cargo xtask check`: the rules that the compiler and clippy do not know, one file a rule.

pub(crate) mod arrows;
mod circles;
mod files;
mod imports;
mod links;
mod modules;
mod paths;
pub(crate) mod rules;
