//! The gatepost crate. Its content arrives in this issue.
pub use gatepost_auth as auth;
pub use gatepost_model as model;
