//! How many tests a runner says it ran, read from its closing lines.

use std::fmt;
use std::ops::Add;

/// Tests by how they ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

/// Who ran the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runner {
    /// `cargo nextest run`: one closing line.
    Nextest,
    /// `cargo test`: a closing line for each binary.
    Cargo,
    /// `pytest -q`: one closing line.
    Pytest,
    /// `tests/conformance/run`: one closing line.
    Cases,
}

impl Runner {
    /// The sum of the closing lines among `lines`, `None` where there is not one.
    pub(crate) fn counts(self, lines: &[String]) -> Option<Counts> {
        lines.iter().filter_map(|line| self.closing(line)).map(tally).reduce(Counts::add)
    }

    /// The part of a closing line that holds the numbers.
    fn closing(self, line: &str) -> Option<&str> {
        let line = line.trim().trim_matches('=').trim();
        match self {
            Self::Nextest => line.strip_prefix("Summary")?.split_once("run:").map(|(_, numbers)| numbers),
            Self::Cargo => line.strip_prefix("test result:")?.split_once('.').map(|(_, numbers)| numbers),
            Self::Cases => line.strip_prefix("cases:"),
            Self::Pytest => {
                let (numbers, time) = line.rsplit_once(" in ")?;
                let is_time = time.starts_with(|char: char| char.is_ascii_digit());
                (is_time && numbers.starts_with(|char: char| char.is_ascii_digit())).then_some(numbers)
            }
        }
    }
}

/// Adds up `12 passed (1 slow), 3 failed` and the like.
fn tally(numbers: &str) -> Counts {
    let mut counts = Counts::default();
    for part in numbers.split([',', ';']) {
        let mut words = part.split_whitespace();
        let Some(Ok(number)) = words.next().map(str::parse::<u64>) else { continue };
        match words.next().unwrap_or_default() {
            "passed" | "xfailed" | "xpassed" => counts.passed += number,
            "failed" | "error" | "errors" | "exec" | "timed" => counts.failed += number,
            "skipped" | "ignored" | "deselected" => counts.skipped += number,
            _ => {}
        }
    }
    counts
}

impl Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_read() {
        let table = [
            (
                Runner::Nextest,
                "     Summary [   1.2s] 9 tests run: 7 passed (1 slow), 2 failed, 3 skipped",
                Some((7, 2, 3)),
            ),
            (Runner::Nextest, "    Starting 9 tests across 3 binaries (3 tests skipped)", None),
            (
                Runner::Cargo,
                "test result: FAILED. 4 passed; 1 failed; 2 ignored; 0 measured; 5 filtered out; finished in 0s",
                Some((4, 1, 2)),
            ),
            (Runner::Cargo, "test a::b ... ok", None),
            (Runner::Pytest, "3 failed, 2 passed, 1 skipped, 1 error in 1.25s (0:00:01)", Some((2, 4, 1))),
            (Runner::Pytest, "======= 2 passed in 0.10s =======", Some((2, 0, 0))),
            (Runner::Cases, "cases: 385 passed, 2 failed, 0 skipped", Some((385, 2, 0))),
            (Runner::Cases, "server-ws: 385 passed, 2 not, 75 s", None),
            (Runner::Pytest, "E  10 of 3 in 2 places", None),
            (Runner::Pytest, "expected 3 in 4", None),
        ];
        for (runner, line, expected) in table {
            let expected = expected.map(|(passed, failed, skipped)| Counts { passed, failed, skipped });
            assert_eq!(runner.counts(&[line.to_owned()]), expected, "{line}");
        }
    }

    #[test]
    fn the_lines_of_many_binaries_are_added() {
        let line =
            |passed| format!("test result: ok. {passed} passed; 0 failed; 1 ignored; 0 measured; 0 filtered out");
        let expected = Counts { passed: 5, failed: 0, skipped: 2 };
        assert_eq!(Runner::Cargo.counts(&[line(2), line(3)]), Some(expected));
    }
}
