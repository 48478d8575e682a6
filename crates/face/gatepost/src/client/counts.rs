//! What a session counts for its schemes: how often a nonce was used.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How many things are counted; of more than that, those that were not counted for the longest time are forgotten.
const CAPACITY: usize = 1024;

/// Counts by name. Each number of a name is given out once, whoever asks at the same time.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// The last number of each name, and when it was given out.
    counted: HashMap<String, (u64, u64)>,
    /// Counts all calls: the time of this file.
    calls: u64,
}

impl Counts {
    /// The next number for this name: 1 at first.
    pub(crate) fn next(&self, key: &str) -> u64 {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Inner { counted, calls } = &mut *inner;
        *calls = calls.saturating_add(1);
        if let Some((number, last)) = counted.get_mut(key) {
            (*number, *last) = (number.saturating_add(1), *calls);
            return *number;
        }
        if counted.len() >= CAPACITY {
            // A quarter at a time, so that a flood of names does not sort at each of them.
            let mut times: Vec<u64> = counted.values().map(|(_, last)| *last).collect();
            let (_, oldest, _) = times.select_nth_unstable(CAPACITY / 4);
            let oldest = *oldest;
            counted.retain(|_, (_, last)| *last > oldest);
        }
        counted.insert(key.to_owned(), (1, *calls));
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_given_out_once() {
        let counts = Counts::default();
        let mut all = std::thread::scope(|scope| {
            let ask = || (0..500).map(|_| counts.next("a")).collect::<Vec<_>>();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        all.sort_unstable();
        assert_eq!(all, (1..=2000).collect::<Vec<_>>());
        assert_eq!((counts.next("b"), counts.next("a")), (1, 2001));
    }

    #[test]
    fn what_is_counted_stays_while_others_come_and_go() {
        let counts = Counts::default();
        for round in 1..5000 {
            assert_eq!(counts.next("kept"), round);
            assert_eq!(counts.next(&round.to_string()), 1);
        }
        assert!(counts.0.lock().unwrap().counted.len() <= CAPACITY);
        assert_eq!(counts.next("1"), 1, "forgotten");
    }
}
