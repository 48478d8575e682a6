//! TLS handshakes under way: so many at once, and with one more the oldest gives way.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Those of one listener on one worker.
#[derive(Debug)]
pub(crate) struct Handshakes {
    limit: usize,
    under_way: Mutex<UnderWay>,
}

#[derive(Debug, Default)]
struct UnderWay {
    /// By age. A sender that is dropped ends its handshake.
    all: BTreeMap<u64, oneshot::Sender<()>>,
    next: u64,
}

/// A handshake ended because it was the oldest of too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GaveWay;

impl Handshakes {
    /// At most `limit`, at least one.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), under_way: Mutex::default() }
    }

    /// Counts `handshake` until it ends. `crowded` is called if another has to give way to it.
    pub(crate) async fn run<F: Future>(&self, handshake: F, crowded: impl FnOnce()) -> Result<F::Output, GaveWay> {
        let (place, gone) = self.begin(crowded);
        let ended = tokio::select! {
            biased;
            ended = handshake => Ok(ended),
            // Nothing is ever sent.
            _ = gone => Err(GaveWay),
        };
        drop(place);
        ended
    }

    fn begin(&self, crowded: impl FnOnce()) -> (Place<'_>, oneshot::Receiver<()>) {
        let (stays, gone) = oneshot::channel();
        let mut under_way = self.under_way();
        let number = under_way.next;
        under_way.next = under_way.next.wrapping_add(1);
        let full = under_way.all.len() >= self.limit;
        let oldest = if full { under_way.all.pop_first() } else { None };
        under_way.all.insert(number, stays);
        drop(under_way);
        if oldest.is_some() {
            crowded();
        }
        (Place { handshakes: self, number }, gone)
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Place<'a> {
    handshakes: &'a Handshakes,
    number: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.handshakes.under_way().all.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn the_oldest_gives_way_and_one_that_ended_leaves_its_place() {
        let handshakes = Handshakes::new(2);
        let crowds = Cell::new(0);
        let crowded = || crowds.set(crowds.get() + 1);
        let (first, gone) = handshakes.begin(crowded);
        assert_eq!(handshakes.run(ready("done"), crowded).await, Ok("done"));
        let (second, mut stays) = handshakes.begin(crowded);
        assert_eq!(crowds.get(), 0);
        let (third, _third) = handshakes.begin(crowded);
        assert!(gone.await.is_err() && stays.try_recv() == Err(oneshot::error::TryRecvError::Empty));
        drop(first);
        assert_eq!((crowds.get(), handshakes.under_way().all.len()), (1, 2));
        drop((second, third));
        assert_eq!(handshakes.under_way().all.len(), 0);
    }

    #[tokio::test]
    async fn who_gave_way_is_told() {
        let handshakes = Handshakes::new(1);
        let silent = handshakes.run(pending::<()>(), || {});
        let newer = async { handshakes.run(ready(()), || {}).await };
        let (silent, newer) = tokio::join!(biased; silent, newer);
        assert_eq!((silent, newer), (Err(GaveWay), Ok(())));
    }
}
