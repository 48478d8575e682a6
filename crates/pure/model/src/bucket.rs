//! A token bucket: so many a second, so many at once. Time is an argument.

use std::time::Duration;

/// Lets `rate` events a second pass on average, and `burst` at once after a pause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Between two events, on average.
    every: Duration,
    /// How far ahead of the clock events may run.
    ahead: Duration,
    /// When the next event is due if all of them come evenly.
    due: Duration,
}

impl Bucket {
    /// A full bucket. `rate` is events a second; `None` for 0, which is no bound. `burst` is at least 1.
    #[must_use]
    pub fn new(rate: u32, burst: u32) -> Option<Self> {
        let every = Duration::from_secs(1).checked_div(rate)?;
        Some(Self { every, ahead: every.saturating_mul(burst.max(1) - 1), due: Duration::ZERO })
    }

    /// One event at `now`, the time since any fixed moment.
    ///
    /// # Errors
    /// The time from `now` on after which one may pass; nothing is taken then.
    pub fn take(&mut self, now: Duration) -> Result<(), Duration> {
        let due = self.due.max(now);
        let early = due.saturating_sub(now.saturating_add(self.ahead));
        if !early.is_zero() {
            return Err(early);
        }
        self.due = due.saturating_add(self.every);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_burst_then_a_steady_rate() {
        let mut bucket = Bucket::new(100, 3).unwrap();
        let table = [
            (0, Ok(())),
            (0, Ok(())),
            (0, Ok(())),
            (0, Err(millis(10))),
            (4, Err(millis(6))),
            (10, Ok(())),
            (10, Err(millis(10))),
            (20, Ok(())),
            // A long pause fills it no higher than its burst.
            (60_000, Ok(())),
            (60_000, Ok(())),
            (60_000, Ok(())),
            (60_000, Err(millis(10))),
            // A clock that went back makes nobody wait longer than it went.
            (59_990, Err(millis(20))),
        ];
        for (at, expected) in table {
            assert_eq!(bucket.take(millis(at)), expected, "at {at} ms");
        }
    }

    #[test]
    fn as_many_pass_in_a_second_as_were_allowed() {
        for (rate, burst) in [(1, 1), (7, 2), (240, 24), (10_000, 1000)] {
            let mut bucket = Bucket::new(rate, burst).unwrap();
            let passed = (0..100_000_u64).filter(|at| bucket.take(Duration::from_micros(at * 100)).is_ok()).count();
            let expected = usize::try_from(rate * 10 + burst).unwrap();
            assert!(passed <= expected && passed + 2 >= expected - usize::try_from(burst).unwrap(), "{rate}: {passed}");
        }
    }

    #[test]
    fn no_rate_is_no_bound() {
        assert_eq!(Bucket::new(0, 1), None);
    }
}
