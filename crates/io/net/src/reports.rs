//! Tells of bounds that were reached: the first time at once, then as a sum every few seconds.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gatepost_model::bound::{Bound, Reached};
use gatepost_model::tally::Tally;
use tokio::time::{Instant, sleep_until};

/// Who hears of it.
pub type Tell = Box<dyn Fn(&Reached) + Send + Sync>;

/// Counts and tells. A clone counts with the one that it was made of.
#[derive(Clone)]
pub struct Reports(Arc<Shared>);

struct Shared {
    tell: Tell,
    start: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tally: Tally,
    /// Whether somebody waits to tell what was summed up.
    awaited: bool,
}

impl Reports {
    /// Reports to `tell`, which must not block. Nothing was reached yet.
    #[must_use]
    pub fn new(tell: Tell) -> Self {
        Self(Arc::new(Shared { tell, start: Instant::now(), state: Mutex::default() }))
    }

    /// Notes that a bound was reached, by `peer` if by somebody. Call it inside of a tokio runtime, which tells the
    /// sum later if it is not told now.
    pub fn note(&self, bound: Bound, peer: Option<IpAddr>) {
        let mut state = self.0.state();
        let told = state.tally.note(bound, peer, self.0.start.elapsed());
        let wait = !state.awaited && state.tally.next().is_some();
        state.awaited |= wait;
        drop(state);
        if let Some(reached) = told {
            (self.0.tell)(&reached);
        }
        if wait {
            tokio::spawn(Arc::clone(&self.0).tell_later());
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells every sum when it is due, until there is none.
    async fn tell_later(self: Arc<Self>) {
        while let Some(next) = self.next() {
            sleep_until(self.start + next).await;
            loop {
                // Not in a `while let`, whose lock would be held while it is told.
                let due = self.state().tally.due(self.start.elapsed());
                let Some(reached) = due else { break };
                (self.tell)(&reached);
            }
        }
    }

    fn next(&self) -> Option<std::time::Duration> {
        let mut state = self.state();
        let next = state.tally.next();
        state.awaited = next.is_some();
        next
    }
}

impl fmt::Debug for Reports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reports").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_two_reports() {
        let (say, mut hear) = tokio::sync::mpsc::unbounded_channel();
        let reports = Reports::new(Box::new(move |reached| say.send(reached.clone()).unwrap()));
        for _ in 0..1000 {
            reports.note(Bound::Memory, None);
        }
        let told = |times| Reached { bound: Bound::Memory, times, peer: None };
        assert_eq!(hear.try_recv().unwrap(), told(1));
        assert!(hear.try_recv().is_err());
        let asked = Instant::now();
        assert_eq!(hear.recv().await.unwrap(), told(999));
        assert!(asked.elapsed() <= Duration::from_secs(6));
        // And it goes on after that.
        reports.note(Bound::Memory, None);
        assert_eq!(hear.recv().await.unwrap(), told(1));
    }
}
