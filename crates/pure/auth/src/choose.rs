//! Which of the offered challenges to answer, and in which order.

use std::cmp::Reverse;

use crate::challenge::Challenge;
use crate::scheme::Scheme;

/// What the caller wants of the choice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preference {
    /// The schemes that may be used, by registered name without regard to case. Default `None`: all.
    pub allowed: Option<Vec<String>>,
    /// In which order candidates are tried. Default the strongest first.
    pub order: Order,
    /// The one scheme that the credential is kept for
    /// ([`Credential::scheme`](gatepost_model::credential::Credential)), where it is known already.
    /// Default `None`.
    pub credential: Option<String>,
}

/// In which order candidates are tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// The strongest first. Equals go in the registry's order, then in the order of the offer. The
    /// offer alone decides nothing: a peer that lists Basic first gains nothing by it.
    #[default]
    Strongest,
    /// As [`Preference::allowed`] lists them.
    AsListed,
}

/// A challenge that can be answered, and by which scheme.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The scheme.
    pub scheme: &'static dyn Scheme,
    /// Its challenge.
    pub challenge: Challenge,
}

impl Candidate {
    /// Its place among the challenges for one scheme.
    fn weakness(&self) -> Reverse<u8> {
        Reverse(self.scheme.rank(&self.challenge))
    }
}

/// An offered scheme that is not tried, or was tried in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its name as offered.
    pub scheme: String,
    /// Why, in a few words.
    pub reason: String,
}

/// The offer, sorted.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// What to try, the first first. One scheme may be there twice with different challenges, as
    /// Digest is with two algorithms.
    pub candidates: Vec<Candidate>,
    /// What not, in the order of the offer.
    pub skipped: Vec<Skipped>,
}

/// Sorts an offer into what to try and what not.
#[must_use]
pub fn choose(offered: &[Challenge], preference: &Preference, registry: &[&'static dyn Scheme]) -> Choice {
    let mut choice = Choice::default();
    for challenge in offered {
        match admit(&challenge.scheme, preference, registry) {
            Ok(scheme) => choice.candidates.push(Candidate { scheme, challenge: challenge.clone() }),
            Err(reason) => choice.skipped.push(Skipped { scheme: challenge.scheme.clone(), reason: reason.into() }),
        }
    }
    // The sort is stable: what has the same key stays in the order of the offer.
    match preference.order {
        Order::Strongest => choice.candidates.sort_by_key(|candidate| {
            (Reverse(candidate.scheme.strength()), position(candidate.scheme, registry), candidate.weakness())
        }),
        Order::AsListed => choice.candidates.sort_by_key(|candidate| {
            let mut allowed = preference.allowed.iter().flatten();
            let place = allowed.position(|name| name.eq_ignore_ascii_case(candidate.scheme.name()));
            (place, candidate.weakness())
        }),
    }
    choice
}

/// The scheme of this name, if it is known and wanted.
///
/// # Errors
/// Why not, in a few words.
pub fn admit(
    name: &str,
    preference: &Preference,
    registry: &[&'static dyn Scheme],
) -> Result<&'static dyn Scheme, &'static str> {
    let is_it = |other: &str| other.eq_ignore_ascii_case(name);
    let scheme = registry.iter().copied().find(|scheme| is_it(scheme.name())).ok_or("not a scheme that we speak")?;
    if preference.allowed.as_ref().is_some_and(|allowed| !allowed.iter().any(|other| is_it(other))) {
        return Err("not allowed here");
    }
    if preference.credential.as_deref().is_some_and(|only| !is_it(only)) {
        return Err("the credential is kept for another scheme");
    }
    Ok(scheme)
}

fn position(scheme: &dyn Scheme, registry: &[&'static dyn Scheme]) -> Option<usize> {
    registry.iter().position(|known| known.name() == scheme.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schemes::ALL;

    fn names(preference: &Preference, offer: &str) -> (Vec<String>, Vec<(String, String)>) {
        let offered = Challenge::parse_all([offer]).challenges;
        let choice = choose(&offered, preference, ALL);
        let skipped = choice.skipped.into_iter().map(|skipped| (skipped.scheme, skipped.reason)).collect();
        (choice.candidates.iter().map(|candidate| candidate.challenge.to_string()).collect(), skipped)
    }

    fn listed(names: &[&str]) -> Option<Vec<String>> {
        Some(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn the_strongest_goes_first_whatever_the_offer_says() {
        let offer = r#"basic realm="a", Foo x=1, WSSE realm="b", Basic realm="c""#;
        let (candidates, skipped) = names(&Preference::default(), offer);
        assert_eq!(candidates, [r#"WSSE realm="b""#, r#"basic realm="a""#, r#"Basic realm="c""#]);
        assert_eq!(skipped, [("Foo".to_owned(), "not a scheme that we speak".to_owned())]);
    }

    #[test]
    fn the_caller_may_order_and_exclude() {
        let offer = r#"WSSE realm="b", Basic realm="a""#;
        let ordered =
            Preference { allowed: listed(&["BASIC", "wsse"]), order: Order::AsListed, ..Preference::default() };
        assert_eq!(names(&ordered, offer).0, [r#"Basic realm="a""#, r#"WSSE realm="b""#]);
        let only = Preference { allowed: listed(&["basic"]), ..Preference::default() };
        assert_eq!(names(&only, offer).1, [("WSSE".to_owned(), "not allowed here".to_owned())]);
        let kept = Preference { credential: Some("Basic".into()), ..Preference::default() };
        let reason = "the credential is kept for another scheme".to_owned();
        assert_eq!(names(&kept, offer), (vec![r#"Basic realm="a""#.to_owned()], vec![("WSSE".to_owned(), reason)]));
    }
}
