//! What can go wrong when checks are chosen, as plain data that knows no other module of this crate.

use gatepost_model::fault::{Blame, Fault};
use thiserror::Error;

/// An error of the one who asks. What is wrong with the audited is a finding, not an error.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AuditError {
    /// No check has this id.
    #[error("there is no check `{id}`")]
    UnknownCheck {
        /// What was asked for.
        id: String,
        /// The ids there are.
        known: Vec<&'static str>,
    },
}

impl Fault for AuditError {
    fn blame(&self) -> Blame {
        match self {
            Self::UnknownCheck { .. } => Blame::Caller,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::UnknownCheck { .. } => "GP-AUDIT-001",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownCheck { known, .. } => Some(format!("the checks are {}", known.join(", "))),
        }
    }
}
