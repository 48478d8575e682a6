//! Who we say we are: a user and a secret, and where they may go.

use crate::scope::Scope;
use crate::secret::Secret;

/// A user name with its secret, or a bare token.
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
}

impl Credential {
    /// A user name and its password.
    #[must_use]
    pub fn login(user: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self { user: user.into(), secret: password.into(), scheme: None, scope: None }
    }

    /// A bearer token.
    #[must_use]
    pub fn token(token: impl Into<Secret>) -> Self {
        Self { user: String::new(), secret: token.into(), scheme: Some("Bearer".into()), scope: None }
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
