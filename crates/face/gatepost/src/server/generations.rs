//! A bounded memory of proofs: what is used moves to the young generation, and when that is full the old one goes.
//!
//! So a flood of good proofs costs others at most a new judgement, and nobody ever searches for what to drop.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gatepost_model::principal::Principal;
use gatepost_model::time::Timestamp;

use crate::clock::Moment;

/// So far the wall clock may step back before what it proved later is judged anew.
const SKEW: Duration = Duration::from_secs(1);
/// What an entry takes beside the octets of its principal, roughly.
const OVERHEAD: usize = 256;

/// The name of one request's credentials: a keyed digest of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name(pub(crate) [u8; 32]);

/// Proofs by their names, which are digests under a secret key: nobody can choose where one comes to lie, so that its
/// first octets are hash enough.
type ByName = HashMap<Name, Entry, BuildHasherDefault<FirstOctets>>;

/// The first eight octets of what is hashed.
#[derive(Default)]
struct FirstOctets(u64);

/// The most that is held.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) entries: usize,
    pub(crate) octets: usize,
}

/// Proofs by name.
pub(crate) struct Generations {
    young: ByName,
    old: ByName,
    /// Octets of the young ones.
    octets: usize,
    /// Of one generation.
    bounds: Bounds,
}

/// Who it is, and where that ends.
pub(crate) struct Entry {
    pub(crate) principal: Arc<Principal>,
    pub(crate) epoch: u64,
    /// When it was judged.
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
    /// The end by the clock that never steps.
    pub(crate) dies: Instant,
}

impl Generations {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { young: ByName::default(), old: ByName::default(), octets: 0, bounds }
    }

    /// Who it is, if the proof of that name still stands. One that does not is gone after this.
    pub(crate) fn find(&mut self, name: &Name, epoch: u64, now: Moment) -> Option<Arc<Principal>> {
        if let Some(entry) = self.young.get(name) {
            if entry.stands(epoch, now) {
                return Some(Arc::clone(&entry.principal));
            }
            self.forget(name);
            return None;
        }
        let entry = self.old.remove(name).filter(|entry| entry.stands(epoch, now))?;
        let principal = Arc::clone(&entry.principal);
        self.hold(*name, entry);
        Some(principal)
    }

    /// Holds a proof, in the place of one of the same name, unless it is too large.
    pub(crate) fn hold(&mut self, name: Name, entry: Entry) {
        self.forget(&name);
        self.old.remove(&name);
        let octets = entry.octets();
        // One principal of a thousand scopes must not push everybody else out.
        if octets > (self.bounds.octets / 16).max(OVERHEAD + 64) {
            return;
        }
        if self.young.len() >= self.bounds.entries || self.octets.saturating_add(octets) > self.bounds.octets {
            self.old = std::mem::take(&mut self.young);
            self.octets = 0;
        }
        self.octets += octets;
        self.young.insert(name, entry);
    }

    fn forget(&mut self, name: &Name) {
        if let Some(entry) = self.young.remove(name) {
            self.octets = self.octets.saturating_sub(entry.octets());
        }
    }
}

impl Entry {
    fn stands(&self, epoch: u64, now: Moment) -> bool {
        self.epoch == epoch && self.from - SKEW <= now.wall && now.wall < self.until && now.steady < self.dies
    }

    fn octets(&self) -> usize {
        let scopes: usize = self.principal.scopes.iter().map(|scope| scope.len() + size_of::<String>()).sum();
        OVERHEAD + self.principal.name.len() + scopes
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

impl Hasher for FirstOctets {
    fn write(&mut self, octets: &[u8]) {
        self.0 = octets.first_chunk().map_or(self.0, |first| u64::from_ne_bytes(*first));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Name(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_pushes_out_what_nobody_uses() {
        let (mut held, now) = (Generations::new(Bounds { entries: 50, octets: 1024 * 1024 }), moment());
        let (used, unused) = (name(u32::MAX), name(u32::MAX - 1));
        held.hold(used, entry(now, 0));
        held.hold(unused, entry(now, 0));
        for number in 0..10_000_u32 {
            held.hold(name(number), entry(now, 0));
            assert!(held.find(&used, 0, now).is_some(), "{number}");
            assert!(held.young.len() <= 50 && held.old.len() <= 50, "{number}");
        }
        assert_eq!(held.find(&unused, 0, now), None);
    }

    #[test]
    fn octets_are_bounded_and_a_giant_is_not_held() {
        let (mut held, now) = (Generations::new(Bounds { entries: 1000, octets: 32 * 1024 }), moment());
        for number in 0..1000 {
            held.hold(name(number), entry(now, 1000));
            assert_eq!(octets(&held.young), held.octets);
            assert!(held.octets <= 32 * 1024 && octets(&held.old) <= 32 * 1024);
        }
        let before = (held.young.len(), held.old.len());
        held.hold(name(1000), entry(now, 4000));
        assert_eq!(held.find(&name(1000), 0, now), None);
        assert_eq!((held.young.len(), held.old.len()), before);
    }

    #[test]
    fn what_does_not_stand_is_gone_once_it_was_asked_for() {
        let (mut held, now) = (Generations::new(Bounds { entries: 1, octets: 1024 }), moment());
        for number in 0..2 {
            held.hold(name(number), entry(now, 0));
        }
        for number in 0..2 {
            assert_eq!(held.find(&name(number), 1, now), None);
        }
        assert_eq!((held.young.len(), held.old.len(), held.octets), (0, 0, 0));
    }

    fn moment() -> Moment {
        Moment { wall: Timestamp::from_secs(1_000_000), steady: Instant::now() }
    }

    fn name(number: u32) -> Name {
        let mut octets = [0; 32];
        octets[..4].copy_from_slice(&number.to_be_bytes());
        Name(octets)
    }

    fn entry(now: Moment, scope: usize) -> Entry {
        let principal = Arc::new(Principal { scopes: vec!["s".repeat(scope)], ..Principal::new("ada", "Bearer") });
        Entry { principal, epoch: 0, from: now.wall, until: Timestamp::MAX, dies: now.steady + Duration::from_secs(60) }
    }

    fn octets(all: &ByName) -> usize {
        all.values().map(Entry::octets).sum()
    }
}
