//! What can go wrong in the command, as plain data.

use gatepost::model::fault::{Blame, Fault};
use gatepost_gateway::error::GatewayError;
use thiserror::Error;

/// An error of the command.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CliError {
    /// What was asked for cannot be.
    #[error("{detail}")]
    Usage {
        /// What is wrong with it.
        detail: String,
        /// What to write instead.
        hint: Option<String>,
    },
    /// There is no such thing.
    #[error("there is no {what}")]
    Missing {
        /// Which.
        what: String,
        /// How to find out what there is.
        hint: Option<String>,
    },
    /// A new thing would overwrite one that is there.
    #[error("{what} exists already")]
    Exists {
        /// Which.
        what: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A file or stream of ours failed.
    #[error("{what}: {detail}")]
    Io {
        /// Which.
        what: String,
        /// What the system said.
        detail: String,
    },
    /// The reader of our output went away: not worth a word.
    #[error("the reader of the output went away")]
    BrokenPipe,
    /// The server answered 401 or 407 and we have nothing more to say.
    #[error("the server refused who you are: {status}")]
    Refused {
        /// The status.
        status: u16,
        /// What to try.
        hint: Option<String>,
    },
    /// The server answered with an error, and `--fail` was given.
    #[error("the server answered {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// The server answered a handshake with something that opens no WebSocket.
    #[error("the server opened no WebSocket: it answered {status}")]
    Upgrade {
        /// The status.
        status: u16,
        /// What to try.
        hint: Option<String>,
    },
    /// The other end closed a WebSocket with a code that says that something is wrong (RFC 6455 §7.4.1).
    #[error("the other end closed with {farewell}")]
    Closed {
        /// The code, its name and the reason.
        farewell: String,
    },
    /// A WebSocket, or TLS, ended without a close.
    #[error("the connection ended without a close: {detail}")]
    Broken {
        /// How.
        detail: String,
    },
    /// What was waited for did not come in the time that was given.
    #[error("{what} within {limit}")]
    Late {
        /// What did not come.
        what: String,
        /// The time that was given.
        limit: String,
        /// The option that gives more.
        option: &'static str,
    },
    /// A WebSocket ended before what was asked for had come.
    #[error("the connection ended {what}")]
    Unmet {
        /// Before what.
        what: String,
    },
    /// A script cannot be read.
    #[error("{name}:{line}:{column}: {detail}")]
    Script {
        /// The file.
        name: String,
        /// Counted from 1.
        line: usize,
        /// In characters, counted from 1.
        column: usize,
        /// What is wrong.
        detail: String,
    },
    /// Scripts were run, and expectations did not hold.
    #[error("{failed} of {all} scripts failed")]
    Failed {
        /// How many.
        failed: usize,
        /// Of how many.
        all: usize,
    },
    /// The gateway's.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The library's.
    #[error(transparent)]
    Engine(#[from] gatepost::Error),
}

impl CliError {
    /// What was asked for cannot be.
    pub(crate) fn usage(detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { detail: detail.into(), hint: Some(hint.into()) }
    }

    /// A file or stream failed.
    pub(crate) fn io(what: impl Into<String>, error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::BrokenPipe;
        }
        Self::Io { what: what.into(), detail: error.to_string() }
    }
}

impl Fault for CliError {
    fn blame(&self) -> Blame {
        match self {
            Self::Usage { .. } | Self::Missing { .. } | Self::Exists { .. } | Self::Script { .. } => Blame::Caller,
            Self::Io { .. } | Self::BrokenPipe => Blame::Environment,
            Self::Refused { .. }
            | Self::Status { .. }
            | Self::Upgrade { .. }
            | Self::Closed { .. }
            | Self::Broken { .. }
            | Self::Late { .. }
            | Self::Unmet { .. }
            | Self::Failed { .. } => Blame::Peer,
            Self::Gateway(error) => error.blame(),
            Self::Engine(error) => error.blame(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Usage { .. } => "GP-CLI-001",
            Self::Missing { .. } => "GP-CLI-002",
            Self::Exists { .. } => "GP-CLI-003",
            Self::Io { .. } => "GP-CLI-004",
            Self::BrokenPipe => "GP-CLI-005",
            Self::Refused { .. } => "GP-CLI-006",
            Self::Status { .. } => "GP-CLI-007",
            Self::Upgrade { .. } => "GP-CLI-008",
            Self::Closed { .. } => "GP-CLI-009",
            Self::Broken { .. } => "GP-CLI-010",
            Self::Late { .. } => "GP-CLI-011",
            Self::Unmet { .. } => "GP-CLI-012",
            Self::Script { .. } => "GP-CLI-013",
            Self::Failed { .. } => "GP-CLI-014",
            Self::Gateway(error) => error.code(),
            Self::Engine(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. }
            | Self::Missing { hint, .. }
            | Self::Exists { hint, .. }
            | Self::Refused { hint, .. }
            | Self::Upgrade { hint, .. } => hint.clone(),
            Self::Broken { .. } => Some("`-v` shows what happened before".into()),
            Self::Late { option, .. } => Some(format!("`{option}` gives it more time")),
            Self::Io { .. }
            | Self::BrokenPipe
            | Self::Status { .. }
            | Self::Closed { .. }
            | Self::Unmet { .. }
            | Self::Script { .. }
            | Self::Failed { .. } => None,
            Self::Gateway(error) => error.hint(),
            Self::Engine(error) => error.hint(),
        }
    }
}
