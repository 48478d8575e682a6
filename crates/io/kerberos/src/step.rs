//! What one step of a context gives.

use crate::facts::Facts;

/// How many tokens a context may take before we call it a loop.
pub(crate) const MAX_LEGS: u8 = 5;

/// The outcome of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What the other end is to be told; empty if there is nothing. Never empty while the context does not stand.
    pub token: Vec<u8>,
    /// What is known once the context stands; `None` while it needs another token.
    pub facts: Option<Facts>,
}

impl Step {
    /// Whether the context stands.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.facts.is_some()
    }
}
