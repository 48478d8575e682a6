//! What a digest covers: the quality of protection (RFC 7616 §3.3).

use std::fmt;

/// What a digest covers beside the secret and the nonces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Qop {
    /// Method and target.
    Auth,
    /// Method, target and the body.
    AuthInt,
}

impl Qop {
    /// As it stands on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::AuthInt => "auth-int",
        }
    }

    /// The one of that name; names compare without case.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        [Self::Auth, Self::AuthInt].into_iter().find(|qop| qop.name().eq_ignore_ascii_case(name))
    }

    /// Reads the list of a challenge. What is not known is left out, as RFC 7616 §3.3 asks.
    pub(crate) fn list(text: &str) -> Vec<Self> {
        text.split([',', ' ', '\t']).filter_map(Self::by_name).collect()
    }
}

impl fmt::Display for Qop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
