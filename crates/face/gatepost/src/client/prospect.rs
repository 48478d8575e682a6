//! What would be said of us by one scheme, and why.

use gatepost_auth::scheme::Strength;
use gatepost_model::credential::Credential;
use gatepost_policy::decision::Decision;

/// What would be said by one scheme.
#[derive(Debug, Clone)]
pub struct Prospect {
    /// The scheme.
    pub scheme: &'static str,
    /// How much it protects the secret.
    pub strength: Strength,
    /// The credential that would be used, if there is one.
    pub credential: Option<Credential>,
    /// What each policy says to that, in order; the first no is the answer. Empty without a credential.
    pub rules: Vec<(&'static str, Decision)>,
}

impl Prospect {
    /// Whether a proof would be made.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.credential.is_some() && self.rules.iter().all(|(_, decision)| decision.allowed)
    }

    /// Whether a proof would be made, and why or why not, in one clause.
    pub fn verdict(&self) -> Decision {
        if self.credential.is_none() {
            return Decision::deny("no credential for it is kept for this address");
        }
        match self.rules.iter().find(|(_, decision)| !decision.allowed) {
            Some((name, decision)) => Decision::deny(format!("{name}: {}", decision.reason)),
            None => Decision::allow("no policy forbids it"),
        }
    }
}
