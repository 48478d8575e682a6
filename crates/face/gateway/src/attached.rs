//! What the terms of bindings name beside the certificate: files of revocation lists, and of OCSP responses to staple.
//!
//! They are read when they look different. What is bad never replaces what was good, and is said once; what is over
//! is not used any more, and that is said once, too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gatepost::model::binding::Binding;
use gatepost::model::time::Timestamp;
use gatepost::tls::fitness;
use gatepost::tls::lists::RevocationLists;
use gatepost::tls::ocsp::status::{self, Unbelievable};

use crate::revocation_file;
use crate::small_file;
use crate::watched::{Look, Watched};

/// The files that are named by now.
#[derive(Debug, Default)]
pub(crate) struct Attached {
    lists: BTreeMap<PathBuf, Watched<Vec<Vec<u8>>>>,
    staples: BTreeMap<PathBuf, Watched<Vec<u8>>>,
    /// When something that is used now is over.
    due: Option<Timestamp>,
    /// What was said of each binding last, so that it is said once.
    said: BTreeMap<(String, &'static str), String>,
    wrong: Vec<String>,
}

impl Attached {
    /// Begins anew: what these bindings name stays, and each is asked for after it.
    pub(crate) fn begin(&mut self, bindings: &[Binding]) {
        let lists: Vec<_> = bindings.iter().flat_map(|one| &one.terms.revocation_lists).map(Path::new).collect();
        let staples: Vec<_> = bindings.iter().filter_map(|one| one.terms.stapled_file()).map(Path::new).collect();
        self.lists.retain(|path, _| lists.contains(&path.as_path()));
        self.staples.retain(|path, _| staples.contains(&path.as_path()));
        let keys: Vec<String> = bindings.iter().map(|one| one.key.to_string()).collect();
        self.said.retain(|(key, _), _| keys.contains(key));
        self.due = None;
    }

    /// What the files hold that a binding names for the certificates of clients.
    pub(crate) fn lists(&mut self, binding: &Binding, now: Timestamp) -> RevocationLists {
        let mut all = Vec::new();
        for path in &binding.terms.revocation_lists {
            let path = Path::new(path);
            let file = self.lists.entry(path.to_owned()).or_insert_with(|| {
                let mut file = Watched::new(path);
                look(&mut file, revocation_file::read, &mut self.wrong);
                file
            });
            all.extend(file.good().into_iter().flatten().cloned());
        }
        // Each was read before: together they cannot be worse.
        let lists = RevocationLists::new(all).unwrap_or_default();
        if binding.terms.checks_revocation() {
            let until = lists.fresh_until();
            let over = until.filter(|until| *until < now);
            self.say(
                binding,
                "crl",
                over.map(|until| format!("a revocation list is over since {until}: its clients are refused")),
            );
            if over.is_none() {
                self.due = earlier(self.due, until);
            }
        }
        lists
    }

    /// The OCSP response that is to be stapled to the chain of a binding. None if it names none, or none that counts.
    pub(crate) fn staple(&mut self, binding: &Binding, chain: &[Vec<u8>], now: Timestamp) -> Option<Vec<u8>> {
        let path = Path::new(binding.terms.stapled_file()?);
        let file = self.staples.entry(path.to_owned()).or_insert_with(|| {
            let mut file = Watched::new(path);
            look(&mut file, read_staple, &mut self.wrong);
            file
        });
        let response = file.good()?.clone();
        let fitting = fitness::staple(&response, chain, now);
        if let Some(Err(Unbelievable::NotYetValid { from })) =
            chain.first().zip(chain.get(1)).map(|(leaf, issuer)| status::judge(&response, leaf, issuer, now))
        {
            self.due = earlier(self.due, Some(from));
        }
        let unfit = fitting.as_ref().err().map(|unfit| format!("{}: {unfit}; nothing is stapled", path.display()));
        self.say(binding, "staple", unfit);
        let until = fitting.ok()?;
        self.due = earlier(self.due, Some(until));
        Some(response)
    }

