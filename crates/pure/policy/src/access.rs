//! May this principal use this route? Which schemes it admits, and whom.

use std::collections::BTreeSet;

use gatepost_model::principal::Principal;

use crate::decision::Decision;
use crate::error::PolicyError;

/// Who may use a route.
///
/// ```
/// use gatepost_model::principal::Principal;
/// use gatepost_policy::access::Access;
///
/// let access = Access::by(["Bearer", "Basic"])?.for_users(["ada"]);
/// assert!(access.admit(&Principal::new("ada", "Basic")).allowed);
/// assert!(!access.admit(&Principal::new("ada", "WSSE")).allowed);
/// assert!(!access.admit(&Principal::new("eve", "Basic")).allowed);
/// # Ok::<(), gatepost_policy::error::PolicyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    schemes: Vec<String>,
    users: Option<BTreeSet<String>>,
    scopes: Vec<String>,
    open: bool,
}

impl Access {
    /// For everyone who proves who they are by one of these schemes, in the order of preference.
    ///
    /// # Errors
    /// [`PolicyError::NoScheme`] if there is none.
    pub fn by<S: Into<String>>(schemes: impl IntoIterator<Item = S>) -> Result<Self, PolicyError> {
        let schemes: Vec<String> = schemes.into_iter().map(Into::into).collect();
        if schemes.is_empty() {
            return Err(PolicyError::NoScheme);
        }
        Ok(Self { schemes, users: None, scopes: Vec::new(), open: false })
    }

    /// For everyone, without any proof. For a test set-up, or for what is public anyway.
    #[must_use]
    pub fn danger_open() -> Self {
        Self { schemes: Vec::new(), users: None, scopes: Vec::new(), open: true }
    }

    /// Only for these users; names compare by octet. An empty list admits nobody.
    #[must_use]
    pub fn for_users<S: Into<String>>(mut self, users: impl IntoIterator<Item = S>) -> Self {
        self.users = Some(users.into_iter().map(Into::into).collect());
        self
    }

    /// Only with a proof that grants all of these scopes (RFC 6749 §3.3).
    #[must_use]
    pub fn with_scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Whether no proof is asked for.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// The schemes to challenge for, in order.
    #[must_use]
    pub fn schemes(&self) -> &[String] {
        &self.schemes
    }

    /// Whether a proof by the scheme of this registered name counts; names compare without case.
    #[must_use]
    pub fn takes(&self, scheme: &str) -> bool {
        self.schemes.iter().any(|name| name.eq_ignore_ascii_case(scheme))
    }

    /// Decides about a principal that was proved. When a proof ends is judged where it is verified:
    /// there a difference of clocks may be forgiven.
    pub fn admit(&self, principal: &Principal) -> Decision {
        if !self.open && !self.takes(principal.scheme) {
            return Decision::deny(format!("the route does not take {}", principal.scheme));
        }
        if self.users.as_ref().is_some_and(|users| !users.contains(&principal.name)) {
            return Decision::deny("the user is not on the route's list");
        }
        if let Some(missing) = self.scopes.iter().find(|scope| !principal.scopes.contains(scope)) {
            return Decision::deny(format!("the proof does not grant the scope `{missing}`"));
        }
        if self.open {
            return Decision::allow("the route is open to everyone");
        }
        Decision::allow(format!("proved by {}", principal.scheme))
    }

    /// Decides about a request without any proof.
    pub fn admit_unproved(&self) -> Decision {
        // Nobody unknown is on a list, and no proof grants nothing.
        if self.open && self.users.is_none() && self.scopes.is_empty() {
            return Decision::allow("the route is open to everyone");
        }
        Decision::deny("the route asks for a proof")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(name: &str, scheme: &'static str, scopes: &[&str]) -> Principal {
        Principal { name: name.into(), scheme, expires: None, scopes: scopes.iter().map(ToString::to_string).collect() }
    }

    #[test]
    fn who_may_pass() {
        let any = || Access::by(["bearer", "WSSE"]).unwrap();
        let table = [
            (any(), principal("ada", "Bearer", &[]), "allowed: proved by Bearer"),
            (any(), principal("ada", "WSSE", &[]), "allowed: proved by WSSE"),
            (any(), principal("ada", "Basic", &[]), "denied: the route does not take Basic"),
            (any().for_users(["ada"]), principal("ada", "WSSE", &[]), "allowed: proved by WSSE"),
            (any().for_users(["ada"]), principal("Ada", "WSSE", &[]), "denied: the user is not on the route's list"),
            (any().for_users([""; 0]), principal("ada", "WSSE", &[]), "denied: the user is not on the route's list"),
            (
                any().with_scopes(["read", "write"]),
                principal("ada", "Bearer", &["read"]),
                "denied: the proof does not grant the scope `write`",
            ),
            (any().with_scopes(["read"]), principal("ada", "Bearer", &["x", "read"]), "allowed: proved by Bearer"),
            (Access::danger_open(), principal("ada", "Basic", &[]), "allowed: the route is open to everyone"),
            (
                Access::danger_open().for_users(["ada"]),
                principal("eve", "Basic", &[]),
                "denied: the user is not on the route's list",
            ),
        ];
        for (access, who, decision) in table {
            assert_eq!(access.admit(&who).to_string(), decision, "{access:?} {who:?}");
        }
    }

    #[test]
    fn without_a_proof_only_an_open_route_lets_pass() {
        assert!(!Access::by(["Basic"]).unwrap().admit_unproved().allowed);
        assert!(Access::danger_open().admit_unproved().allowed);
        assert!(Access::danger_open().is_open());
        assert!(!Access::danger_open().for_users(["ada"]).admit_unproved().allowed);
        assert!(!Access::danger_open().with_scopes(["read"]).admit_unproved().allowed);
    }

    #[test]
    fn a_route_without_schemes_is_an_error() {
        assert_eq!(Access::by([""; 0]), Err(PolicyError::NoScheme));
        let access = Access::by(["Basic"]).unwrap();
        assert_eq!(access.schemes(), ["Basic"]);
        assert!(access.takes("bASIC") && !access.takes("Bas"));
    }
}
