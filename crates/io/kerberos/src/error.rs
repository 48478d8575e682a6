//! What can go wrong with the system's GSSAPI library, as plain data that knows no other module.

use gatepost_model::fault::{Blame, Fault};
use thiserror::Error;

/// An error of the library, or the lack of it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KerberosError {
    /// The library is not installed, or cannot be loaded.
    #[error("the GSSAPI library of this system cannot be loaded: {detail}")]
    Missing {
        /// What the loader says.
        detail: String,
    },
    /// Gatepost does not know the library of this operating system.
    #[error("Kerberos is not supported on {0}")]
    Unsupported(&'static str),
    /// The library lacks a function that every GSSAPI library has.
    #[error("the GSSAPI library lacks the function {0}")]
    Symbol(&'static str),
    /// The library refused a call (RFC 2744 §3.9.1).
    #[error("{call} failed with major status {major:#010x}, minor status {minor}")]
    Status {
        /// The function.
        call: &'static str,
        /// The major status: calling, routine and supplementary part.
        major: u32,
        /// The mechanism's own number.
        minor: u32,
    },
    /// The library returned what is not an object identifier.
    #[error("the GSSAPI library returned an object identifier that cannot be read")]
    Oid,
}

impl Fault for KerberosError {
    fn blame(&self) -> Blame {
        Blame::Environment
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "GP-KERBEROS-001",
            Self::Unsupported(_) => "GP-KERBEROS-002",
            Self::Symbol(_) => "GP-KERBEROS-003",
            Self::Status { .. } => "GP-KERBEROS-004",
            Self::Oid => "GP-KERBEROS-005",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } => Some("install it; on Debian: `apt install libgssapi-krb5-2`".into()),
            _ => None,
        }
    }
}