    /// Reads what looks different. Whether something else is to be used from now on.
    pub(crate) fn look(&mut self, now: Timestamp) -> bool {
        let mut changed = self.due.is_some_and(|due| due < now);
        for file in self.lists.values_mut() {
            changed |= look(file, revocation_file::read, &mut self.wrong);
        }
        for file in self.staples.values_mut() {
            changed |= look(file, read_staple, &mut self.wrong);
        }
        changed
    }

    /// What was found wrong since the last time, each with its file or binding.
    pub(crate) fn take_wrong(&mut self) -> Vec<String> {
        std::mem::take(&mut self.wrong)
    }

    fn say(&mut self, binding: &Binding, about: &'static str, detail: Option<String>) {
        let key = (binding.key.to_string(), about);
        match detail {
            None => {
                self.said.remove(&key);
            }
            Some(detail) if self.said.get(&key) == Some(&detail) => {}
            Some(detail) => {
                self.wrong.push(format!("{}: {detail}", binding.key));
                self.said.insert(key, detail);
            }
        }
    }
}

/// Reads a file if it looks different, and notes what is wrong with it. Whether there is something new in it.
fn look<T>(file: &mut Watched<T>, read: impl FnOnce(&Path) -> Result<T, String>, wrong: &mut Vec<String>) -> bool {
    match file.look(read) {
        Look::Same => false,
        Look::Good => true,
        Look::Bad(detail) => {
            let stays = if file.good().is_some() { "the one before it stays" } else { "nothing is known from it" };
            wrong.push(format!("{detail}; {stays}"));
            false
        }
    }
}

/// An OCSP response as DER.
fn read_staple(path: &Path) -> Result<Vec<u8>, String> {
    small_file::read(path, small_file::LONGEST_OCSP).map_err(|error| error.to_string())
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests {
    use gatepost::model::application::ApplicationId;
    use gatepost::model::binding::Answer;
    use gatepost::model::terms::Terms;
    use gatepost_testkit::authority::{Authority, Leaf};
    use gatepost_testkit::ocsp::{Reply, Word};

    use super::*;

    struct World {
        place: tempfile::TempDir,
        authority: Authority,
        leaf: Leaf,
    }

    /// Seconds into 2026-01-01.
    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_767_225_600 + secs)
    }

    impl World {
        fn new() -> Self {
            let authority = Authority::new();
            Self { place: tempfile::tempdir().unwrap(), leaf: authority.issue(&["a.test"]), authority }
        }

        fn path(&self, name: &str) -> String {
            self.place.path().join(name).display().to_string()
        }

        /// Puts something whole into a file.
        fn write(&self, name: &str, content: &[u8]) {
            std::fs::write(self.path("draft"), content).unwrap();
            std::fs::rename(self.path("draft"), self.path(name)).unwrap();
        }

        fn binding(&self) -> Binding {
            let terms = Terms {
                revocation_lists: vec![self.path("one.crl"), self.path("two.crl")],
                staple_file: Some(self.path("a.ocsp")),
                ..Terms::default()
            };
            let (key, answer) = ("a.test:443".parse().unwrap(), Answer::Certificate([7; 32]));
            Binding { key, answer, application: ApplicationId::from_octets([1; 16]), terms }
        }

        fn chain(&self) -> Vec<Vec<u8>> {
            vec![self.leaf.certificate_der.clone(), self.authority.der().to_vec()]
        }

        fn says(&self, word: Word, from: &str, to: &str) -> Vec<u8> {
            self.authority.ocsp(&self.leaf, &Reply::new(word, from, to))
        }
    }

