//! The lengths that some names have: a look at one decides for most others.

/// One bit for each length; those from 63 on share the last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Lengths(u64);

impl Lengths {
    /// Those of these names.
    pub(crate) const fn of(names: &[&str]) -> Self {
        match names {
            [] => Self(0),
            [first, rest @ ..] => Self::of(rest).and(first.len()),
        }
    }

    /// These, and one more.
    pub(crate) const fn and(self, length: usize) -> Self {
        Self(self.0 | bit(length))
    }

    /// Whether a name of this length can be one of them.
    pub(crate) const fn have(self, length: usize) -> bool {
        self.0 & bit(length) != 0
    }
}

const fn bit(length: usize) -> u64 {
    1 << if length < 63 { length } else { 63 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_beyond_the_last_are_alike() {
        let lengths = Lengths::of(&["te", "upgrade"]).and(80);
        let had: Vec<usize> = (0..100).filter(|length| lengths.have(*length)).collect();
        assert_eq!(had, [vec![2, 7], (63..100).collect()].concat());
    }
}
