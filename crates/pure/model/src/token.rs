//! A token with its end.

use crate::secret::Secret;
use crate::time::Timestamp;

/// An access token (RFC 6750 §1.2) and, where known, when it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The token as it goes on the wire.
    pub value: Secret,
    /// When it stops being good; `None` if it does not say.
    pub expires: Option<Timestamp>,
}

impl Token {
    /// Whether it is still good at `now`.
    #[must_use]
    pub fn is_good_at(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|end| now < end)
    }
}
