//! May it? Where to? How? Decisions as values, each with a reason.
//!
//! | question | file |
//! |---|---|
//! | may we go to this address at all? | [`transport`] |
//! | may this credential be sent there? | [`credentials`] |
//! | where does a redirect lead, and with what? | [`redirects`] |
//! | may this principal use this route? | [`access`] |
//!
//! Everything here is a pure function: the time is an argument, no name is resolved, nothing is
//! logged. Whoever asks turns the [`Decision`](decision::Decision) into an event. Where a rule does
//! not say yes, the answer is no.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::as_conversions)
)]

pub mod access;
pub mod credentials;
pub mod decision;
pub mod error;
pub mod hosts;
pub mod redirects;
pub mod transport;
