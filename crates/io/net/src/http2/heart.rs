//! Asks a peer that says nothing whether it still lives.

use std::task::{Context, Waker};
use std::time::Duration;

use h2::{Ping, PingPong};
use tokio::time::Instant;

/// How often a quiet peer is asked, and how long it may take to answer.
pub(super) const PING: Duration = Duration::from_secs(20);

/// Asks, and remembers when.
pub(super) struct Heart {
    pings: Option<PingPong>,
    asked: Option<Instant>,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Beat {
    /// To look again, at this time.
    At(Instant),
    /// To end it: the peer does not answer.
    Dead,
}

impl Heart {
    /// Of a connection with these pings, of which it is to be the only user.
    pub(super) fn new(pings: Option<PingPong>) -> Self {
        Self { pings, asked: None }
    }

    /// Looks at a peer that was last heard at `heard`, and asks it if it has been quiet for too long and is
    /// `wanted`. Whatever it says counts as an answer.
    pub(super) fn beat(&mut self, heard: Instant, now: Instant, wanted: bool) -> Beat {
        // It was asked because it had not been heard for long: what is as new as the question came after.
        if self.asked.is_some_and(|asked| heard >= asked) {
            self.asked = None;
        }
        if let Some(asked) = self.asked {
            return if now >= asked + PING { Beat::Dead } else { Beat::At(asked + PING) };
        }
        if now < heard + PING {
            return Beat::At(heard + PING);
        }
        if wanted {
            self.ask();
            self.asked = Some(now);
        }
        Beat::At(now + PING)
    }

    fn ask(&mut self) {
        let Some(pings) = &mut self.pings else { return };
        // The answer before is fetched, or there cannot be another; nobody waits for it.
        let _ = pings.poll_pong(&mut Context::from_waker(Waker::noop()));
        // Refused while the one before is unanswered: then that one asks.
        let _ = pings.send_ping(Ping::opaque());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_says_nothing_is_asked_and_then_given_up() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        // Last heard, now, wanted, what is to be done.
        let table = [
            (0, 5, true, Beat::At(at(20))),
            (19, 20, true, Beat::At(at(39))),
            (19, 39, false, Beat::At(at(59))),
            (19, 59, true, Beat::At(at(79))),
            (60, 79, true, Beat::At(at(80))),
            (60, 80, true, Beat::At(at(100))),
            (60, 90, true, Beat::At(at(100))),
            (60, 100, true, Beat::Dead),
        ];
        let mut heart = Heart::new(None);
        for (heard, now, wanted, expected) in table {
            assert_eq!(heart.beat(at(heard), at(now), wanted), expected, "{heard} {now}");
        }
    }
}
