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
    /// What the process must not hold, if that is known.
    end: Option<u64>,
    /// What was held at the first look, before anybody came.
    base: Option<u64>,
    /// The most that was held since it was last below the bound, and what a connection cost then.
    height: u64,
    cost: u64,
    /// When some of the cost was forgotten last.
    forgot: Duration,
    level: Level,
}

/// How much of what may be held is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// Less than its bound.
    #[default]
    Ample,
    /// Its bound is reached: nothing new should be taken in.
    Short,
    /// Half of what was left beyond the bound is used, too: what is inside must not grow either.
    Dire,
}

impl Gauge {
    /// Short from `bound` octets on, and never dire.
    #[must_use]
    pub fn new(bound: u64) -> Self {
        let level = Level::Ample;
        Self { bound, end: None, base: None, height: 0, cost: 0, forgot: Duration::ZERO, level }
    }

    /// Short from three quarters of what the system allows: the rest is for what is under way already, which goes on.
    #[must_use]
    pub fn below(allowed: u64) -> Self {
        Self::new(allowed / 4 * 3).ending(allowed)
    }

    /// Dire from half-way between its bound and `allowed` on: the process ends when it holds that. If it holds more than
    /// its bound from the start, that counts instead, since cutting others does not help. Whoever sets a bound beyond what
    /// is allowed does not want any.
    #[must_use]
    pub fn ending(self, allowed: u64) -> Self {
        Self { end: Some(allowed), ..self }
    }

    /// From so many octets on it is dire.
    fn edge(&self) -> u64 {
        let start = self.bound.max(self.base.unwrap_or(0));
        let left = self.end.and_then(|end| end.checked_sub(start));
        left.map_or(u64::MAX, |left| start.saturating_add(left / 2))
    }

    /// How short memory is when `held` octets are held and there are so many connections. `now` is the time since
    /// any fixed moment. Once short, it is until a tenth of the bound is free, so that the answer does not flicker.
    pub fn look(&mut self, held: u64, connections: u64, now: Duration) -> Level {
        self.level = self.level_of(held, connections, now);
        self.level
    }

    fn level_of(&mut self, held: u64, connections: u64, now: Duration) -> Level {
        let base = *self.base.get_or_insert(held);
        if held < self.bound {
            // What is held is no less than what is used.
            (self.height, self.cost) = (0, 0);
            return self.level_at(held);
        }
        if held > self.height {
            self.height = held;
            self.cost = self.cost.max(held.saturating_sub(base).div_ceil(connections.max(1)));
            self.forgot = now;
        }
        self.forget(now);
        self.level_at(held.min(base.saturating_add(self.cost.saturating_mul(connections))))
    }

    fn level_at(&self, used: u64) -> Level {
        let enough = if self.is_short() { self.bound / 10 * 9 } else { self.bound };
        match used {
            used if used >= self.edge() => Level::Dire,
            used if used >= enough => Level::Short,
            _ => Level::Ample,
        }
    }

    /// How many octets more than `held` may be held until the next level is reached.
    #[must_use]
    pub fn left(&self, held: u64) -> u64 {
        let next = if held < self.bound { self.bound } else { self.edge() };
        next.saturating_sub(held)
    }

    fn is_short(&self) -> bool {
        self.level >= Level::Short
    }

    /// Never when what is held has come half of the way from the bound to what the system allows: floods that follow
    /// each other must not drive it to the end.
    fn forget(&mut self, now: Duration) {
        let far = self.height >= self.bound.saturating_add(self.bound / 6);
        if self.is_short() || far {
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

    const MANY: u64 = 1000;

    fn run(gauge: &mut Gauge, looks: &[Look]) {
        for &(held, connections, at, expected) in looks {
            let level = gauge.look(held, connections, Duration::from_secs(at));
            assert_eq!(level >= Level::Short, expected, "{held} held by {connections} at {at} s: {gauge:?}");
        }
    }

    #[test]
    fn it_is_short_from_its_bound_on_until_a_tenth_is_free() {
        let mut gauge = Gauge::below(4000);
        run(
            &mut gauge,
            &[
                (100, 0, 0, false),
                (2999, MANY, 1, false),
                (3000, MANY, 2, true),
                (2999, MANY, 3, true),
                (2700, MANY, 4, true),
                (2699, MANY, 5, false),
                (2999, MANY, 6, false),
                (u64::MAX, MANY, 7, true),
                (0, MANY, 8, false),
            ],
        );
    }

    #[test]
    fn half_of_what_is_beyond_the_bound_is_for_what_is_under_way() {
        type Looks = &'static [(u64, Level)];
        let table: [(Gauge, Looks); 4] = [
            (
                Gauge::below(4000),
                &[(100, Level::Ample), (3499, Level::Short), (3500, Level::Dire), (3499, Level::Short)],
            ),
            (Gauge::below(4000), &[(3600, Level::Short), (3799, Level::Short), (3800, Level::Dire)]),
            (Gauge::new(2000).ending(4000), &[(0, Level::Ample), (2999, Level::Short), (3000, Level::Dire)]),
            (Gauge::new(4000).ending(3000), &[(3999, Level::Ample), (9000, Level::Short), (3599, Level::Ample)]),
        ];
        for (mut gauge, looks) in table {
            // What is held before anybody comes is the first.
            for (held, expected) in looks {
                assert_eq!(gauge.look(*held, MANY, Duration::ZERO), *expected, "{held}: {gauge:?}");
            }
        }
        // What is kept of a flood is as little dire as it is short.
        let mut gauge = Gauge::below(4000);
        let looks = [0, 1000, 800]
            .map(|connections| gauge.look(if connections == 0 { 100 } else { 3600 }, connections, Duration::ZERO));
        assert_eq!(looks, [Level::Ample, Level::Dire, Level::Short]);
    }

    #[test]
    fn how_far_it_is_to_the_next_level() {
        let gauge = Gauge::below(4000);
        assert_eq!([0, 2999, 3000, 3499, 3500, 9999].map(|held| gauge.left(held)), [3000, 1, 500, 1, 0, 0]);
        assert_eq!(Gauge::new(3000).left(3001), u64::MAX - 3001);
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
