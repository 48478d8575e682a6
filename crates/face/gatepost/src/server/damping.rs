//! Makes guessing slow without locking anybody out: failures are counted for a user from a network, and for a network.
//!
//! A few failures cost nothing. After them each try has to wait, twice as long each time and never longer than a bound; a
//! try that comes too early is refused without a look at its secret. Only tries of that user from that network wait: from
//! elsewhere, and for whoever proved themselves from there a while ago, nothing changes. Whoever is inside already is not
//! asked again, and so never waits.
//!
//! What is in flight counts as if it had failed, so that many guesses at once are no more than many in a row: who comes
//! with the right secret over many connections at once waits for the first of them, and is let in by it.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gatepost_auth::keyed::DigestKey;
use tokio::sync::Notify;

use crate::server::tries::{Counted, Judged, Tries};

/// How failures are damped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DampingRules {
    /// Failures of one user from one network that cost nothing; 0 counts none at all. Default 5.
    pub per_user: u32,
    /// Failures from one network, of all users who have not proved themselves from there, that cost nothing; 0 counts
    /// none at all. Default 50.
    pub per_address: u32,
    /// The first wait; each further failure doubles it. Default 1 s.
    pub first_wait: Duration,
    /// The longest wait. Default 60 s.
    pub longest_wait: Duration,
    /// How long after the last failure all is forgotten. Default 15 minutes.
    pub forget_after: Duration,
}

impl Default for DampingRules {
    fn default() -> Self {
        Self {
            per_user: 5,
            per_address: 50,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(60),
            forget_after: Duration::from_secs(15 * 60),
        }
    }
}

/// Tries of one user that may be in flight at once from where they proved themselves before.
const ROOM: u32 = 64;
/// How long it is remembered that a user proved themselves from a network.
const KNOWN_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// How many users from a network, and how many networks, are counted, each.
const CAPACITY: usize = 32_768;
/// How many tries may wait for others in flight; beyond that they are refused.
const MOST_WAITING: usize = 4096;
/// How long who finds no place to wait is told to.
const NO_PLACE: Duration = Duration::from_secs(1);

/// The counts of one server.
pub(crate) struct Damping {
    rules: DampingRules,
    key: DigestKey,
    counts: Mutex<Counts>,
    /// Somebody's try has ended.
    ended: Notify,
}

struct Counts {
    users: Tries,
    networks: Tries,
    waiting: usize,
}

/// One try that was let through: to be told how it ended. One that is dropped counts as none.
#[derive(Debug)]
pub(crate) struct Try<'a> {
    damping: &'a Damping,
    user: [u8; 16],
    network: [u8; 16],
    outcome: Judged,
}

/// What becomes of a try.
enum Place {
    Go,
    Wait,
    Refused(Duration),
}

impl Damping {
    /// Nothing is counted yet. `key` is 32 octets that nobody else knows: names are kept as digests.
    pub(crate) fn new(rules: DampingRules, key: &[u8; 32]) -> Self {
        let tries = || Tries::new(CAPACITY);
        let counts = Counts { users: tries(), networks: tries(), waiting: 0 };
        Self { rules, key: DigestKey::new(key), counts: Mutex::new(counts), ended: Notify::new() }
    }

    /// The same with other rules.
    pub(crate) fn with(self, rules: DampingRules) -> Self {
        Self { rules, ..self }
    }

