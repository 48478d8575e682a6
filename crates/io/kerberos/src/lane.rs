//! A lane of threads for calls that may hang: so many at a time, so many waiting, and who waits too long goes away.
//!
//! A thread that waits for a KDC cannot be ended. It keeps its place in the lane until the library gives up, so that
//! a KDC that hangs takes the lane's places and nothing else of the process.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use crate::error::KerberosError;

type Job = Box<dyn FnOnce() + Send>;

/// The lane. Its threads begin with work and end with the last of it.
pub(crate) struct Lane {
    shared: Arc<Shared>,
}

struct Shared {
    threads: usize,
    waiting: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    running: usize,
}

impl Lane {
    /// With so many threads at most, and so many calls waiting for one.
    pub(crate) fn new(threads: usize, waiting: usize) -> Self {
        Self { shared: Arc::new(Shared { threads, waiting, state: Mutex::default() }) }
    }

    /// Does `work` on one of the threads, unless nobody waits for it any more by then.
    pub(crate) fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, KerberosError> + Send + 'static,
    ) -> Call<T> {
        let slot = Arc::new(Slot { state: Mutex::new(Outcome::default()), done: Condvar::new() });
        let mut reply = Reply { slot: Arc::downgrade(&slot), begun: false };
        let job = move || {
            if reply.begin() {
                reply.give(work());
            }
        };
        let call = Call(slot);
        if let Err(error) = self.push(Box::new(job)) {
            call.0.give(Err(error));
        }
        call
    }

    fn push(&self, job: Job) -> Result<(), KerberosError> {
        let mut state = lock(&self.shared.state);
        if state.running == self.shared.threads {
            if state.jobs.len() >= self.shared.waiting {
                return Err(KerberosError::Busy);
            }
            state.jobs.push_back(job);
            return Ok(());
        }
        state.running += 1;
        drop(state);
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new().name("gatepost-kerberos".to_owned());
        thread.spawn(move || shared.work(job)).map(drop).map_err(|_| self.shared.unmanned())
    }
}

impl Shared {
    /// A thread's work, until there is no more.
    fn work(&self, first: Job) {
        let mut next = Some(first);
        while let Some(job) = next {
            // A panic is told by what the job drops. The thread goes on: others may wait for its place.
            let _ = panic::catch_unwind(AssertUnwindSafe(job));
            next = self.next();
        }
    }

    /// The next job. Where there is none, the thread's place is free from the same moment on.
    fn next(&self) -> Option<Job> {
        let mut state = lock(&self.state);
        let next = state.jobs.pop_front();
        if next.is_none() {
            state.running -= 1;
        }
        next
    }

    /// There is no thread to be had. What was put to wait for it is told, if there is no other.
    fn unmanned(&self) -> KerberosError {
        let mut state = lock(&self.state);
        state.running -= 1;
        let left = if state.running == 0 { std::mem::take(&mut state.jobs) } else { VecDeque::new() };
        drop(state);
        drop(left);
        KerberosError::Busy
    }
}

/// A call that was given to the lane. Dropped, it is not waited for any more.
///
/// It is a future, of any runtime, and sets no limit itself; [`wait`](Self::wait) blocks, and has one.
pub struct Call<T>(Arc<Slot<T>>);

struct Slot<T> {
    state: Mutex<Outcome<T>>,
    done: Condvar,
}

struct Outcome<T> {
    value: Option<Result<T, KerberosError>>,
    waker: Option<Waker>,
}

impl<T> Default for Outcome<T> {
    fn default() -> Self {
        Self { value: None, waker: None }
    }
}

impl<T> Slot<T> {
    fn give(&self, value: Result<T, KerberosError>) {
        let mut state = lock(&self.state);
        if state.value.is_some() {
            return;
        }
        state.value = Some(value);
        let waker = state.waker.take();
        drop(state);
        self.done.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// The job's end of a call. Dropped without an answer, it says that there is none.
struct Reply<T> {
    slot: Weak<Slot<T>>,
    begun: bool,
}

impl<T> Reply<T> {
    /// Whether there is still somebody to work for.
    fn begin(&mut self) -> bool {
        self.begun = true;
        self.slot.strong_count() > 0
    }

    fn give(&self, value: Result<T, KerberosError>) {
        if let Some(slot) = self.slot.upgrade() {
            slot.give(value);
        }
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        self.give(Err(if self.begun { KerberosError::Ended } else { KerberosError::Busy }));
    }
}

impl<T> Call<T> {
    /// Blocks until it is done, or this much time is over.
    ///
    /// # Errors
    /// That of the call; [`KerberosError::TooSlow`] if it is not done by then.
    pub fn wait(self, limit: Duration) -> Result<T, KerberosError> {
        let state = lock(&self.0.state);
        let waited = self.0.done.wait_timeout_while(state, limit, |state| state.value.is_none());
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.value.take().unwrap_or(Err(KerberosError::TooSlow(limit)))
    }
}

impl<T> Future for Call<T> {
    type Output = Result<T, KerberosError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = lock(&self.0.state);
        match state.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Call")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn calls_are_done_and_threads_end() {
        let lane = Lane::new(2, 8);
        let calls: Vec<_> = (0..8).map(|number| lane.call(move || Ok(number))).collect();
        let done: Vec<_> = calls.into_iter().map(|call| call.wait(LONG)).collect();
        assert_eq!(done, (0..8).map(Ok).collect::<Vec<_>>());
    }

    #[test]
    fn what_hangs_takes_its_places_and_no_more() {
        let lane = Lane::new(1, 1);
        let (release, hanging) = mpsc::channel::<()>();
        let (began, begun) = mpsc::channel();
        let slow = lane.call(move || {
            began.send(()).unwrap();
            hanging.recv().unwrap();
            Ok(1)
        });
        begun.recv().unwrap();
        let (ran, runs) = mpsc::channel::<u8>();
        let given_up = lane.call(move || ran.send(2).map_err(|_| KerberosError::Ended));
        assert_eq!(lane.call(|| Ok(3)).wait(LONG), Err(KerberosError::Busy));
        // Nobody waits for the second any more: it is never begun, and the next finds its place only after.
        assert_eq!(given_up.wait(Duration::ZERO), Err(KerberosError::TooSlow(Duration::ZERO)));
        release.send(()).unwrap();
        assert_eq!(slow.wait(LONG), Ok(1));
        assert_eq!(runs.recv(), Err(mpsc::RecvError));
        assert_eq!(lane.call(|| Ok(4)).wait(LONG), Ok(4));
    }

    #[test]
    fn work_that_panics_is_told_and_gives_its_place_back() {
        let lane = Lane::new(1, 1);
        let broken = lane.call(|| -> Result<u8, KerberosError> { panic!("as a test wants it") });
        assert_eq!(broken.wait(LONG), Err(KerberosError::Ended));
        assert_eq!(lane.call(|| Ok(5)).wait(LONG), Ok(5));
    }

    #[tokio::test]
    async fn a_call_is_a_future() {
        let lane = Lane::new(1, 1);
        assert_eq!(lane.call(|| Ok(6)).await, Ok(6));
    }
}
