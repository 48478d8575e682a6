//! One thing that breaks a rule, and how many are told.

use std::fmt;

/// Where a rule is broken, and why that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// A file (`path:line` where a line can be named), a crate, or an arrow `crate -> crate`.
    pub(crate) place: String,
    /// What is wrong with it.
    pub(crate) why: String,
}

impl Finding {
    pub(crate) fn new(place: impl Into<String>, why: impl Into<String>) -> Self {
        Self { place: place.into(), why: why.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place, self.why)
    }
}

/// Prints each finding on a line. `true` if there are none.
#[expect(clippy::print_stdout, reason = "the findings are what the commands are for")]
pub(crate) fn report(command: &str, found: &[Finding]) -> bool {
    for finding in found {
        println!("{finding}");
    }
    match found.len() {
        0 => println!("xtask {command}: nothing to complain about"),
        count => println!("xtask {command}: {count} found"),
    }
    found.is_empty()
}
