//! How long something may stand still.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// Runs out when nothing has moved for its limit. The timer is kept and set anew only when it fires: what
/// moves costs a look at the clock, and what waits for the same as before not even a timer.
pub(crate) struct Patience {
    limit: Duration,
    since: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, since: Instant::now(), timer: None }
    }

    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    /// Something moved.
    pub(crate) fn renew(&mut self) {
        self.since = Instant::now();
    }

    /// Something moved, and what comes next may take this long.
    pub(crate) fn renew_for(&mut self, limit: Duration) {
        self.limit = limit;
        self.since = Instant::now();
    }

    /// Ready when nothing has moved for too long.
    pub(crate) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let end = self.since + self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end)));
        if timer.deadline() > end {
            // It was set for a longer wait.
            timer.as_mut().reset(end);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= end {
                return Poll::Ready(());
            }
            timer.as_mut().reset(end);
        }
    }
}
