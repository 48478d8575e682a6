//! Bells: who among the many parts of one task has something to do.
//!
//! A connection, its clock and its requests live in one task, so that what they send leaves together.
//! Each has a bell, which is its waker: it notes the place, and wakes the task only if that sleeps.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

/// All bells of one task.
#[derive(Clone, Default)]
pub(super) struct Bells(Arc<Mutex<Board>>);

#[derive(Default)]
struct Board {
    /// The places whose bells have rung.
    rung: Vec<usize>,
    /// The task, while it sleeps.
    sleeper: Option<Waker>,
}

/// The bell of one place.
pub(super) struct Bell {
    waker: Waker,
    ringer: Arc<Ringer>,
}

struct Ringer {
    place: usize,
    /// Whether it has rung since it was last hushed.
    rung: AtomicBool,
    board: Bells,
}

impl Bells {
    /// A bell that rings for `place`.
    pub(super) fn hang(&self, place: usize) -> Bell {
        let ringer = Arc::new(Ringer { place, rung: AtomicBool::new(false), board: self.clone() });
        Bell { waker: Waker::from(Arc::clone(&ringer)), ringer }
    }

    /// Gives the places whose bells have rung since the last call, in their order; `places` is reused.
    pub(super) fn take(&self, places: &mut Vec<usize>) {
        places.clear();
        std::mem::swap(&mut self.board().rung, places);
    }

    /// Lets the next bell wake the task. If one has rung already, wakes it at once.
    pub(super) fn sleep(&self, cx: &Context<'_>) {
        let mut board = self.board();
        if board.rung.is_empty() {
            board.sleeper = Some(cx.waker().clone());
        } else {
            drop(board);
            cx.waker().wake_by_ref();
        }
    }

    fn board(&self) -> std::sync::MutexGuard<'_, Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bell {
    /// Lets it ring again, and gives what rings it. Whoever looks at the place does this before.
    pub(super) fn hush(&self) -> Context<'_> {
        self.ringer.rung.store(false, Ordering::Release);
        self.context()
    }

    /// What rings it.
    pub(super) fn context(&self) -> Context<'_> {
        Context::from_waker(&self.waker)
    }

    pub(super) fn ring(&self) {
        self.ringer.ring();
    }
}

impl Ringer {
    fn ring(&self) {
        if self.rung.swap(true, Ordering::AcqRel) {
            return;
        }
        let sleeper = {
            let mut board = self.board.board();
            board.rung.push(self.place);
            board.sleeper.take()
        };
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }
}

impl Wake for Ringer {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_task_is_woken_once_and_hears_of_each_place_once() {
        let (bells, task) = (Bells::default(), Arc::new(Task::default()));
        let waker = Waker::from(Arc::clone(&task));
        let (seven, nine) = (bells.hang(7), bells.hang(9));
        let woken = || task.0.load(Ordering::Relaxed);
        let mut places = Vec::new();

        nine.ring();
        seven.ring();
        nine.ring();
        assert_eq!(woken(), 0, "it does not sleep");
        bells.take(&mut places);
        assert_eq!(places, [9, 7]);
        nine.ring();
        bells.take(&mut places);
        assert_eq!(places, [], "nobody has looked at nine since");

        bells.sleep(&Context::from_waker(&waker));
        for bell in [&seven, &nine] {
            bell.hush().waker().wake_by_ref();
        }
        assert_eq!(woken(), 1);
        bells.sleep(&Context::from_waker(&waker));
        assert_eq!(woken(), 2, "two have rung before it fell asleep");
        bells.take(&mut places);
        assert_eq!(places, [7, 9]);
    }
}
