//! The word that it is time to stop: given once, heard by every listener and connection.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use tokio::sync::watch;

/// A handle on an orderly end. Clones share it.
///
/// Once started, listeners accept nothing new, idle connections close, busy ones end after the request
/// in hand; what is still open after the grace time is cut.
#[derive(Debug, Clone)]
pub struct Drain {
    started: Arc<Started>,
    grace: Duration,
}

/// The word itself: for who asks, and for who waits.
#[derive(Debug)]
struct Started {
    has: AtomicBool,
    told: watch::Sender<bool>,
}

impl Drain {
    /// A drain that has not started, with this much time for what is under way.
    #[must_use]
    pub fn new(grace: Duration) -> Self {
        let started = Started { has: AtomicBool::new(false), told: watch::Sender::new(false) };
        Self { started: Arc::new(started), grace }
    }

    /// Starts it. Starting twice changes nothing.
    pub fn start(&self) {
        self.started.has.store(true, Ordering::Release);
        self.started.told.send_replace(true);
    }

    /// Whether it has started.
    #[must_use]
    pub fn has_started(&self) -> bool {
        self.started.has.load(Ordering::Acquire)
    }

    /// Ready once it has started.
    pub async fn started(&self) {
        let mut receiver = self.started.told.subscribe();
        // The sender lives in `self`, so that this cannot fail.
        let _ = receiver.wait_for(|started| *started).await;
    }

    /// The time for what is under way.
    #[must_use]
    pub fn grace(&self) -> Duration {
        self.grace
    }
}

impl Default for Drain {
    /// Thirty seconds of grace.
    fn default() -> Self {
        Self::new(Duration::from_secs(30))
    }
}

/// Wakes the connections of one listener when its drain starts. Each registers once in its life, so that no
/// request has to.
#[derive(Debug, Default, Clone)]
pub(crate) struct Sleepers(Arc<Mutex<Registered>>);

#[derive(Debug, Default)]
struct Registered {
    wakers: HashMap<u64, Waker>,
    ever: u64,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Sleeper {
    all: Sleepers,
    number: u64,
}

impl Sleepers {
    /// Registers a task.
    pub(crate) fn register(&self, waker: &Waker) -> Sleeper {
        let mut registered = self.registered();
        let number = registered.ever;
        registered.ever = number.wrapping_add(1);
        registered.wakers.insert(number, waker.clone());
        Sleeper { all: self.clone(), number }
    }

    /// Wakes them all.
    pub(crate) fn wake(&self) {
        self.registered().wakers.values().for_each(Waker::wake_by_ref);
    }

    fn registered(&self) -> MutexGuard<'_, Registered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let gone = self.all.registered().wakers.remove(&self.number);
        // Outside of the lock: the last waker of a task may take more with it.
        drop(gone);
    }
}
