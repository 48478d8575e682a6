//! Whether the other end is too slow to wait for.

use std::time::Duration;

/// A least pace, over the time in which the other end was waited for.
///
/// What it does at its own speed while nobody waits is not held against it.
///
/// ```
/// use std::time::Duration;
/// use gatepost_model::pace::Pace;
///
/// let mut pace = Pace::new(240, Duration::from_secs(10));
/// pace.waited(Duration::from_secs(9), 9);
/// assert!(!pace.is_too_slow());
/// pace.waited(Duration::from_secs(9), 9);
/// assert!(pace.is_too_slow());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    floor: u32,
    grace: Duration,
    waited: Duration,
    moved: u64,
}

impl Pace {
    /// At least `floor` octets per second on average, once `grace` was waited; 0 for no bound.
    #[must_use]
    pub fn new(floor: u32, grace: Duration) -> Self {
        Self { floor, grace, waited: Duration::ZERO, moved: 0 }
    }

    /// After a wait of `time` so many octets moved.
    pub fn waited(&mut self, time: Duration, octets: u64) {
        self.waited = self.waited.saturating_add(time);
        self.moved = self.moved.saturating_add(octets);
    }

    /// Whether it is below its floor.
    #[must_use]
    pub fn is_too_slow(&self) -> bool {
        // A wait of more than u64::MAX milliseconds is none that anybody has seen.
        let millis = u64::try_from(self.waited.as_millis()).unwrap_or(u64::MAX);
        let least = u128::from(self.floor) * u128::from(millis);
        self.waited > self.grace && u128::from(self.moved) * 1000 < least
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Floor, waits as seconds and octets, too slow.
    type Case = (u32, &'static [(u64, u64)], bool);

    #[test]
    fn only_who_is_waited_for_can_be_too_slow() {
        let table: &[Case] = &[
            (240, &[], false),
            (240, &[(10, 0)], false),
            (240, &[(11, 0)], true),
            (240, &[(11, 2640)], false),
            (240, &[(11, 2639)], true),
            (240, &[(1, 1_000_000), (3600, 0)], false),
            (240, &[(1, 1_000_000), (4200, 0)], true),
            (240, &[(0, 5), (0, 5)], false),
            (0, &[(1_000_000, 0)], false),
            (u32::MAX, &[(u64::MAX, u64::MAX)], true),
        ];
        for (floor, waits, expected) in table {
            let mut pace = Pace::new(*floor, Duration::from_secs(10));
            for (seconds, octets) in *waits {
                pace.waited(Duration::from_secs(*seconds), *octets);
            }
            assert_eq!(pace.is_too_slow(), *expected, "{floor} {waits:?}");
        }
    }
}
