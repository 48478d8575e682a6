//! The requests of one connection, each with its bell.

use std::task::{Context, Poll};

use tokio::time::Instant;

use crate::error::{NetError, Wait};
use crate::http2::bells::{Bell, Bells};
use crate::http2::outgoing::Exit;
use crate::http2::stream::Stream;

/// The requests that are not over.
pub(super) struct InHand {
    slots: Vec<Slot>,
    free: Vec<usize>,
    bells: Bells,
    /// The place of the first slot.
    base: usize,
    /// Requests that are not answered whole.
    open: usize,
    /// Whether there ever was one.
    ever: bool,
    /// Answers given since they were last asked for.
    answers: u64,
    exit: Exit,
    idle_since: Instant,
}

struct Slot {
    stream: Option<Stream>,
    bell: Bell,
}

impl InHand {
    /// Nothing in hand; the bells of what will be have the places from `base` on.
    pub(super) fn new(bells: Bells, base: usize) -> Self {
        let (slots, free) = (Vec::new(), Vec::new());
        let idle_since = Instant::now();
        Self { slots, free, bells, base, open: 0, ever: false, answers: 0, exit: Exit::Open, idle_since }
    }

    /// Takes one more, and rings for it.
    pub(super) fn take(&mut self, stream: Stream) {
        self.ever = true;
        if stream.is_in_hand() {
            self.open += 1;
        } else {
            self.answered();
        }
        let at = self.free.pop().unwrap_or(self.slots.len());
        match self.slots.get_mut(at) {
            Some(slot) => {
                slot.stream = Some(stream);
                slot.bell.ring();
            }
            None => {
                let bell = self.bells.hang(self.base.saturating_add(at));
                bell.ring();
                self.slots.push(Slot { stream: Some(stream), bell });
            }
        }
    }

    /// Lets the request of this place go on.
    pub(super) fn poll(&mut self, place: usize) {
        let Some(at) = place.checked_sub(self.base) else { return };
        let Some(slot) = self.slots.get_mut(at) else { return };
        let mut cx: Context<'_> = slot.bell.hush();
        let Some(stream) = &mut slot.stream else { return };
        stream.leaves_by(self.exit);
        let was_in_hand = stream.is_in_hand();
        let over = matches!(stream.poll(&mut cx), Poll::Ready(()));
        let is_in_hand = !over && stream.is_in_hand();
        if over {
            slot.stream = None;
            self.free.push(at);
        }
        if was_in_hand && !is_in_hand {
            self.open = self.open.saturating_sub(1);
            self.answered();
        }
    }

    /// Whether what they send leaves now.
    pub(super) fn leave_by(&mut self, exit: Exit) {
        self.exit = exit;
    }

    /// How many answers were given since the last call.
    pub(super) fn take_answers(&mut self) -> u64 {
        std::mem::take(&mut self.answers)
    }

    /// Since when there is none, if there is none.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        (self.open == 0).then_some(self.idle_since)
    }

    /// Gives back what an idle connection has no use for.
    pub(super) fn rest(&mut self) {
        if self.free.len() == self.slots.len() {
            (self.slots, self.free) = (Vec::new(), Vec::new());
        }
    }

    /// Whether a connection's end is one in good order: a peer that leaves without a goodbye while nothing
    /// is in hand, as many TLS clients do, has lost nothing; nor has one that asks for nothing more.
    pub(super) fn judge(&self, ended: Result<(), NetError>) -> Result<(), NetError> {
        match ended {
            Err(NetError::ClosedEarly { .. }) if self.open == 0 => Ok(()),
            Err(NetError::Timeout { what: Wait::Head, .. }) if self.open == 0 && self.ever => Ok(()),
            other => other,
        }
    }

    fn answered(&mut self) {
        self.answers += 1;
        if self.open == 0 {
            self.idle_since = Instant::now();
        }
    }
}
