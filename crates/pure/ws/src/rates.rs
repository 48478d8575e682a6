//! How often something may happen: a bucket of tokens in eight octets.

use std::time::Duration;

/// A bucket that holds what is allowed in one second, and is full at the beginning.
///
/// It remembers one moment only: when it will be full again (the generic cell rate algorithm, ITU-T
/// I.371 Annex A). Whoever asks says how much a second is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// In nanoseconds of the caller's clock.
    full_at: u64,
}

const SECOND: u64 = 1_000_000_000;

impl Bucket {
    pub(crate) const fn new() -> Self {
        Self { full_at: 0 }
    }

    /// Takes one token; `false` if there is none. `now` is the time since any fixed point.
    pub(crate) fn take(&mut self, per_second: u32, now: Duration) -> bool {
        let Some(price) = SECOND.checked_div(u64::from(per_second)) else { return false };
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let full_at = self.full_at.max(now).saturating_add(price);
        if full_at > now.saturating_add(SECOND) {
            return false;
        }
        self.full_at = full_at;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(bucket: &mut Bucket, per_second: u32, asked: u32, now: u64) -> u32 {
        let now = Duration::from_millis(now);
        (0..asked).map(|_| u32::from(bucket.take(per_second, now))).sum()
    }

    #[test]
    fn a_burst_then_the_rate() {
        let mut bucket = Bucket::new();
        assert_eq!(taken(&mut bucket, 100, 150, 0), 100);
        assert_eq!(taken(&mut bucket, 100, 150, 10), 1);
        assert_eq!(taken(&mut bucket, 100, 150, 510), 50);
        assert_eq!(taken(&mut bucket, 100, 500, 60_000), 100);
        // A clock that goes back gives nothing and breaks nothing.
        assert_eq!(taken(&mut bucket, 100, 10, 0), 0);
    }

    #[test]
    fn the_ends_of_the_scale() {
        assert_eq!(taken(&mut Bucket::new(), 0, 10, 5), 0);
        assert_eq!(taken(&mut Bucket::new(), 1, 10, 5), 1);
        assert_eq!(taken(&mut Bucket::new(), u32::MAX, 100_000, 5), 100_000);
    }
}
