//! How long the parts of a body may be in coming.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use gatepost_model::pace::Pace;
use tokio::time::{Instant, Sleep};

use crate::error::{NetError, Wait};

/// How long parts may be in coming, one and all together.
pub(crate) struct PartsPatience {
    limit: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
    since: Option<Instant>,
    pace: Pace,
}

impl PartsPatience {
    /// Each may be in coming for `limit`.
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, waiting: None, since: None, pace: Pace::new(0, Duration::ZERO) }
    }

    /// All together keep this pace.
    pub(crate) fn demand(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// Ready once the limit is over since the last part.
    pub(crate) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<NetError> {
        let limit = self.limit;
        let since = *self.since.get_or_insert_with(Instant::now);
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(since + limit)));
        ready!(waiting.as_mut().poll(cx));
        Poll::Ready(NetError::Timeout { what: Wait::Body, limit })
    }

    /// A part of so many octets has come; an error if all are too slow.
    pub(crate) fn came(&mut self, octets: u64) -> Result<(), NetError> {
        self.waiting = None;
        let time = self.since.take().map_or(Duration::ZERO, |since| since.elapsed());
        self.pace.waited(time, octets);
        if self.pace.is_too_slow() {
            return Err(NetError::Timeout { what: Wait::Body, limit: self.limit });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::body::Body;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_fails_and_one_that_nobody_waits_for_does_not() {
        let (minute, second) = (Duration::from_secs(60), Duration::from_secs(1));
        let (sender, body) = Body::channel(1);
        let collecting = tokio::spawn(body.paced(minute).at_least(240, 10 * second).collect(100));
        for _ in 0..11 {
            tokio::task::yield_now().await;
            tokio::time::advance(second).await;
            sender.send("x").await.unwrap();
        }
        let slow = collecting.await.unwrap();
        assert_eq!(slow, Err(NetError::Timeout { what: Wait::Body, limit: minute }));

        let (sender, body) = Body::channel(1);
        let mut body = body.paced(minute).at_least(240, 10 * second);
        for _ in 0..11 {
            sender.send("x").await.unwrap();
            tokio::time::advance(second).await;
            assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "x");
        }
    }
}
