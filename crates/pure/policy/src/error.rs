//! What can be wrong with a written rule, as plain data that knows no other module of this crate.

use gatepost_model::fault::{Blame, Fault};
use thiserror::Error;

/// A rule that cannot be meant. A refusal is not one: that is a decision.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A text that is not a host rule.
    #[error("`{0}` is not a host rule")]
    Host(String),
    /// A route that names no scheme.
    #[error("the route names no scheme, so nobody could ever pass")]
    NoScheme,
}

impl Fault for PolicyError {
    fn blame(&self) -> Blame {
        match self {
            Self::Host(_) | Self::NoScheme => Blame::Config,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Host(_) => "GP-POLICY-001",
            Self::NoScheme => "GP-POLICY-002",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Host(_) => "write `host`, `host:port`, `*.domain` or `[ipv6]:port`".into(),
            Self::NoScheme => "list at least one scheme".into(),
        })
    }
}
