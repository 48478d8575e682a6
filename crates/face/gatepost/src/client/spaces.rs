//! Protection spaces that have been learned: where a proof is sent without waiting for the challenge.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use gatepost_model::scope::Scope;
use gatepost_model::url::Url;

/// How many spaces are remembered; the one that was not used for the longest time goes first.
const CAPACITY: usize = 100;

/// The spaces of one session, with the scheme that was accepted there (RFC 7617 §2.2).
#[derive(Debug, Default)]
pub(crate) struct Spaces {
    learned: Mutex<VecDeque<(Scope, &'static str)>>,
}

impl Spaces {
    /// The scheme to pre-authenticate with at `url`: that of the longest space that covers it.
    pub(crate) fn scheme_for(&self, url: &Url) -> Option<&'static str> {
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        let covering = learned.iter().enumerate().filter_map(|(at, (scope, _))| Some((scope.covers(url)?, at)));
        let (_, at) = covering.max()?;
        let entry = learned.remove(at)?;
        let scheme = entry.1;
        learned.push_back(entry);
        Some(scheme)
    }

    /// Remembers that `scheme` was accepted at `url`: for everything beside it and below.
    pub(crate) fn learn(&self, url: &Url, scheme: &'static str) {
        let folder = url.path().rsplit_once('/').map_or("/", |(folder, _)| folder);
        let Ok(scope) = Scope::parse(&format!("{}{folder}", url.origin())) else {
            return;
        };
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        learned.retain(|(known, _)| *known != scope);
        if learned.len() >= CAPACITY {
            learned.pop_front();
        }
        learned.push_back((scope, scheme));
    }

    /// Forgets the space that covers `url`: the proof was not wanted there.
    pub(crate) fn forget(&self, url: &Url) {
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        learned.retain(|(scope, _)| scope.covers(url).is_none());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_are_folders_of_one_origin() {
        let spaces = Spaces::default();
        let url = |text: &str| Url::parse(text).unwrap();
        spaces.learn(&url("https://h/a/b"), "WSSE");
        spaces.learn(&url("https://h/a/deep/c"), "Basic");
        assert_eq!(spaces.scheme_for(&url("https://h/a/x")), Some("WSSE"));
        assert_eq!(spaces.scheme_for(&url("https://h/a/deep/x")), Some("Basic"));
        assert_eq!(spaces.scheme_for(&url("https://h/")), None);
        assert_eq!(spaces.scheme_for(&url("https://h.evil/a/x")), None);
        spaces.forget(&url("https://h/a/x"));
        assert_eq!(spaces.scheme_for(&url("https://h/a/x")), None);
    }

    #[test]
    fn the_longest_unused_goes_first() {
        let spaces = Spaces::default();
        for n in 0..CAPACITY {
            spaces.learn(&Url::parse(&format!("https://h/{n}/")).unwrap(), "Basic");
        }
        assert_eq!(spaces.scheme_for(&Url::parse("https://h/0/x").unwrap()), Some("Basic"));
        spaces.learn(&Url::parse("https://h/new/").unwrap(), "Basic");
        assert_eq!(spaces.scheme_for(&Url::parse("https://h/0/x").unwrap()), Some("Basic"));
        assert_eq!(spaces.scheme_for(&Url::parse("https://h/1/x").unwrap()), None);
    }
}
