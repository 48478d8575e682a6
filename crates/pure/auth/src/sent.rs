//! The last proof that went out, and what may not follow it.

use gatepost_model::secret::Secret;

use crate::challenge::Challenge;
use crate::choose::Skipped;
use crate::scheme::{Proof, Scheme};

/// A scheme and the challenge that it answers; `None` ahead of any.
pub(crate) type Attempt = (&'static dyn Scheme, Option<Challenge>);

/// The last proof that went out.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) scheme: &'static dyn Scheme,
    pub(crate) fields: Proof,
    /// Not empty if the scheme has another leg. May hold keys, so it is not for `Debug`.
    pub(crate) memory: Secret,
    /// The server will ask again whatever it is.
    pub(crate) preliminary: bool,
    /// It was made before anybody asked this time.
    pub(crate) ahead: bool,
    /// What it answers; ahead, what was remembered.
    pub(crate) challenge: Option<Challenge>,
}

impl Sent {
    /// Whether this challenge refuses nothing but the age of the proof: that says nothing about the secret.
    pub(crate) fn is_stale(&self, (scheme, challenge): &Attempt) -> bool {
        let stale = || challenge.as_ref().is_some_and(|challenge| scheme.is_stale(challenge));
        scheme.name() == self.scheme.name() && stale()
    }

    /// Leaves out the challenges for the same scheme that ask for less than the proof was.
    pub(crate) fn drop_lesser(&self, candidates: &mut Vec<Attempt>) -> Vec<Skipped> {
        let Some(answered) = &self.challenge else { return Vec::new() };
        let (name, rank) = (self.scheme.name(), self.scheme.rank(answered));
        let lesser = |(scheme, challenge): &mut Attempt| {
            scheme.name() == name && challenge.as_ref().is_some_and(|challenge| scheme.rank(challenge) < rank)
        };
        let reason = || "weaker than what it asked for before".to_owned();
        candidates.extract_if(.., lesser).map(|_| Skipped { scheme: name.to_owned(), reason: reason() }).collect()
    }

    /// Leaves out weaker schemes: a peer that took the stronger one before and now asks for less may not be that peer.
    pub(crate) fn drop_weaker(&self, candidates: &mut Vec<Attempt>) -> Vec<Skipped> {
        let (name, strength) = (self.scheme.name(), self.scheme.strength());
        let reason = || format!("weaker than {name}, which was tried ahead");
        let weaker = candidates.extract_if(.., |(scheme, _)| scheme.strength() < strength);
        weaker.map(|(scheme, _)| Skipped { scheme: scheme.name().to_owned(), reason: reason() }).collect()
    }
}
