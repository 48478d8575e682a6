//! File descriptors: how many there may be, and some that accepting leaves for others.

use std::io;

/// The largest reserve that is made unless one asks for more.
const RESERVE: u64 = 1024;

/// Which descriptors accepting leaves alone: those with the highest numbers.
///
/// A new descriptor gets the lowest number that is free (POSIX, 2.14), so that a connection's own number tells
/// whether so many are open; nothing has to be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Descriptors {
    /// The first number of the reserve; `None` if there is no limit.
    first: Option<u64>,
}

impl Descriptors {
    /// Of those that the process may have now, `reserve` are left alone; `None` for a quarter, at most 1,024.
    pub(crate) fn new(reserve: Option<u64>) -> Self {
        Self::of(limit(), reserve)
    }

    fn of(limit: Option<u64>, reserve: Option<u64>) -> Self {
        let first = limit.map(|limit| {
            let usual = (limit / 4).min(RESERVE);
            // A reserve of everything would let nobody in, ever.
            limit - reserve.unwrap_or(usual).min(limit / 4 * 3)
        });
        Self { first }
    }

    /// Whether a descriptor with this number is of the reserve.
    fn reserves(self, number: i32) -> bool {
        self.first.is_some_and(|first| u64::try_from(number).is_ok_and(|number| number >= first))
    }
}

#[cfg(unix)]
impl Descriptors {
    /// Whether accepting took this from the reserve.
    pub(crate) fn are_short_with(self, taken: &impl std::os::fd::AsRawFd) -> bool {
        self.reserves(taken.as_raw_fd())
    }

    /// Whether the next one would come from the reserve. It makes a copy of `any` to see which number it gets.
    pub(crate) fn are_short(self, any: &impl std::os::fd::AsFd) -> bool {
        self.first.is_some() && any.as_fd().try_clone_to_owned().map_or(true, |copy| self.are_short_with(&copy))
    }
}

#[cfg(not(unix))]
impl Descriptors {
    /// Never: Windows has no such limit.
    pub(crate) fn are_short_with<T>(self, _taken: &T) -> bool {
        false
    }

    /// Never: Windows has no such limit.
    pub(crate) fn are_short<T>(self, _any: &T) -> bool {
        false
    }
}

/// Raises the limit of this process (`RLIMIT_NOFILE`) as far as it may without a privilege, as nginx, Caddy and Go do:
/// the low one that shells hand on is for programs that use `select`. Returns the limit in force, `None` for no limit.
///
/// # Errors
/// What the system says. The old limit is in force then.
#[cfg(unix)]
pub fn raise() -> io::Result<Option<u64>> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    if now.current != now.maximum {
        setrlimit(Resource::Nofile, Rlimit { current: now.maximum, maximum: now.maximum })?;
    }
    Ok(now.maximum)
}

/// There is no such limit here.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn raise() -> io::Result<Option<u64>> {
    Ok(None)
}

#[cfg(unix)]
fn limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(not(unix))]
fn limit() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_the_highest_numbers() {
        let table = [
            (None, Some(10), None),
            (Some(64), None, Some(48)),
            (Some(1024), None, Some(768)),
            (Some(1_000_000), None, Some(998_976)),
            (Some(64), Some(0), Some(64)),
            (Some(64), Some(1000), Some(16)),
            (Some(0), Some(1), Some(0)),
        ];
        for (limit, reserve, first) in table {
            assert_eq!(Descriptors::of(limit, reserve), Descriptors { first }, "{limit:?} {reserve:?}");
        }
        let some = Descriptors { first: Some(48) };
        assert_eq!([47, 48, 49, -1].map(|number| some.reserves(number)), [false, true, true, false]);
    }
}
