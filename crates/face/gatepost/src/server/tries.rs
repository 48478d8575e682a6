//! A bounded memory of failures: what is touched moves to the young generation, and when that is full the old one goes.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Counts by names, which are digests.
pub(crate) struct Tries {
    young: HashMap<[u8; 16], Counted>,
    old: HashMap<[u8; 16], Counted>,
    /// Of one generation.
    capacity: usize,
}

/// What is counted of one name.
#[derive(Debug, Clone)]
pub(crate) struct Counted {
    pub(crate) failures: u32,
    /// When the last one failed.
    pub(crate) last: Instant,
    /// Tries that were let through and are not judged yet.
    pub(crate) in_flight: u32,
    /// Until when it counts that there was a right one.
    pub(crate) known_until: Option<Instant>,
}

/// How a try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judged {
    /// With the right secret.
    Right,
    /// With a wrong one.
    Wrong,
    /// Nobody knows.
    Not,
}

impl Tries {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), capacity }
    }

    /// The count of this name; what is older than `forget_after` is gone.
    pub(crate) fn of(&mut self, name: [u8; 16], now: Instant, forget_after: Duration) -> &mut Counted {
        if !self.young.contains_key(&name) {
            let kept = self.old.remove(&name);
            if self.young.len() >= self.capacity {
                self.old = std::mem::take(&mut self.young);
            }
            let new = Counted { failures: 0, last: now, in_flight: 0, known_until: None };
            self.young.insert(name, kept.unwrap_or(new));
        }
        let counted =
            self.young.entry(name).or_insert(Counted { failures: 0, last: now, in_flight: 0, known_until: None });
        if now.saturating_duration_since(counted.last) >= forget_after {
            counted.failures = 0;
        }
        counted
    }

    /// How many names are held.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

impl Counted {
    /// One that was let through has ended.
    pub(crate) fn settle(&mut self, outcome: Judged, now: Instant) {
        // One that was pushed out meanwhile is counted anew.
        self.in_flight = self.in_flight.saturating_sub(1);
        match outcome {
            Judged::Right => self.failures = 0,
            Judged::Wrong => {
                self.failures = self.failures.saturating_add(1);
                self.last = now;
            }
            Judged::Not => {}
        }
    }
}
