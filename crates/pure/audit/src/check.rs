//! The contract of a check.

use std::fmt::{self, Debug};

use crate::facts::Facts;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Good to know.
    Info,
    /// Weakens a protection that others stand behind.
    Low,
    /// Will fail soon, or fails against a stronger attacker.
    Medium,
    /// Fails now, or against anyone on the way.
    High,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        })
    }
}

/// One thing that can be wrong.
///
/// The texts are for people: one sentence each, `remedy` without a full stop because it is shown
/// as a hint.
pub trait Check: Debug + Send + Sync {
    /// A stable id in kebab case.
    fn id(&self) -> &'static str;

    /// What is wrong when it fires.
    fn title(&self) -> &'static str;

    /// Why that matters.
    fn why(&self) -> &'static str;

    /// What to do about it.
    fn remedy(&self) -> &'static str;

    /// How much it matters.
    fn severity(&self) -> Severity;

    /// Where to read on: an RFC with its section, or a CWE number.
    fn reference(&self) -> &'static str;

    /// Whether the facts that it looks at were gathered.
    fn can_tell(&self, facts: &Facts) -> bool;

    /// What is wrong; empty if nothing is, or if it [cannot tell](Self::can_tell).
    fn examine(&self, facts: &Facts) -> Vec<Finding>;
}

/// One thing that is wrong, with what shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The id of the check that fired.
    pub check: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What was seen, in one line.
    pub evidence: String,
}

impl Finding {
    /// A finding of `check`, at its severity.
    #[must_use]
    pub fn of(check: &dyn Check, evidence: impl Into<String>) -> Self {
        Self { check: check.id(), severity: check.severity(), evidence: evidence.into() }
    }
}
