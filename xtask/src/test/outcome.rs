//! How a step ended, and the summary of all of them.

use std::time::Duration;

use crate::test::counts::Counts;

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All that it looked at is as it should be.
    Passed,
    /// Something is not.
    Failed(String),
    /// It was not run, and why.
    Skipped(String),
}

/// One step, done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) name: &'static str,
    pub(crate) ending: Ending,
    pub(crate) took: Duration,
    /// What its test runner counted, where it has one.
    pub(crate) counts: Option<Counts>,
}

impl Outcome {
    /// The tests that it ran. A step without a runner, or that failed outside of any test, is one itself.
    fn total(&self) -> Counts {
        let counted = self.counts.unwrap_or_default();
        let itself = match self.ending {
            Ending::Passed if self.counts.is_none() => Counts { passed: 1, ..Counts::default() },
            Ending::Failed(_) if counted.failed == 0 => Counts { failed: 1, ..Counts::default() },
            Ending::Skipped(_) => Counts { skipped: 1, ..Counts::default() },
            Ending::Passed | Ending::Failed(_) => Counts::default(),
        };
        counted + itself
    }

    fn row(&self) -> String {
        let (word, why) = match &self.ending {
            Ending::Passed => ("passed", ""),
            Ending::Failed(why) => ("FAILED", why.as_str()),
            Ending::Skipped(why) => ("skipped", why.as_str()),
        };
        let counts = self.counts.map(|counts| counts.to_string()).unwrap_or_default();
        let note =
            [counts.as_str(), why].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("; ");
        format!("{:<10} {word:<8} {:>8.1}  {note}", self.name, self.took.as_secs_f64()).trim_end().to_owned()
    }
}

/// The table of all steps, and as its last line alone `N passed, N failed, N skipped`.
pub(crate) fn summary(outcomes: &[Outcome]) -> String {
    let total = outcomes.iter().map(Outcome::total).fold(Counts::default(), |sum, one| sum + one);
    let took: f64 = outcomes.iter().map(|outcome| outcome.took.as_secs_f64()).sum();
    let rows: Vec<String> = outcomes.iter().map(Outcome::row).collect();
    format!("step       result    seconds\n{}\n{:<20}{took:>8.1}\n\n{total}", rows.join("\n"), "in all")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(name: &'static str, ending: Ending, counts: Option<Counts>) -> Outcome {
        Outcome { name, ending, took: Duration::from_millis(1500), counts }
    }

    #[test]
    fn the_summary_counts_tests_and_steps() {
        let counts = |passed, failed, skipped| Some(Counts { passed, failed, skipped });
        let outcomes = [
            outcome("fmt", Ending::Passed, None),
            outcome("tests", Ending::Failed("exit code 100".into()), counts(7, 2, 1)),
            outcome("doctests", Ending::Failed("exit code 101".into()), counts(3, 0, 0)),
            outcome("interop", Ending::Skipped("no nginx".into()), None),
        ];
        assert_eq!(
            summary(&outcomes),
            "step       result    seconds\n\
             fmt        passed        1.5\n\
             tests      FAILED        1.5  7 passed, 2 failed, 1 skipped; exit code 100\n\
             doctests   FAILED        1.5  3 passed, 0 failed, 0 skipped; exit code 101\n\
             interop    skipped       1.5  no nginx\n\
             in all                   6.0\n\n\
             11 passed, 3 failed, 2 skipped"
        );
    }
}
