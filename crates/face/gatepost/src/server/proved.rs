//! What was proved a moment ago: principals by a digest of the credentials that proved them, each with its end.
//!
//! Only proofs that were accepted, of schemes that allow it, are held; a refusal never is. An entry is good while
//! the epoch is the one in which it was judged, on the wall clock until its end, and on the steady clock for its
//! span, whatever happens to the wall clock.
//!
//! An entry's name is HMAC-SHA-256, under a key that lives as long as the process, over the authenticator and every
//! octet of every credential field. All 256 bits are kept and compared: with less, two credentials of one name
//! would be taken for each other, and a faster hash without collision resistance would leave that to the secrecy
//! of its key alone. It costs some 0.3 µs for a token of 330 octets; a connection that says what it said before is spared
//! that (`said.rs`). Lookups need no constant time: what they reveal
//! is about digests that nobody else can compute.
//!
//! Every worker has a shard of its own.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gatepost_auth::keyed::DigestKey;
use gatepost_model::principal::Principal;
use gatepost_model::time::Timestamp;
use gatepost_net::workers;

use crate::clock::Moment;
use crate::server::generations::{Bounds, Entry, Generations, Name};

/// The longest that anything is held.
const LONGEST: Duration = Duration::from_secs(60);
/// What all shards together hold at most.
const BOUNDS: Bounds = Bounds { entries: 32 * 1024, octets: 16 * 1024 * 1024 };
/// The most shards there are.
const MOST_SHARDS: usize = 64;

/// What was proved, and in which epoch.
#[derive(Debug)]
pub(crate) struct Proof {
    /// Who it is.
    pub(crate) principal: Arc<Principal>,
    /// The epoch that was current *before* users and keys were looked at.
    pub(crate) epoch: u64,
    /// When it was judged.
    pub(crate) judged: Moment,
    /// For how long the scheme lets it stand.
    pub(crate) span: Duration,
}

/// The proofs of one server.
pub(crate) struct Proved {
    key: DigestKey,
    shards: Box<[Shard]>,
}

/// Far enough apart that no two workers write to one cache line.
#[repr(align(128))]
struct Shard(Mutex<Generations>);

