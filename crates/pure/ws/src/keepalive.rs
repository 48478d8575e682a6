//! Signs of life: when to send one, and when the peer counts as gone.

use std::time::Duration;

/// How a connection is kept alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Beat {
    /// A Ping: the peer answers, so that its silence shows that it is gone.
    Ping,
    /// A Pong that answers nothing: it keeps the way open and asks for nothing (RFC 6455 §5.5.3).
    Pong,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Due {
    /// Nothing yet: wait until [`Keepalive::deadline`].
    Nothing,
    /// Send this.
    Send(Beat),
    /// The peer did not answer in time: the connection is dead.
    Dead,
}

/// A timer without a clock: `now` is the time since any fixed point, the same for all calls.
///
/// ```
/// use std::time::Duration;
/// use gatepost_ws::keepalive::{Beat, Due, Keepalive};
///
/// let second = Duration::from_secs(1);
/// let mut keepalive = Keepalive::new(Beat::Ping, 30 * second, 10 * second, Duration::ZERO);
/// assert_eq!(keepalive.deadline(), 30 * second);
/// assert_eq!(keepalive.tick(30 * second), Due::Send(Beat::Ping));
/// assert_eq!(keepalive.tick(39 * second), Due::Nothing);
/// assert_eq!(keepalive.tick(40 * second), Due::Dead);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    beat: Beat,
    interval: Duration,
    timeout: Duration,
    /// When the peer was last heard, or we last sent a sign of life.
    last: Duration,
    /// Since when a Ping waits for any sign of life of the peer.
    asked: Option<Duration>,
}

impl Keepalive {
    /// After `interval` without a word of the peer, a Ping; after `timeout` without a word since then,
    /// the peer is gone. With [`Beat::Pong`] one is sent every `interval`, and `timeout` means nothing.
    #[must_use]
    pub const fn new(beat: Beat, interval: Duration, timeout: Duration, now: Duration) -> Self {
        Self { beat, interval, timeout, last: now, asked: None }
    }

    /// Octets of the peer have come: any are a sign of life.
    pub fn heard(&mut self, now: Duration) {
        if self.beat == Beat::Ping {
            self.last = now;
            self.asked = None;
        }
    }

    /// When to call [`tick`](Self::tick) next. It only moves on; who sleeps until an older one just
    /// finds nothing due.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        match self.asked {
            Some(asked) => asked.saturating_add(self.timeout),
            None => self.last.saturating_add(self.interval),
        }
    }

    /// What is due now. A sign of life that it gives counts as sent.
    pub fn tick(&mut self, now: Duration) -> Due {
        if now < self.deadline() {
            return Due::Nothing;
        }
        if self.asked.is_some() {
            return Due::Dead;
        }
        self.last = now;
        self.asked = (self.beat == Beat::Ping).then_some(now);
        Due::Send(self.beat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn silence_is_asked_about_and_speech_is_not() {
        let mut keepalive = Keepalive::new(Beat::Ping, at(30), at(10), at(5));
        assert_eq!((keepalive.deadline(), keepalive.tick(at(34))), (at(35), Due::Nothing));
        keepalive.heard(at(20));
        assert_eq!((keepalive.deadline(), keepalive.tick(at(35))), (at(50), Due::Nothing));
        assert_eq!((keepalive.tick(at(50)), keepalive.deadline()), (Due::Send(Beat::Ping), at(60)));
        keepalive.heard(at(59));
        assert_eq!((keepalive.tick(at(60)), keepalive.deadline()), (Due::Nothing, at(89)));
        assert_eq!(
            (keepalive.tick(at(90)), keepalive.tick(at(99)), keepalive.tick(at(100))),
            (Due::Send(Beat::Ping), Due::Nothing, Due::Dead)
        );
    }

    #[test]
    fn pongs_come_regularly_and_ask_for_nothing() {
        let mut keepalive = Keepalive::new(Beat::Pong, at(30), at(10), at(0));
        keepalive.heard(at(29));
        assert_eq!(keepalive.tick(at(30)), Due::Send(Beat::Pong));
        assert_eq!((keepalive.tick(at(59)), keepalive.tick(at(600))), (Due::Nothing, Due::Send(Beat::Pong)));
        assert_eq!(keepalive.deadline(), at(630));
    }
}
