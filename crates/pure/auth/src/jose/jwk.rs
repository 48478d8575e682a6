//! JSON Web Keys (RFC 7517).

/// A set of verification keys (RFC 7517 §5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySet {}
