//! What can go wrong in a scheme, as plain data that knows no other module of this crate.

use gatepost_model::fault::{Blame, Fault};
use thiserror::Error;

/// An error that ends an exchange. A wrong password is not one: that is a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AuthError {
    /// A challenge or an answer does not follow its grammar.
    #[error("malformed {scheme} {what}: {detail}")]
    Malformed {
        /// The scheme, or `challenge` for a list that could not be split.
        scheme: &'static str,
        /// `challenge` or `credentials`.
        what: &'static str,
        /// What is wrong with it, without its content.
        detail: String,
    },
    /// The credential cannot be used with this scheme, such as a colon in a Basic user name.
    #[error("the credential does not suit {scheme}: {detail}")]
    Unsuitable {
        /// The scheme.
        scheme: &'static str,
        /// Why.
        detail: String,
    },
    /// The server claims to know the secret that it asks for, and does not: it is not who it says it is.
    #[error("the server's {scheme} proof is wrong: it does not know the secret that it asked for")]
    Unconfirmed {
        /// The scheme.
        scheme: &'static str,
    },
    /// A key, hash or setting is unusable.
    #[error("{what} is unusable: {detail}")]
    Setting {
        /// Which one.
        what: String,
        /// Why.
        detail: String,
    },
}

impl Fault for AuthError {
    fn blame(&self) -> Blame {
        match self {
            Self::Malformed { .. } | Self::Unconfirmed { .. } => Blame::Peer,
            Self::Unsuitable { .. } => Blame::Caller,
            Self::Setting { .. } => Blame::Config,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "GP-AUTH-001",
            Self::Unsuitable { .. } => "GP-AUTH-002",
            Self::Setting { .. } => "GP-AUTH-003",
            Self::Unconfirmed { .. } => "GP-AUTH-004",
        }
    }
}
