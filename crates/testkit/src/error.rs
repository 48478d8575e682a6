//! Why a script could not be played to its end, as plain data that knows no other module.

use std::error::Error;
use std::fmt;

/// What went another way than the script says. `step` counts from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScriptError {
    /// Something else came.
    Mismatch {
        /// Which step.
        step: usize,
        /// What the script says, escaped.
        expected: String,
        /// What came, escaped.
        received: String,
    },
    /// The other end closed too early.
    Ended {
        /// Which step.
        step: usize,
        /// What came before, escaped.
        received: String,
    },
    /// Nothing came in time.
    Silence {
        /// Which step.
        step: usize,
        /// What came before, escaped.
        received: String,
    },
    /// A head without end.
    TooLong {
        /// Which step.
        step: usize,
    },
    /// The connection broke.
    Broken {
        /// Which step.
        step: usize,
        /// What the system says.
        detail: String,
    },
    /// Nobody connected, though the script has another connection.
    NoConnection {
        /// Which connection, counted from 1.
        connection: usize,
    },
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mismatch { step, expected, received } => {
                write!(f, "step {step}: expected \"{expected}\", received \"{received}\"")
            }
            Self::Ended { step, received } => write!(f, "step {step}: the other end closed after \"{received}\""),
            Self::Silence { step, received } => write!(f, "step {step}: nothing came after \"{received}\""),
            Self::TooLong { step } => write!(f, "step {step}: the head has no end"),
            Self::Broken { step, detail } => write!(f, "step {step}: {detail}"),
            Self::NoConnection { connection } => write!(f, "connection {connection} was not made"),
        }
    }
}

impl Error for ScriptError {}
