//! The only crate that keeps anything.
//!
//! One trait, [`Store`](store::Store), several backends: memory for tests and for what may be lost,
//! SQLite for one machine. Secrets are sealed before they reach a backend's disk.

pub mod error;
pub mod store;
