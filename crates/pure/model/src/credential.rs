//! Who we say we are: a user and a secret, and where they may go.

use std::path::PathBuf;

use crate::scope::Scope;
use crate::secret::Secret;

/// The one scheme that proves with Kerberos tickets.
const NEGOTIATE: &str = "Negotiate";

/// A user name with its secret, a bare token, or where the tickets are.
///
/// For token schemes `user` is empty and `secret` is the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The user name; empty for a bare token.
    pub user: String,
    /// The password, API key or token.
    pub secret: Secret,
    /// The one scheme that it may be used with, by its registered name; any scheme if `None`.
    pub scheme: Option<String>,
    /// Where it may go. `None` only for a credential that the caller named for one request: it is
    /// then bound to that request's origin.
    pub scope: Option<Scope>,
    /// What it proves with.
    pub means: Means,
}

/// What a credential proves with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Means {
    /// With its secret.
    #[default]
    Secret,
    /// With the Kerberos tickets of whoever runs this process. Only where a policy names the host.
    Ambient,
    /// With the Kerberos tickets in this file.
    Tickets(PathBuf),
    /// With the key that this Kerberos keytab has for `user`.
    Keytab(PathBuf),
}

impl Credential {
    /// A user name and its password.
    #[must_use]
    pub fn login(user: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self { user: user.into(), secret: password.into(), scheme: None, scope: None, means: Means::Secret }
    }

    /// A bearer token.
    #[must_use]
    pub fn token(token: impl Into<Secret>) -> Self {
        let scheme = Some("Bearer".into());
        Self { scheme, ..Self::login("", token) }
    }

    /// Whoever runs this process, by their Kerberos tickets. Goes only where a policy names the host.
    #[must_use]
    pub fn ambient() -> Self {
        Self::by(Means::Ambient, "")
    }

    /// Whoever the Kerberos tickets in this file are of; `kinit -c FILE` writes such.
    #[must_use]
    pub fn tickets(file: impl Into<PathBuf>) -> Self {
        Self::by(Means::Tickets(file.into()), "")
    }

    /// This Kerberos principal, `user@REALM`, by its key in this keytab.
    #[must_use]
    pub fn keytab(principal: impl Into<String>, file: impl Into<PathBuf>) -> Self {
        Self::by(Means::Keytab(file.into()), principal)
    }

    /// Of no secret: there is nothing that another scheme could use.
    fn by(means: Means, user: impl Into<String>) -> Self {
        Self { means, scheme: Some(NEGOTIATE.into()), ..Self::login(user, "") }
    }

    /// Binds it to a scope.
    #[must_use]
    pub fn within(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Restricts it to one scheme.
    #[must_use]
    pub fn only_for(mut self, scheme: impl Into<String>) -> Self {
        self.scheme = Some(scheme.into());
        self
    }

    /// Whether the scheme with this registered name may use it (names compare without case).
    #[must_use]
    pub fn serves(&self, scheme: &str) -> bool {
        self.scheme.as_deref().is_none_or(|only| only.eq_ignore_ascii_case(scheme))
    }
}
