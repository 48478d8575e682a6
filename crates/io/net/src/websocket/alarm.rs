//! One timer for all that a connection waits for.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep};

/// A timer that is set when there is something to wait for. It is moved only when it fires: what is renewed again
/// and again costs a comparison.
#[derive(Default)]
pub(super) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Ready at this time.
    pub(super) fn poll_at(&mut self, cx: &mut Context<'_>, time: Instant) -> Poll<()> {
        let timer = self.0.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(time)));
        if timer.deadline() > time {
            timer.as_mut().reset(time);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= time {
                return Poll::Ready(());
            }
            timer.as_mut().reset(time);
        }
    }

    /// Whether something is waited for.
    #[cfg(test)]
    pub(super) fn is_set(&self) -> bool {
        self.0.is_some()
    }

    /// Nothing is waited for.
    pub(super) fn rest(&mut self) {
        self.0 = None;
    }
}
