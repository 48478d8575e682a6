//! A decision as it is kept: who wanted what, from where, and what was said to that and why.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::time::Timestamp;

/// One decision, for the record. It holds no secret; names in it are a stranger's, and what shows it escapes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// When.
    pub at: Timestamp,
    /// About what: `authentication`, `access`, `damping` or `reveal`.
    pub subject: Cow<'static, str>,
    /// What was said.
    pub allowed: bool,
    /// Who wanted it, as far as it is known: proved where it was allowed, else claimed.
    pub who: Option<String>,
    /// From which address.
    pub from: Option<IpAddr>,
    /// What it was wanted for: host and path without a query, or the name of a credential.
    pub place: Option<String>,
    /// By which scheme.
    pub scheme: Option<String>,
    /// Why, as a clause without a full stop.
    pub reason: String,
}

impl Decided {
    /// A decision of which nothing else is known yet.
    #[must_use]
    pub fn new(at: Timestamp, subject: &'static str, allowed: bool, reason: impl Into<String>) -> Self {
        let (subject, reason) = (Cow::Borrowed(subject), reason.into());
        Self { at, subject, allowed, who: None, from: None, place: None, scheme: None, reason }
    }
}
