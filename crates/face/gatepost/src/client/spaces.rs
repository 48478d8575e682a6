//! Protection spaces that have been learned: where a proof is sent without waiting for the challenge.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use gatepost_auth::challenge::Challenge;
use gatepost_model::scope::Scope;
use gatepost_model::url::Url;

/// How many spaces are remembered; the one that was not used for the longest time goes first.
const CAPACITY: usize = 100;

/// How many places a server may name at once.
const MOST_PLACES: usize = 16;

/// The spaces of one session.
#[derive(Debug, Default)]
pub(crate) struct Spaces {
    learned: Mutex<VecDeque<(Scope, Learned)>>,
}

/// What was accepted in a space (RFC 7617 §2.2, RFC 7616 §3.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Learned {
    /// By which scheme.
    pub(crate) scheme: &'static str,
    /// What it answers the next time, if it needs something to answer.
    pub(crate) challenge: Option<Challenge>,
}

impl Spaces {
    /// What to pre-authenticate with at `url`: what was accepted in the longest space that covers it.
    pub(crate) fn learned_for(&self, url: &Url) -> Option<Learned> {
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        let covering = learned.iter().enumerate().filter_map(|(at, (scope, _))| Some((scope.covers(url)?, at)));
        let (_, at) = covering.max()?;
        let entry = learned.remove(at)?;
        let found = entry.1.clone();
        learned.push_back(entry);
        Some(found)
    }

    /// Remembers what was accepted at `url`: for the `places` of the same origin that the server named, references
    /// against that address; or, where it named none, for everything beside it and below.
    pub(crate) fn learn(&self, url: &Url, places: &[String], accepted: &Learned) {
        // A place elsewhere may be meant well: but no server says for another one what is shown there.
        let of_ours = |place: &String| url.join(place).ok().filter(|place| place.origin() == url.origin());
        let mut scopes: Vec<Scope> = match places {
            [] => folder_of(url).into_iter().collect(),
            named => named
                .iter()
                .take(MOST_PLACES)
                .filter_map(of_ours)
                .filter_map(|url| scope_of(&url, url.path()))
                .collect(),
        };
        scopes.dedup();
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        for scope in scopes {
            learned.retain(|(known, _)| *known != scope);
            if learned.len() >= CAPACITY {
                learned.pop_front();
            }
            learned.push_back((scope, accepted.clone()));
        }
    }

    /// Forgets the space that covers `url`: the proof was not wanted there.
    pub(crate) fn forget(&self, url: &Url) {
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        learned.retain(|(scope, _)| scope.covers(url).is_none());
    }
}

fn folder_of(url: &Url) -> Option<Scope> {
    scope_of(url, url.path().rsplit_once('/').map_or("/", |(folder, _)| folder))
}

fn scope_of(url: &Url, path: &str) -> Option<Scope> {
    Scope::parse(&format!("{}{path}", url.origin())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn by(scheme: &'static str) -> Learned {
        Learned { scheme, challenge: None }
    }

    fn found(spaces: &Spaces, at: &str) -> Option<&'static str> {
        spaces.learned_for(&url(at)).map(|learned| learned.scheme)
    }

    #[test]
    fn spaces_are_folders_of_one_origin() {
        let spaces = Spaces::default();
        spaces.learn(&url("https://h/a/b"), &[], &by("WSSE"));
        spaces.learn(&url("https://h/a/deep/c"), &[], &by("Basic"));
        assert_eq!(found(&spaces, "https://h/a/x"), Some("WSSE"));
        assert_eq!(found(&spaces, "https://h/a/deep/x"), Some("Basic"));
        assert_eq!(found(&spaces, "https://h/"), None);
        assert_eq!(found(&spaces, "https://h.evil/a/x"), None);
        spaces.forget(&url("https://h/a/x"));
        assert_eq!(found(&spaces, "https://h/a/x"), None);
    }

    #[test]
    fn a_server_names_its_own_places_and_nobody_elses() {
        let spaces = Spaces::default();
        let places = ["/one", "two/", "https://h/three", "https://other/", "http://h/", "//h:8443/x", "?", "ftp:x"];
        let places = places.map(str::to_owned);
        let challenge = Some(Challenge::new("Digest").with("nonce", "1"));
        let learned = Learned { scheme: "Digest", challenge };
        spaces.learn(&url("https://h/a/b"), &places, &learned);
        let covered = ["https://h/one/x", "https://h/a/two/x", "https://h/three", "https://h/a/b"];
        for at in covered {
            assert_eq!(spaces.learned_for(&url(at)), Some(learned.clone()), "{at}");
        }
        for at in
            ["https://h/a/c", "https://h/", "https://other/", "http://h/one", "https://h:8443/x", "https://h/oneself"]
        {
            assert_eq!(found(&spaces, at), None, "{at}");
        }
    }

    #[test]
    fn the_longest_unused_goes_first() {
        let spaces = Spaces::default();
        for n in 0..CAPACITY {
            spaces.learn(&url(&format!("https://h/{n}/")), &[], &by("Basic"));
        }
        assert_eq!(found(&spaces, "https://h/0/x"), Some("Basic"));
        spaces.learn(&url("https://h/new/"), &[], &by("Basic"));
        assert_eq!(found(&spaces, "https://h/0/x"), Some("Basic"));
        assert_eq!(found(&spaces, "https://h/1/x"), None);
    }
}
