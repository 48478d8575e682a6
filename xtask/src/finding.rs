//! One thing that breaks a rule.

use std::fmt;

/// Where a rule is broken, and why that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// A file (`path:line` where a line can be named), a crate, or an arrow `crate -> crate`.
    pub(crate) place: String,
    /// What is wrong with it.
    pub(crate) why: String,
}

impl Finding {
    pub(crate) fn new(place: impl Into<String>, why: impl Into<String>) -> Self {
        Self { place: place.into(), why: why.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place, self.why)
    }
}
