//! The loaded library, and its calls made safe. All `unsafe` of Gatepost is in this folder.
//!
//! What goes in is borrowed for the call; what comes out is copied, or held by a guard that gives it back once.
#![allow(unsafe_code, reason = "calling a C library cannot be done without; each block says why it is sound")]

mod calls;
pub(crate) mod context;
pub(crate) mod held;
pub mod system;
