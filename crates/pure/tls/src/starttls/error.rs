//! Why two ends did not come from the clear to TLS, as plain data.

use gatepost_model::event::one_line;
use gatepost_model::fault::{Blame, Fault, Retry};
use thiserror::Error;

/// The most of what the other end said that stands in an error, in characters.
const QUOTED: usize = 200;

/// An error of a STARTTLS dialogue. `protocol` is its name in [`ALL`](super::ALL).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StartTlsError {
    /// Octets came in the clear when it was not the other end's turn. Behind TLS they would pass for its own words,
    /// whoever on the way had put them there (CVE-2011-0411).
    #[error("{protocol}: {count} octets came in the clear out of turn: they can be anybody's (CVE-2011-0411)")]
    Injected {
        /// The protocol.
        protocol: &'static str,
        /// How many.
        count: usize,
    },
    /// The other end does not offer TLS on this connection. Somebody on the way can have taken the offer away.
    #[error("{protocol}: the other end offers no TLS on this connection")]
    NotOffered {
        /// The protocol.
        protocol: &'static str,
    },
    /// The other end says no.
    #[error("{protocol}: the other end refuses TLS: {answer}")]
    Refused {
        /// The protocol.
        protocol: &'static str,
        /// Its words, on one line.
        answer: String,
    },
    /// The other end does not speak this protocol, or breaks its rules.
    #[error("{protocol}: the other end does not speak it: {detail}")]
    Broken {
        /// The protocol.
        protocol: &'static str,
        /// How.
        detail: String,
    },
    /// The other end says more than there can be to say.
    #[error("{protocol}: the other end said more than {limit} octets and has not come to TLS")]
    TooLong {
        /// The protocol.
        protocol: &'static str,
        /// The bound.
        limit: usize,
    },
    /// The other end hung up.
    #[error("{protocol}: the other end hung up before TLS")]
    Ended {
        /// The protocol.
        protocol: &'static str,
    },
    /// The name of the server cannot be said in this protocol.
    #[error("{protocol}: `{name}` is no name that a server can be asked for")]
    Name {
        /// The protocol.
        protocol: &'static str,
        /// The name, on one line.
        name: String,
    },
}

/// What the other end said, fit for an error: on one line, and not all of it if it is long.
pub(super) fn quoted(text: &str) -> String {
    let line = one_line(text.trim());
    match line.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

impl Fault for StartTlsError {
    fn blame(&self) -> Blame {
        match self {
            Self::Name { .. } => Blame::Caller,
            _ => Blame::Peer,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Injected { .. } => "GP-STARTTLS-001",
            Self::NotOffered { .. } => "GP-STARTTLS-002",
            Self::Refused { .. } => "GP-STARTTLS-003",
            Self::Broken { .. } => "GP-STARTTLS-004",
            Self::TooLong { .. } => "GP-STARTTLS-005",
            Self::Ended { .. } => "GP-STARTTLS-006",
            Self::Name { .. } => "GP-STARTTLS-007",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Ended { .. } => Retry::Fresh,
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Injected { .. } => "do not go on: whoever did this can read and change what passes in the clear",
            Self::NotOffered { .. } => {
                "check the port; if it should be offered, somebody on the way may have taken it out"
            }
            Self::Broken { .. } => "check the port, and whether TLS begins there at once: then leave `--starttls` out",
            Self::Refused { .. } | Self::TooLong { .. } | Self::Ended { .. } | Self::Name { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
