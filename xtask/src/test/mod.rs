//! `cargo xtask test`: the one test command, from formatting to real peers on loopback.

mod counts;
mod examples;
pub(crate) mod machine;
mod outcome;
mod process;
pub(crate) mod run;
mod steps;