impl Proved {
    /// Nothing proved yet; `key` is known to nobody else.
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let shards = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_SHARDS);
        Self::with(key, shards, BOUNDS)
    }

    fn with(key: &[u8; 32], shards: usize, all: Bounds) -> Self {
        let half = |of: usize| (of / (2 * shards)).max(1);
        let bounds = Bounds { entries: half(all.entries), octets: half(all.octets) };
        let shard = |_| Shard(Mutex::new(Generations::new(bounds)));
        Self { key: DigestKey::new(key), shards: (0..shards).map(shard).collect() }
    }

    /// The name of these credentials before this authenticator: field names and values, in order. `None` if there
    /// are none.
    pub(crate) fn name<'a>(
        &self,
        authenticator: u64,
        fields: impl Iterator<Item = (&'static str, &'a [u8])>,
    ) -> Option<Name> {
        let mut fields = fields.peekable();
        fields.peek()?;
        let mut digest = self.key.begin();
        digest.add(&authenticator.to_be_bytes());
        for (name, value) in fields {
            digest.add(name.as_bytes());
            digest.add(value);
        }
        Some(Name(digest.finish()))
    }

    /// Who proved themselves with these credentials, if that still stands.
    pub(crate) fn find(&self, name: &Name, epoch: u64, now: Moment) -> Option<Arc<Principal>> {
        self.mine().find(name, epoch, now)
    }

    /// Holds what was proved. A proof that is too large, or at its end, is not held.
    pub(crate) fn hold(&self, name: Name, proof: Proof) {
        let Proof { principal, epoch, judged, span } = proof;
        let span = span.min(LONGEST);
        let until = principal.expires.unwrap_or(Timestamp::MAX).min(judged.wall + span);
        if until > judged.wall {
            let entry = Entry { principal, epoch, from: judged.wall, until, dies: judged.steady + span };
            self.mine().hold(name, entry);
        }
    }

    /// The shard of this worker; who is no worker has the first.
    fn mine(&self) -> MutexGuard<'_, Generations> {
        let number = usize::try_from(workers::number().unwrap_or_default()).unwrap_or_default();
        // A panic elsewhere leaves the maps whole: every change is one insertion or removal.
        self.shards[number % self.shards.len()].0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Proved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proved(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use gatepost_model::time::Timestamp;
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn proved(entries: usize) -> Proved {
        Proved::with(&[7; 32], 1, Bounds { entries, octets: 1024 * 1024 })
    }

    fn name(proved: &Proved, authenticator: u64, fields: &[(&'static str, &[u8])]) -> Option<Name> {
        proved.name(authenticator, fields.iter().copied())
    }

    fn token(proved: &Proved, octets: &[u8]) -> Name {
        name(proved, 1, &[("authorization", octets)]).unwrap()
    }

    fn ada(expires: Option<Timestamp>) -> Arc<Principal> {
        Arc::new(Principal { expires, ..Principal::new("ada", "Bearer") })
    }

    /// A moment by both clocks, in milliseconds after the start of the test.
    fn at(start: Instant, wall: i64, steady: u64) -> Moment {
        Moment { wall: Timestamp::from_millis(1_000_000_000 + wall), steady: start + Duration::from_millis(steady) }
    }

    #[test]
    fn it_stands_on_both_clocks_and_no_longer() {
        let start = Instant::now();
        // Lifetime of the token from now, in ms; the span that the scheme allows; then by wall and steady clock.
        let table = [
            (None, MINUTE, (0, 0), true),
            (None, MINUTE, (59_999, 59_999), true),
            (None, MINUTE, (60_000, 59_999), false),
            (None, MINUTE, (59_999, 60_000), false),
            (Some(30_000), MINUTE, (29_999, 0), true),
            (Some(30_000), MINUTE, (30_000, 0), false),
            (Some(600_000), MINUTE, (59_999, 59_999), true),
            (Some(600_000), MINUTE, (60_000, 60_000), false),
            (None, Duration::from_secs(5), (4_999, 4_999), true),
            (None, Duration::from_secs(5), (5_000, 5_000), false),
            (None, 10 * MINUTE, (60_000, 60_000), false),
            // The wall clock steps back: a little is forgiven, and nothing lives longer for it.
            (None, MINUTE, (-1_000, 10), true),
            (None, MINUTE, (-1_001, 10), false),
            (None, MINUTE, (-500, 60_000), false),
            (Some(0), MINUTE, (0, 0), false),
            (Some(-1), MINUTE, (0, 0), false),
        ];
        for (lifetime, span, (wall, steady), stands) in table {
            let proved = proved(8);
            let judged = at(start, 0, 0);
            let principal = ada(lifetime.map(|ms| at(start, ms, 0).wall));
            let name = token(&proved, b"Bearer a");
            proved.hold(name, Proof { principal: Arc::clone(&principal), epoch: 3, judged, span });
            let found = proved.find(&name, 3, at(start, wall, steady));
            assert_eq!(found, stands.then_some(principal), "{lifetime:?} {span:?} {wall} {steady}");
        }
    }

    #[test]
    fn another_epoch_ends_it_for_good() {
        let (proved, now) = (proved(8), at(Instant::now(), 0, 0));
        let name = token(&proved, b"Bearer a");
        proved.hold(name, Proof { principal: ada(None), epoch: 3, judged: now, span: MINUTE });
        for (epoch, found) in [(3, true), (4, false), (3, false)] {
            assert_eq!(proved.find(&name, epoch, now).is_some(), found, "{epoch}");
        }
    }

    #[test]
    fn every_octet_every_field_and_the_authenticator_make_the_name() {
        let proved = proved(8);
        let lists: [&[(&'static str, &[u8])]; 10] = [
            &[("authorization", b"Bearer a")],
            &[("authorization", b"Bearer b")],
            &[("authorization", b"bearer a")],
            &[("authorization", b"")],
            &[("x-wsse", b"Bearer a")],
            &[("authorization", b"Bearer a"), ("x-wsse", b"")],
            &[("x-wsse", b""), ("authorization", b"Bearer a")],
            &[("authorization", b"Bearer "), ("authorization", b"a")],
            &[("authorization", b"Bearer a"), ("authorization", b"Bearer a")],
            &[("authorization", b"Bearer a\0\0\0\0\0\0\0\x06x-wsse")],
        ];
        let names: Vec<Name> =
            lists.iter().flat_map(|fields| [1, 2].map(|id| name(&proved, id, fields).unwrap())).collect();
        let distinct: std::collections::HashSet<&Name> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
        assert_eq!(name(&proved, 1, &[]), None);
        let other_process = Proved::with(&[8; 32], 1, BOUNDS);
        assert_ne!(token(&other_process, b"Bearer a"), token(&proved, b"Bearer a"));
    }

    #[test]
    fn the_same_again_replaces_what_was_there() {
        let (proved, start) = (proved(8), Instant::now());
        let name = token(&proved, b"Bearer a");
        for (second, who) in [(0, "ada"), (30, "ida")] {
            let judged = at(start, second * 1000, 30_000);
            let principal = Arc::new(Principal::new(who, "Bearer"));
            proved.hold(name, Proof { principal, epoch: 0, judged, span: MINUTE });
        }
        let found = proved.find(&name, 0, at(start, 80_000, 80_000)).unwrap();
        assert_eq!(found.name, "ida");
    }

    #[test]
    fn nothing_of_it_is_printed() {
        let proved = proved(8);
        assert_eq!(format!("{proved:?} {:?}", token(&proved, b"Bearer a")), "Proved(..) Name(..)");
    }

    /// What is done to the cache.
    #[derive(Debug, Clone)]
    enum Step {
        Hold { token: Vec<u8>, epoch: u64, span: u64 },
        Find { token: Vec<u8>, epoch: u64 },
        Wait { wall: i64, steady: u64 },
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let token = || prop::collection::vec(0_u8..3, 0..3);
        prop::collection::vec(
            prop_oneof![
                (token(), 0_u64..3, 1_u64..90_000).prop_map(|(token, epoch, span)| Step::Hold { token, epoch, span }),
                (token(), 0_u64..3).prop_map(|(token, epoch)| Step::Find { token, epoch }),
                (-2_000_i64..40_000, 0_u64..40_000).prop_map(|(wall, steady)| Step::Wait { wall, steady }),
            ],
            0..60,
        )
    }

    proptest! {
        /// Whoever is found was held under exactly these octets, in this epoch, not too long ago by either clock.
        #[test]
        fn nobody_is_found_who_was_not_held(steps in steps()) {
            let (proved, start) = (proved(6), Instant::now());
            let (mut wall, mut steady) = (0, 0);
            let mut held: Vec<(Vec<u8>, u64, i64, u64)> = Vec::new();
            for step in steps {
                let now = at(start, wall, steady);
                match step {
                    Step::Wait { wall: more, steady: later } => (wall, steady) = (wall + more, steady + later),
                    Step::Hold { token: octets, epoch, span } => {
                        let principal = Arc::new(Principal::new(format!("{}", held.len()), "Bearer"));
                        let span = Duration::from_millis(span);
                        proved.hold(token(&proved, &octets), Proof { principal, epoch, judged: now, span });
                        held.push((octets, epoch, wall, steady));
                    }
                    Step::Find { token: octets, epoch } => {
                        let Some(found) = proved.find(&token(&proved, &octets), epoch, now) else { continue };
                        let (of, then, from, began) = &held[found.name.parse::<usize>().unwrap()];
                        prop_assert_eq!((of, *then), (&octets, epoch));
                        prop_assert!((from - 1000..from + 60_000).contains(&wall) && steady < began + 60_000);
                        let later = held.iter().rposition(|(token, ..)| *token == octets);
                        prop_assert_eq!(later.map(|at| at.to_string()), Some(found.name.clone()), "the last one held");
                    }
                }
            }
        }
    }
}
