//! The figures, and the table they are printed in. Nothing here is a limit: machines differ.

use std::time::Duration;

use crate::bench::gateway::Sample;
use crate::bench::{build, gateway};
use crate::tree::Tree;

/// How often the gateway is started. The median is told, and the longest.
const STARTS: usize = 9;

/// Measures and prints. `cold` also times a build from nothing, in a folder of its own.
pub(crate) fn run(tree: &Tree, cold: bool) -> Result<(), String> {
    let mut rows = Vec::new();
    if cold {
        rows.push(("cold release build, s".to_owned(), format!("{:.0}", build::cold(tree)?.as_secs_f64())));
    }
    let binary = build::release(tree)?;
    let size = std::fs::metadata(&binary).map_err(|error| format!("{}: {error}", binary.display()))?.len();
    rows.push(("binary, MiB".to_owned(), mebibytes(size)));
    let samples = gateway::samples(&binary, STARTS)?;
    rows.extend(sampled(&samples));
    print(&rows);
    Ok(())
}

fn sampled(samples: &[Sample]) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    if let Some(first) = samples.first() {
        rows.push(("start-up with a new state, ms".to_owned(), milliseconds(first.start_up)));
    }
    let mut again: Vec<Duration> = samples.iter().skip(1).map(|sample| sample.start_up).collect();
    again.sort();
    if let (Some(median), Some(longest)) = (again.get(again.len() / 2), again.last()) {
        rows.push(("start-up again, median, ms".to_owned(), milliseconds(*median)));
        rows.push(("start-up again, longest, ms".to_owned(), milliseconds(*longest)));
    }
    if let Some(last) = samples.last() {
        rows.push(("idle memory, resident, MiB".to_owned(), mebibytes(last.resident)));
        rows.push(("idle memory, proportional, MiB".to_owned(), mebibytes(last.proportional)));
    }
    rows
}

fn milliseconds(time: Duration) -> String {
    format!("{:.0}", time.as_secs_f64() * 1000.0)
}

/// With one digit behind the point, rounded down, in whole-number arithmetic.
fn mebibytes(bytes: u64) -> String {
    let tenths = bytes * 10 / (1024 * 1024);
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[expect(clippy::print_stdout, reason = "the table is what this command is for")]
fn print(rows: &[(String, String)]) {
    println!("| figure | value |\n|---|---:|");
    for (name, value) in rows {
        println!("| {name} | {value} |");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_become_rows() {
        let sample = |start_up| Sample {
            start_up: Duration::from_millis(start_up),
            resident: 3 * 1024 * 1024 / 2,
            proportional: 1024 * 1024,
        };
        let rows = sampled(&[sample(300), sample(20), sample(40), sample(30)]);
        let values: Vec<&str> = rows.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["300", "30", "40", "1.5", "1.0"]);
    }
}
