//! Is memory short? A measure against a bound, with some slack so that the answer does not flicker.

/// One thing that is measured, such as resident memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gauge {
    /// Octets from which on it is short.
    pub bound: u64,
}

impl Gauge {
    /// A gauge at three quarters of what the system allows: the rest is for what is under way already, which goes on.
    #[must_use]
    pub fn below(allowed: u64) -> Self {
        Self { bound: allowed / 4 * 3 }
    }

    /// Whether it is short at `used` octets. Once it `was_short`, it is until a tenth of the bound is free again.
    #[must_use]
    pub fn is_short(self, used: u64, was_short: bool) -> bool {
        used >= if was_short { self.bound / 10 * 9 } else { self.bound }
    }

    /// Whether to look often: half of the bound is used.
    #[must_use]
    pub fn is_near(self, used: u64) -> bool {
        used >= self.bound / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_short_from_its_bound_on_until_a_tenth_is_free() {
        let gauge = Gauge::below(4000);
        assert_eq!(gauge, Gauge { bound: 3000 });
        let mut short = false;
        for (used, near, expected) in [
            (0, false, false),
            (1500, true, false),
            (2999, true, false),
            (3000, true, true),
            (2999, true, true),
            (2700, true, true),
            (2699, true, false),
            (2999, true, false),
            (u64::MAX, true, true),
            (0, false, false),
        ] {
            short = gauge.is_short(used, short);
            assert_eq!((gauge.is_near(used), short), (near, expected), "{used}");
        }
    }
}
