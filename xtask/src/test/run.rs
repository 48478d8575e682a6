//! The test command: every step, also after one that fails, and one honest summary.

use std::time::Instant;

use crate::test::outcome::{Ending, Outcome, summary};
use crate::test::steps;
use crate::tree::Tree;

/// Runs all steps. `true` if none failed.
#[expect(clippy::print_stdout, reason = "the summary is what this command is for")]
pub(crate) fn run(tree: &Tree) -> Result<bool, String> {
    let mut outcomes = Vec::new();
    for (name, step) in steps::ALL {
        println!("\n==> {name}");
        let start = Instant::now();
        let (ending, counts) = step(tree).unwrap_or_else(|why| (Ending::Failed(why), None));
        if let Ending::Failed(why) | Ending::Skipped(why) = &ending {
            println!("{name}: {why}");
        }
        outcomes.push(Outcome { name, ending, took: start.elapsed(), counts });
    }
    println!("\n{}", summary(&outcomes));
    Ok(!outcomes.iter().any(|outcome| matches!(outcome.ending, Ending::Failed(_))))
}
