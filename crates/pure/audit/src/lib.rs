//! Facts in, findings out.
//!
//! Whoever can look at something (a probe of an endpoint, the gateway at its own configuration)
//! fills in [`Facts`](facts::Facts) as plain data; every [`Check`](check::Check) in
//! [`checks::ALL`] judges them. Nothing here opens a connection, reads a file or looks at a clock.
//!
//! A fact that nobody gathered is `None`, and a check that lacks it says so
//! ([`State::NotTested`](run::State::NotTested)): silence is never taken for good news.
//!
//! A new check is one file in `checks/`, two lines in `checks/mod.rs`, and a line in
//! `tests/conformance.rs` with facts that fire and facts that stay silent.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::as_conversions)
)]

pub mod check;
pub mod checks;
pub mod error;
pub mod facts;
pub mod run;
