//! All checks over one set of facts.

use crate::check::{Check, Finding};
use crate::checks::ALL;
use crate::error::AuditError;
use crate::facts::Facts;

/// How a check came out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// It looked, and nothing is wrong.
    Pass,
    /// It looked, and this is wrong; never empty.
    Found(Vec<Finding>),
    /// The facts that it looks at were not gathered.
    NotTested,
}

/// Runs every check, in the order of [`ALL`].
#[must_use]
pub fn run(facts: &Facts) -> Vec<(&'static dyn Check, State)> {
    ALL.iter().map(|check| (*check, judge(*check, facts))).collect()
}

/// Runs one check.
#[must_use]
pub fn judge(check: &dyn Check, facts: &Facts) -> State {
    if !check.can_tell(facts) {
        return State::NotTested;
    }
    let findings = check.examine(facts);
    if findings.is_empty() { State::Pass } else { State::Found(findings) }
}

/// The check with this id.
///
/// # Errors
/// [`AuditError::UnknownCheck`] if there is none.
pub fn find(id: &str) -> Result<&'static dyn Check, AuditError> {
    let unknown = || AuditError::UnknownCheck { id: id.into(), known: ALL.iter().map(|check| check.id()).collect() };
    ALL.iter().copied().find(|check| check.id() == id).ok_or_else(unknown)
}