    #[test]
    fn a_staple_is_used_in_its_time_and_only_a_good_one() {
        let world = World::new();
        let (binding, chain) = (world.binding(), world.chain());
        let mut attached = Attached::default();
        let first = world.says(Word::Good, "20260101000000Z", "20260101010000Z");
        let second = world.says(Word::Good, "20260101000000Z", "20260101020000Z");
        let mut staple = |now| {
            attached.begin(std::slice::from_ref(&binding));
            let staple = attached.staple(&binding, &chain, now);
            let wrong = attached.take_wrong();
            (staple, wrong.len(), attached.look(now), attached.take_wrong().len())
        };
        assert_eq!(staple(at(0)), (None, 1, false, 0), "there is no file");
        assert_eq!(staple(at(0)), (None, 0, false, 0), "said once");
        world.write("a.ocsp", &first);
        assert_eq!(staple(at(0)), (None, 0, true, 0), "it is read by a look");
        assert_eq!(staple(at(0)), (Some(first.clone()), 0, false, 0));
        assert_eq!(staple(at(3600)), (Some(first), 0, false, 0));
        world.write("a.ocsp", &second);
        assert!(staple(at(3600)).2);
        assert_eq!(staple(at(3601)), (Some(second.clone()), 0, false, 0));
        world.write("a.ocsp", b"");
        world.write("a.ocsp", &world.says(Word::Revoked("20260101000000Z"), "20260101000000Z", "20260101020000Z"));
        assert!(staple(at(3601)).2);
        assert_eq!((staple(at(3601)), staple(at(3601))), ((None, 1, false, 0), (None, 0, false, 0)));
        world.write("a.ocsp", &second);
        assert!(staple(at(3601)).2);
        assert_eq!(staple(at(7200)), (Some(second), 0, false, 0));
        assert_eq!(
            (staple(at(7201)), staple(at(7201))),
            ((None, 1, false, 0), (None, 0, false, 0)),
            "its time is over"
        );
    }

    #[test]
    fn what_has_not_begun_is_due_when_it_begins() {
        let world = World::new();
        let (binding, chain) = (world.binding(), world.chain());
        world.write("a.ocsp", &world.says(Word::Good, "20260101010000Z", "20260101020000Z"));
        let mut attached = Attached::default();
        attached.begin(std::slice::from_ref(&binding));
        assert_eq!(attached.staple(&binding, &chain, at(0)), None);
        assert_eq!((attached.look(at(3600)), attached.look(at(3601))), (false, true));
        assert!(attached.staple(&binding, &chain, at(3601)).is_some());
    }

    #[test]
    fn what_was_good_is_due_when_it_is_over() {
        let world = World::new();
        let (binding, chain) = (world.binding(), world.chain());
        world.write("a.ocsp", &world.says(Word::Good, "20260101000000Z", "20260101010000Z"));
        let mut attached = Attached::default();
        attached.begin(std::slice::from_ref(&binding));
        assert!(attached.staple(&binding, &chain, at(0)).is_some());
        assert_eq!((attached.look(at(3600)), attached.look(at(3601))), (false, true));
    }

    #[test]
    fn lists_are_read_again_and_the_last_good_one_stays() {
        let world = World::new();
        let binding = world.binding();
        let mut attached = Attached::default();
        let mut lists = |now| {
            attached.begin(std::slice::from_ref(&binding));
            let count = attached.lists(&binding, now).as_der().len();
            let wrong = attached.take_wrong().len();
            (count, wrong, attached.look(now), attached.take_wrong().len())
        };
        assert_eq!((lists(at(0)), lists(at(0))), ((0, 2, false, 0), (0, 0, false, 0)));
        let list = world.authority.revocation_list(&[&world.leaf], 4000);
        world.write("one.crl", &list);
        assert!(lists(at(0)).2);
        assert_eq!(lists(at(0)), (1, 0, false, 0));
        world.write("one.crl", &list[..list.len() / 2]);
        assert_eq!((lists(at(0)), lists(at(0))), ((1, 0, false, 1), (1, 0, false, 0)), "half a file");
        world.write("two.crl", &world.authority.revocation_list(&[], 2001));
        assert!(lists(at(0)).2);
        assert_eq!((lists(at(0)), lists(at(0))), ((2, 1, false, 0), (2, 0, false, 0)), "one is over");
    }
}
