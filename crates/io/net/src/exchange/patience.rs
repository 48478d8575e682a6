//! How long an exchange may stand still.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// Runs out when nothing has moved for its limit. The timer is kept from exchange to exchange and set
/// anew only when it fires: what moves costs a look at the clock.
pub(super) struct Patience {
    limit: Duration,
    since: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, since: Instant::now(), timer: None }
    }

    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// Something moved.
    pub(super) fn renew(&mut self) {
        self.since = Instant::now();
    }

    /// Ready when nothing has moved for too long.
    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let end = self.since + self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end)));
        loop {
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= end {
                return Poll::Ready(());
            }
            timer.as_mut().reset(end);
        }
    }
}
