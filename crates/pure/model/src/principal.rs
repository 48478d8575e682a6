//! Who has been proved to speak.

use crate::time::Timestamp;

/// An authenticated identity, as the application and the upstream see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The name: a user name, or a token's subject.
    pub name: String,
    /// The registered name of the scheme that proved it, such as `Basic`.
    pub scheme: &'static str,
    /// When the proof ends, and with it whatever it opened; `None` if it has no end of its own.
    pub expires: Option<Timestamp>,
    /// The scopes that the proof grants (RFC 6749 §3.3); empty if the scheme has none.
    pub scopes: Vec<String>,
}

impl Principal {
    /// A principal without end and scopes.
    #[must_use]
    pub fn new(name: impl Into<String>, scheme: &'static str) -> Self {
        Self { name: name.into(), scheme, expires: None, scopes: Vec::new() }
    }
}
