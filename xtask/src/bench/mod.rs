//! `cargo xtask bench`: figures of the release build, measured on the machine at hand.

mod build;
pub(crate) mod echo;
pub(crate) mod figures;
mod gateway;
pub(crate) mod road;
pub(crate) mod script;
