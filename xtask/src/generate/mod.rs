//! `cargo xtask generate`: the reference pages of the book, written from what they describe.

mod arrows;
mod commands;
mod errors;
pub(crate) mod pages;
mod schemes;
