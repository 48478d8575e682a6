//! Who is to be woken when a connection that two halves share can go on.
//!
//! A stream remembers one waker for writing. Both halves write: the receiving half answers pings. So what they leave
//! with the stream is this bell, which wakes whoever waits; neither can take the other's place.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

/// The wakers of both halves.
#[derive(Default)]
pub(super) struct Bell {
    receiver: Mutex<Option<Waker>>,
    sender: Mutex<Option<Waker>>,
}

impl Bell {
    /// The receiving half waits with this waker.
    pub(super) fn receiver_waits(&self, waker: &Waker) {
        register(&self.receiver, waker);
    }

    /// The sending half waits with this waker.
    pub(super) fn sender_waits(&self, waker: &Waker) {
        register(&self.sender, waker);
    }

    /// Wakes the receiving half.
    pub(super) fn ring_receiver(&self) {
        ring(&self.receiver);
    }

    /// Wakes the sending half.
    pub(super) fn ring_sender(&self) {
        ring(&self.sender);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring_receiver();
        self.ring_sender();
    }
}

fn register(place: &Mutex<Option<Waker>>, waker: &Waker) {
    let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
    match &mut *place {
        Some(old) => old.clone_from(waker),
        None => *place = Some(waker.clone()),
    }
}

/// The lock is not held while somebody else's code runs.
fn ring(place: &Mutex<Option<Waker>>) {
    let waker = place.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(waker) = waker {
        waker.wake();
    }
}