    /// Asks for a try of this user from this address; waits while others that may decide it are in flight.
    ///
    /// # Errors
    /// How long to wait before the next try.
    pub(crate) async fn admit(&self, user: &str, from: IpAddr) -> Result<Try<'_>, Duration> {
        let network = network(from);
        let user = self.name(&[&network, user.as_bytes()]);
        let network = self.name(&[&network]);
        let mut place = Waiting { damping: self, counted: false };
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            // Before the look, so that no end between the look and the wait is missed.
            ended.as_mut().enable();
            match self.place(user, network, Instant::now()) {
                Place::Go => return Ok(Try { damping: self, user, network, outcome: Judged::Not }),
                Place::Refused(time) => return Err(time),
                Place::Wait => {}
            }
            place.take()?;
            ended.await;
        }
    }

    fn place(&self, user: [u8; 16], network: [u8; 16], now: Instant) -> Place {
        let rules = &self.rules;
        let mut counts = self.counts();
        let own = counts.users.of(user, now, rules.forget_after);
        let known = own.known_until.is_some_and(|until| now < until);
        let of_user = match known && own.failures == 0 && rules.per_user > 0 {
            true => room(own, ROOM),
            false => judge(own, rules.per_user, rules, now),
        };
        let of_network = match known {
            true => Place::Go,
            false => judge(counts.networks.of(network, now, rules.forget_after), rules.per_address, rules, now),
        };
        let place = match (of_user, of_network) {
            (Place::Refused(one), Place::Refused(other)) => Place::Refused(one.max(other)),
            (Place::Refused(time), _) | (_, Place::Refused(time)) => Place::Refused(time),
            (Place::Wait, _) | (_, Place::Wait) => Place::Wait,
            (Place::Go, Place::Go) => Place::Go,
        };
        if matches!(place, Place::Go) {
            counts.users.of(user, now, rules.forget_after).in_flight += 1;
            counts.networks.of(network, now, rules.forget_after).in_flight += 1;
        }
        place
    }

    fn settle(&self, user: [u8; 16], network: [u8; 16], outcome: Judged, now: Instant) {
        let forget_after = self.rules.forget_after;
        let mut counts = self.counts();
        let own = counts.users.of(user, now, forget_after);
        let known = own.known_until.is_some_and(|until| now < until);
        own.settle(outcome, now);
        if outcome == Judged::Right {
            own.known_until = now.checked_add(KNOWN_FOR);
        }
        // What a user who belongs there mistypes is not the network's. And being right once takes nothing back: an
        // account of one's own must not pay for guesses at others.
        let of_network = if known || outcome == Judged::Right { Judged::Not } else { outcome };
        counts.networks.of(network, now, forget_after).settle(of_network, now);
        drop(counts);
        self.ended.notify_waiters();
    }

    fn name(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut digest = self.key.begin();
        parts.iter().for_each(|part| digest.add(part));
        digest.finish().first_chunk().copied().unwrap_or_default()
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Try<'_> {
    /// It was the wrong secret.
    pub(crate) fn failed(mut self) {
        self.outcome = Judged::Wrong;
    }

    /// It was the right one.
    pub(crate) fn succeeded(mut self) {
        self.outcome = Judged::Right;
    }
}

impl Drop for Try<'_> {
    fn drop(&mut self) {
        self.damping.settle(self.user, self.network, self.outcome, Instant::now());
    }
}

/// A place among those who wait.
struct Waiting<'a> {
    damping: &'a Damping,
    counted: bool,
}

impl Waiting<'_> {
    fn take(&mut self) -> Result<(), Duration> {
        if self.counted {
            return Ok(());
        }
        let mut counts = self.damping.counts();
        if counts.waiting >= MOST_WAITING {
            return Err(NO_PLACE);
        }
        counts.waiting += 1;
        self.counted = true;
        Ok(())
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.counted {
            self.damping.counts().waiting -= 1;
        }
    }
}

/// What a count says to one more try; `free` failures cost nothing.
fn judge(counted: &Counted, free: u32, rules: &DampingRules, now: Instant) -> Place {
    if free == 0 {
        return Place::Go;
    }
    let left = free.saturating_sub(counted.failures);
    if left > 0 {
        return room(counted, left);
    }
    // One at a time from here on.
    if counted.in_flight > 0 {
        return Place::Wait;
    }
    let doublings = counted.failures.saturating_sub(free).min(31);
    let wait = rules.first_wait.saturating_mul(1 << doublings).min(rules.longest_wait);
    let early = wait.saturating_sub(now.saturating_duration_since(counted.last));
    if early.is_zero() { Place::Go } else { Place::Refused(early) }
}

fn room(counted: &Counted, most: u32) -> Place {
    if counted.in_flight < most { Place::Go } else { Place::Wait }
}

/// The network of an address, as far as one who has one address there usually has the others, too: /24 of IPv4, /56 of
/// IPv6.
fn network(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(address) => [&[4], &address.octets()[..3]].concat(),
        IpAddr::V6(address) => [&[6], &address.octets()[..7]].concat(),
    }
}

impl fmt::Debug for Damping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Damping").field("rules", &self.rules).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "damping_tests.rs"]
mod tests;
