//! Why a server showed no certificate, on its way past rustls, which has no word for it.

use std::cell::Cell;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use rustls::{Error, OtherError};

/// Why no certificate was shown, although a binding was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The binding rejects.
    Rejected,
    /// The handshake was begun on terms that are not the binding's, or it has terms that nobody can keep.
    OtherTerms,
}

thread_local! {
    /// What this thread has just refused.
    static REFUSED: Cell<Option<Refusal>> = const { Cell::new(None) };
}

/// Notes a refusal, in the middle of a step of rustls.
pub(crate) fn refuse(refusal: Refusal) {
    REFUSED.set(Some(refusal));
}

/// Takes what the step before refused.
pub(crate) fn refused() -> Option<Refusal> {
    REFUSED.take()
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Other(OtherError(Arc::new(refusal)))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rejected => "a binding rejects connections here",
            Self::OtherTerms => "the terms of the binding cannot be kept",
        })
    }
}

impl StdError for Refusal {}
