//! What can go wrong in the gateway, as plain data.

use std::path::PathBuf;

use gatepost::model::fault::{Blame, Fault};
use thiserror::Error;

/// An error of the gateway. Each one names the place that has to change.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// A setting is wrong.
    #[error("{place}: {problem}")]
    Setting {
        /// `file:line:column`, `environment NAME`, or `flag --name`.
        place: String,
        /// What was expected, and what stands there.
        problem: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A file that the configuration names cannot be read.
    #[error("{path} cannot be read: {detail}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// The state directory cannot be used.
    #[error("the state directory {path} cannot be used: {detail}", path = path.display())]
    State {
        /// The directory, or the file in it.
        path: PathBuf,
        /// Why.
        detail: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// No place for the state directory is known.
    #[error("there is no place for the state directory: neither XDG_STATE_HOME nor HOME is set")]
    Homeless,
    /// A secret that the configuration refers to is not there.
    #[error("{place}: {detail}")]
    Secret {
        /// Where it is referred to.
        place: String,
        /// What is missing.
        detail: String,
    },
    /// A listener cannot be opened.
    #[error("cannot listen on {address}: {detail}")]
    Listen {
        /// The address.
        address: String,
        /// What the system said.
        detail: String,
    },
    /// The engine below refused; its own words.
    #[error("{detail}")]
    Engine {
        /// Who has to act.
        blame: Blame,
        /// The engine's code.
        code: &'static str,
        /// What happened.
        detail: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

impl GatewayError {
    /// Carries an error of the floors below, with its blame, code and hint.
    #[must_use]
    pub fn engine(fault: &dyn Fault) -> Self {
        Self::Engine { blame: fault.blame(), code: fault.code(), detail: fault.to_string(), hint: fault.hint() }
    }
}

impl Fault for GatewayError {
    fn blame(&self) -> Blame {
        match self {
            Self::Setting { .. } | Self::Unreadable { .. } | Self::Secret { .. } => Blame::Config,
            Self::State { .. } | Self::Homeless | Self::Listen { .. } => Blame::Environment,
            Self::Engine { blame, .. } => *blame,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Setting { .. } => "GP-CONF-001",
            Self::Unreadable { .. } => "GP-CONF-002",
            Self::Secret { .. } => "GP-CONF-003",
            Self::State { .. } => "GP-STATE-001",
            Self::Homeless => "GP-STATE-002",
            Self::Listen { .. } => "GP-GATE-001",
            Self::Engine { code, .. } => code,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Setting { hint, .. } | Self::State { hint, .. } | Self::Engine { hint, .. } => hint.clone(),
            Self::Unreadable { .. } => {
                Some("a relative path in a configuration file starts at the folder of that file".into())
            }
            Self::Homeless => Some("name one with `--state DIR`".into()),
            Self::Secret { .. } => None,
            Self::Listen { .. } => Some("port 0 takes any free port".into()),
        }
    }
}
