//! What can go wrong with a store.

use std::path::PathBuf;

use gatepost_model::fault::{Blame, Fault};
use thiserror::Error;

/// An error of the store. Every one names where the store is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It cannot be opened or written: missing folder, wrong owner, full disk.
    #[error("the store {path} cannot be used: {detail}", path = path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// Another process holds it for longer than we wait.
    #[error("the store {path} is locked by another process", path = path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// It is a file of something else, or damaged, or of a newer version.
    #[error("{path} is not a store that this version can read: {detail}", path = path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// A sealed secret does not open with the key at hand.
    #[error("a secret in the store does not open with this sealing key: {what}")]
    Sealed {
        /// Which secret.
        what: String,
    },
    /// What was given as the sealing key is none.
    #[error("the sealing key cannot be used: {detail}")]
    Key {
        /// Why. Never the key.
        detail: String,
    },
    /// A new row would overwrite one that is there.
    #[error("{what} exists already")]
    Exists {
        /// Which.
        what: String,
    },
    /// A row that was to be replaced is not what it was expected to be.
    #[error("{what} has changed: it is bound to {found} by now")]
    Changed {
        /// Which.
        what: String,
        /// What it is bound to.
        found: String,
    },
    /// A row belongs to another application.
    #[error("{what} belongs to another application, {owner}")]
    NotOwned {
        /// Which.
        what: String,
        /// Whose it is.
        owner: String,
    },
    /// A credential of tickets or a keytab has no secret to keep: its file is where it is kept.
    #[error("{what} has no secret that could be kept")]
    Unkept {
        /// Which.
        what: String,
    },
    /// There is no such row.
    #[error("there is no {what}")]
    Missing {
        /// Which.
        what: String,
    },
}

impl Fault for StoreError {
    fn blame(&self) -> Blame {
        match self {
            Self::Exists { .. }
            | Self::Missing { .. }
            | Self::Changed { .. }
            | Self::NotOwned { .. }
            | Self::Unkept { .. } => Blame::Caller,
            Self::Sealed { .. } | Self::Key { .. } => Blame::Config,
            Self::Unusable { .. } | Self::Locked { .. } | Self::Foreign { .. } => Blame::Environment,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unusable { .. } => "GP-STORE-001",
            Self::Locked { .. } => "GP-STORE-002",
            Self::Foreign { .. } => "GP-STORE-003",
            Self::Sealed { .. } => "GP-STORE-004",
            Self::Exists { .. } => "GP-STORE-005",
            Self::Missing { .. } => "GP-STORE-006",
            Self::Key { .. } => "GP-STORE-007",
            Self::Changed { .. } => "GP-STORE-008",
            Self::NotOwned { .. } => "GP-STORE-009",
            Self::Unkept { .. } => "GP-STORE-012",
        }
    }
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Locked { .. } => "another process is writing; try again, or end it",
            Self::Foreign { .. } => "restore it from a backup, or name another file",
            Self::Sealed { .. } => "give the sealing key that the store was made with",
            Self::Changed { .. } => "look at it again, and decide anew",
            Self::NotOwned { .. } => "if you mean it, force it",
            Self::Key { .. } => "a sealing key is 32 random octets in base64",
            Self::Unkept { .. } => "name its file where it is used",
            Self::Unusable { .. } | Self::Exists { .. } | Self::Missing { .. } => return None,
        };
        Some(text.to_owned())
    }
}
