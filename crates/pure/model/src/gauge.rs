//! Is memory short? What is measured against a bound, although freed memory is seldom given back. Time is an argument.
//!
//! Allocators keep most of what is freed, to use it again: after a flood, a process holds as much as at its height.
//! Taken by the word, memory would be short for ever. So what is in use is estimated: at each new height it is learned
//! what one connection costs, and below that height the connections that are left are taken for the use.

use std::time::Duration;

/// The time in which half of what was learned about the cost of a connection is forgotten: the next ones may be others.
const HALF_LIFE: Duration = Duration::from_secs(60);

/// One thing that is measured, such as resident memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gauge {
    bound: u64,
    /// What was held at the first look, before anybody came.
    base: Option<u64>,
    /// The most that was held since it was last below the bound, and what a connection cost then.
    height: u64,
    cost: u64,
    /// When some of the cost was forgotten last.
    forgot: Duration,
    short: bool,
}

impl Gauge {
    /// Short from `bound` octets on.
    #[must_use]
    pub fn new(bound: u64) -> Self {
        Self { bound, base: None, height: 0, cost: 0, forgot: Duration::ZERO, short: false }
    }

    /// Short from three quarters of what the system allows: the rest is for what is under way already, which goes on.
    #[must_use]
    pub fn below(allowed: u64) -> Self {
        Self::new(allowed / 4 * 3)
    }

    /// Whether memory is short when `held` octets are held and there are so many connections. `now` is the time since
    /// any fixed moment. Once short, it is until a tenth of the bound is free, so that the answer does not flicker.
    pub fn look(&mut self, held: u64, connections: u64, now: Duration) -> bool {
        let base = *self.base.get_or_insert(held);
        if held < self.bound {
            // What is held is no less than what is used.
            (self.height, self.cost) = (0, 0);
            self.short = self.short && held >= self.bound / 10 * 9;
            return self.short;
        }
        if held > self.height {
            self.height = held;
            self.cost = self.cost.max(held.saturating_sub(base).div_ceil(connections.max(1)));
            self.forgot = now;
        }
        self.forget(now);
        let used = held.min(base.saturating_add(self.cost.saturating_mul(connections)));
        self.short = used >= if self.short { self.bound / 10 * 9 } else { self.bound };
        self.short
    }

    /// Whether to look often: half of the bound is held.
    #[must_use]
    pub fn is_near(&self, held: u64) -> bool {
        held >= self.bound / 2
    }

    /// Never when what is held has come half of the way from the bound to what the system allows: floods that follow
    /// each other must not drive it to the end.
    fn forget(&mut self, now: Duration) {
        let far = self.height >= self.bound.saturating_add(self.bound / 6);
        if self.short || far {
            self.forgot = now;
        } else if now.saturating_sub(self.forgot) >= HALF_LIFE {
            self.cost /= 2;
            self.forgot = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is held, connections, the second; whether it is short.
    type Look = (u64, u64, u64, bool);

    fn run(gauge: &mut Gauge, looks: &[Look]) {
        for &(held, connections, at, expected) in looks {
            let short = gauge.look(held, connections, Duration::from_secs(at));
            assert_eq!(short, expected, "{held} held by {connections} at {at} s: {gauge:?}");
        }
    }

    #[test]
    fn it_is_short_from_its_bound_on_until_a_tenth_is_free() {
        let mut gauge = Gauge::below(4000);
        assert_eq!(gauge, Gauge::new(3000));
        let many = 1000;
        run(
            &mut gauge,
            &[
                (100, 0, 0, false),
                (2999, many, 1, false),
                (3000, many, 2, true),
                (2999, many, 3, true),
                (2700, many, 4, true),
                (2699, many, 5, false),
                (2999, many, 6, false),
                (u64::MAX, many, 7, true),
                (0, many, 8, false),
            ],
        );
        assert_eq!([1499, 1500].map(|held| gauge.is_near(held)), [false, true]);
    }

    #[test]
    fn memory_that_is_kept_after_a_flood_is_not_in_use() {
        let mut gauge = Gauge::new(3000);
        run(
            &mut gauge,
            &[
                (1000, 0, 0, false),
                (3000, 20, 1, true),
                // What is inside goes on growing.
                (3200, 20, 2, true),
                // A connection costs 110; with 16 left that is less than nine tenths, though all is still held.
                (3200, 16, 3, true),
                (3200, 15, 4, false),
                (3200, 0, 5, false),
                // The same flood again is noticed although nothing grows.
                (3200, 18, 6, false),
                (3200, 19, 7, true),
                (3200, 0, 8, false),
                // Later, connections that cost less are let in,
                (3200, 19, 69, false),
                (3200, 36, 70, false),
                // and a new height is short as before.
                (3300, 36, 71, true),
            ],
        );
    }

    #[test]
    fn near_the_end_nothing_is_forgotten() {
        let mut gauge = Gauge::new(3000);
        run(&mut gauge, &[(0, 0, 0, false), (3500, 10, 1, true), (3500, 1, 2, false), (3500, 9, 9999, true)]);
    }
}
