//! `cargo xtask generate`: the reference pages of the book, written from what they describe.

pub(crate) mod pages;
