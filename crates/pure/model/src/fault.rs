//! What every error in Gatepost answers: who is to blame, which code it has, whether to try again.

use std::time::Duration;

/// Who has to act for an error to go away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Blame {
    /// The other end of the wire broke a rule or refused us.
    Peer,
    /// The person or program that called us asked for something that cannot be.
    Caller,
    /// A configuration file, environment variable or stored setting is wrong.
    Config,
    /// The machine: a port in use, a full disk, a name that does not resolve.
    Environment,
    /// Gatepost itself. Please report it.
    Bug,
}

/// Whether trying the same thing again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Retry {
    /// The same input gives the same error.
    Never,
    /// A fresh connection may succeed.
    Fresh,
    /// It may succeed after this time.
    After(Duration),
}

/// An error that names the guilty.
///
/// Codes have the form `GP-AREA-NNN`; they are stable, while the text of an error may change.
pub trait Fault: std::error::Error {
    /// Who has to act.
    fn blame(&self) -> Blame;

    /// The stable code, such as `GP-AUTH-003`.
    fn code(&self) -> &'static str;

    /// Whether trying again can help. [`Retry::Never`] unless said otherwise.
    fn retry(&self) -> Retry {
        Retry::Never
    }

    /// What to do about it, as one sentence without a full stop, where we know.
    fn hint(&self) -> Option<String> {
        None
    }
}
