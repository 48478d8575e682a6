//! The only crate that keeps anything.
//!
//! One trait, [`Store`](store::Store), several backends: memory for tests and for what may be lost,
//! SQLite for one machine. Secrets are sealed before they reach a backend's disk.

//!
//! [`open`](open::open) is the door to the SQLite backend; a [`MemoryStore`](memory::MemoryStore)
//! is simply made.

pub mod bundle;
pub mod error;
pub mod journal;
pub mod key_source;
pub mod memory;
pub mod open;
pub mod rekey;
pub mod seal;
pub mod sqlite;
pub mod store;

mod bindings;
mod chosen_key;
mod keyring;
mod owner;
mod publish;
mod queue;
mod rows;
mod schema;
mod stretch;
mod writer;
