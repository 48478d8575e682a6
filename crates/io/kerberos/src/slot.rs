//! A place for something that is asked for once, however many want it.
//!
//! Whoever comes while it is being asked for waits, and shares what comes of it, a failure too: a KDC that hangs is not
//! asked by one after the other of those who have waited for it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::KerberosError;

/// The place.
pub(crate) struct Slot<T> {
    failures: AtomicU64,
    inside: Mutex<Inside<T>>,
}

struct Inside<T> {
    value: Option<T>,
    last: Option<KerberosError>,
}

/// What somebody knew of a slot when they came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen(u64);

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { failures: AtomicU64::new(0), inside: Mutex::new(Inside { value: None, last: None }) }
    }
}

impl<T: Clone> Slot<T> {
    /// To be called before [`get`](Self::get), which may wait.
    pub(crate) fn seen(&self) -> Seen {
        Seen(self.failures.load(Ordering::Acquire))
    }

    /// What is in it, or what `ask` gives, or what somebody else's asking has failed with since `seen`.
    pub(crate) fn get(&self, seen: Seen, ask: impl FnOnce() -> Result<T, KerberosError>) -> Result<T, KerberosError> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = &inside.value {
            return Ok(value.clone());
        }
        if let (true, Some(error)) = (self.failures.load(Ordering::Acquire) != seen.0, &inside.last) {
            return Err(error.clone());
        }
        match ask() {
            Ok(value) => Ok(inside.value.insert(value).clone()),
            Err(error) => {
                self.failures.fetch_add(1, Ordering::AcqRel);
                Err(inside.last.insert(error).clone())
            }
        }
    }

    /// Whether this is in it; no, while it is being asked for.
    pub(crate) fn holds(&self, is_it: impl FnOnce(&T) -> bool) -> bool {
        self.inside.try_lock().is_ok_and(|inside| inside.value.as_ref().is_some_and(is_it))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_shared_by_those_who_waited_and_by_nobody_else() {
        let slot = Slot::<u8>::default();
        let never = || -> Result<u8, KerberosError> { panic!("nobody asks again") };
        let (first, second) = (slot.seen(), slot.seen());
        assert_eq!(slot.get(first, || Err(KerberosError::Busy)), Err(KerberosError::Busy));
        assert_eq!(slot.get(second, never), Err(KerberosError::Busy));
        assert!(!slot.holds(|_| true));
        assert_eq!(slot.get(slot.seen(), || Ok(7)), Ok(7));
        assert_eq!(slot.get(second, never), Ok(7));
        assert_eq!(slot.get(slot.seen(), never), Ok(7));
        assert!(slot.holds(|value| *value == 7) && !slot.holds(|value| *value == 8));
    }
}
