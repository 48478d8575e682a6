//! Notices what changed outside: looks at users and keys again when the last look is too long ago.
//!
//! Nothing runs in the background: a request that would be answered from memory looks, at half of the time
//! already, while the others go on. Where nobody could look in time, nothing is answered from memory.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

/// What others change is seen after this time at the latest.
pub(crate) const EVERY: Duration = Duration::from_secs(1);
/// A look that takes longer has failed.
const PATIENCE: Duration = Duration::from_millis(500);

/// When somebody last looked.
#[derive(Debug)]
pub(crate) struct Lookout {
    every: Duration,
    born: Instant,
    /// When the last look that succeeded *began*: microseconds after `born`, and one more, so that 0 is never.
    looked: AtomicU64,
    looking: Mutex<()>,
}

impl Lookout {
    /// Nobody has looked yet.
    pub(crate) fn new(every: Duration, born: Instant) -> Self {
        Self { every, born, looked: AtomicU64::new(0), looking: Mutex::new(()) }
    }

    /// Whether what is remembered may be used: somebody looked less than `every` ago, or does so now by `look`,
    /// which says whether it could.
    pub(crate) async fn is_current<F: Future<Output = bool>>(&self, now: Instant, look: impl FnOnce() -> F) -> bool {
        if self.is_fresh(now) {
            return true;
        }
        let age = self.age(now);
        // Cold, and out of the way of the request's own future.
        Box::pin(self.ask(now, look())).await || age.is_some_and(|age| age < self.every)
    }

    /// Whether somebody looked so lately that nobody need look now.
    pub(crate) fn is_fresh(&self, now: Instant) -> bool {
        self.age(now).is_some_and(|age| age < self.every / 2)
    }

    async fn ask(&self, now: Instant, look: impl Future<Output = bool>) -> bool {
        // One looks at a time; nobody waits for it, because who may not use memory can still judge.
        let Ok(_one) = self.looking.try_lock() else { return false };
        let seen = tokio::time::timeout(PATIENCE, look).await.unwrap_or(false);
        if seen {
            let micros = now.saturating_duration_since(self.born).as_micros();
            let stamp = u64::try_from(micros).unwrap_or(u64::MAX - 1).saturating_add(1);
            self.looked.fetch_max(stamp, Ordering::AcqRel);
        }
        seen
    }

    fn age(&self, now: Instant) -> Option<Duration> {
        let looked = self.looked.load(Ordering::Acquire).checked_sub(1)?;
        Some(now.saturating_duration_since(self.born + Duration::from_micros(looked)))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn it_looks_at_half_time_and_stops_believing_at_the_end() {
        let born = Instant::now();
        let lookout = Lookout::new(EVERY, born);
        let looks = Cell::new(0);
        // When, whether a look would succeed, whether memory may be used, how many looks by then.
        let table = [
            (0, false, false, 1),
            (0, true, true, 2),
            (499, false, true, 2),
            (500, false, true, 3),
            (999, false, true, 4),
            (1000, false, false, 5),
            (2000, true, true, 6),
            (2499, false, true, 6),
        ];
        for (at, works, usable, count) in table {
            let look = || {
                looks.set(looks.get() + 1);
                std::future::ready(works)
            };
            let now = born + Duration::from_millis(at);
            let before = (lookout.is_fresh(now), looks.get());
            assert_eq!((lookout.is_current(now, look).await, looks.get()), (usable, count), "{at}");
            assert_eq!(before, (before.1 == count, before.1), "fresh is where nobody looks: {at}");
        }
    }

    #[tokio::test]
    async fn nobody_waits_for_a_look_that_hangs() {
        let born = Instant::now();
        let lookout = Lookout::new(EVERY, born);
        assert!(lookout.is_current(born, || std::future::ready(true)).await);
        let mut hanging = Box::pin(lookout.is_current(born + EVERY, std::future::pending));
        tokio::select! {
            biased;
            _ = &mut hanging => panic!("it gave up at once"),
            () = std::future::ready(()) => {}
        }
        let others = [(900, true), (1000, false)];
        for (at, usable) in others {
            let now = born + Duration::from_millis(at);
            assert_eq!(lookout.is_current(now, || std::future::ready(true)).await, usable, "{at}");
        }
    }

    #[tokio::test]
    async fn with_no_time_it_looks_each_time() {
        let now = Instant::now();
        let lookout = Lookout::new(Duration::ZERO, now);
        for works in [true, false, true] {
            assert_eq!(lookout.is_current(now, || std::future::ready(works)).await, works);
        }
    }
}
