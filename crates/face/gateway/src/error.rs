//! What can go wrong in the gateway, as plain data.

use std::path::PathBuf;
use std::time::Duration;

use gatepost::model::fault::{Blame, Fault, Retry};
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
    /// An ACME authority could not be asked, or does not speak RFC 8555.
    #[error("the ACME authority {authority} cannot be asked: {detail}")]
    AuthorityAway {
        /// Its directory.
        authority: String,
        /// What happened.
        detail: String,
        /// How long it wants us to wait before the next try.
        wait: Option<Duration>,
    },
    /// An ACME authority refused (RFC 8555 §6.7).
    #[error("the ACME authority {authority} refused: {detail}")]
    AuthorityRefused {
        /// Its directory.
        authority: String,
        /// Its own words, and the kind of its problem.
        detail: String,
        /// How long it wants us to wait before the next try.
        wait: Option<Duration>,
    },
    /// An ACME authority has had too many requests of ours (RFC 8555 §6.6).
    #[error("the ACME authority {authority} wants no more requests for now: {detail}")]
    AuthorityBusy {
        /// Its directory.
        authority: String,
        /// Its own words.
        detail: String,
        /// How long it wants us to wait before the next try.
        wait: Option<Duration>,
    },
    /// An ACME authority found no proof that a name is ours (RFC 8555 §8).
    #[error("the ACME authority {authority} was not convinced: {detail}")]
    Unproved {
        /// Its directory.
        authority: String,
        /// For which name, and its own words.
        detail: String,
    },
    /// An ACME authority issued something else than what was asked for. It is not used.
    #[error("what the ACME authority {authority} issued is not what was asked for: {detail}")]
    WrongCertificate {
        /// Its directory.
        authority: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A name that a certificate is wanted for is bound to something that is not ours to replace.
    #[error("{key} is bound to {what}, which did not come from an ACME authority: it is left alone")]
    BoundElsewhere {
        /// Where.
        key: String,
        /// To what.
        what: String,
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
            Self::BoundElsewhere { .. } => Blame::Config,
            Self::State { .. } | Self::Homeless | Self::Listen { .. } => Blame::Environment,
            Self::AuthorityAway { .. } | Self::Unproved { .. } => Blame::Environment,
            Self::AuthorityRefused { .. } | Self::AuthorityBusy { .. } | Self::WrongCertificate { .. } => Blame::Peer,
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
            Self::AuthorityAway { .. } => "GP-ACME-001",
            Self::AuthorityRefused { .. } => "GP-ACME-002",
            Self::AuthorityBusy { .. } => "GP-ACME-003",
            Self::Unproved { .. } => "GP-ACME-004",
            Self::WrongCertificate { .. } => "GP-ACME-005",
            Self::BoundElsewhere { .. } => "GP-ACME-006",
            Self::Engine { code, .. } => code,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::AuthorityAway { wait: Some(wait), .. }
            | Self::AuthorityRefused { wait: Some(wait), .. }
            | Self::AuthorityBusy { wait: Some(wait), .. } => Retry::After(*wait),
            Self::AuthorityAway { .. } | Self::AuthorityBusy { .. } => Retry::Fresh,
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Setting { hint, .. } | Self::State { hint, .. } | Self::Engine { hint, .. } => hint.clone(),
            Self::Unreadable { .. } => {
                Some("a relative path in a configuration file starts at the folder of that file".into())
            }
            Self::Homeless => Some("name one with `--state DIR`".into()),
            Self::Unproved { .. } => Some(
                "the name must lead to this machine, and the authority reach it at port 80 (http-01) or 443 (tls-alpn-01)"
                    .into(),
            ),
            Self::AuthorityBusy { wait: Some(wait), .. } => Some(format!("try again in {} s", wait.as_secs())),
            Self::BoundElsewhere { key, .. } => Some(format!("`gatepost cert unbind {key}` makes room")),
            Self::AuthorityAway { .. }
            | Self::AuthorityRefused { .. }
            | Self::AuthorityBusy { .. }
            | Self::WrongCertificate { .. }
            | Self::Secret { .. } => None,
            Self::Listen { .. } => Some("port 0 takes any free port".into()),
        }
    }
}
