//! What became of scripts: lines for people, JUnit for a CI, JSON for programs.

use std::time::Duration;

use serde_json::{Value, json};

use crate::ws::script::place::Wrong;
use crate::ws::script::run::{Done, Outcome};
use crate::ws::script::step::{Action, Step};

/// A script that was run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ran {
    /// The file, as it was named.
    pub(crate) name: String,
    /// Its steps, each with its end.
    pub(crate) steps: Vec<(Step, Done)>,
}

impl Ran {
    /// The step that failed, and why.
    pub(crate) fn failure(&self) -> Option<(&Step, &Wrong)> {
        self.steps.iter().find_map(|(step, done)| match &done.outcome {
            Outcome::Failed(wrong) => Some((step, wrong)),
            Outcome::Passed | Outcome::Skipped => None,
        })
    }

    /// How long it took.
    pub(crate) fn took(&self) -> Duration {
        self.steps.iter().map(|(_, done)| done.took).sum()
    }

    /// How many of its steps expect something.
    pub(crate) fn expectations(&self) -> usize {
        self.steps.iter().filter(|(step, _)| expects(step)).count()
    }
}

fn expects(step: &Step) -> bool {
    matches!(step.action, Action::Expect(_) | Action::Also(_))
}

/// The failure as it is printed: the place, what was written there, and what came.
pub(crate) fn failure_text(name: &str, step: &Step, wrong: &Wrong) -> String {
    let (first, rest) = wrong.detail.split_once('\n').unwrap_or((&wrong.detail, ""));
    let rest = if rest.is_empty() { String::new() } else { format!("\n{rest}") };
    format!("{name}:{}:{}: {first}\n  at        {}{rest}", wrong.place.line, wrong.place.column, step.source)
}

/// A JSON document of all.
pub(crate) fn as_json(all: &[Ran]) -> Value {
    let step = |(step, done): &(Step, Done)| {
        let mut row = json!({
            "line": step.place.line,
            "step": step.source,
            "outcome": word(&done.outcome),
            "milliseconds": millis(done.took),
        });
        if let Outcome::Failed(wrong) = &done.outcome {
            row["failure"] = json!({ "line": wrong.place.line, "column": wrong.place.column, "message": wrong.detail });
        }
        row
    };
    let script = |ran: &Ran| {
        json!({
            "script": ran.name,
            "passed": ran.failure().is_none(),
            "milliseconds": millis(ran.took()),
            "steps": ran.steps.iter().map(step).collect::<Vec<_>>(),
        })
    };
    let failed = all.iter().filter(|ran| ran.failure().is_some()).count();
    json!({ "scripts": all.iter().map(script).collect::<Vec<_>>(), "passed": all.len() - failed, "failed": failed })
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed(_) => "failed",
        Outcome::Skipped => "skipped",
    }
}

/// Milliseconds with three digits behind the point.
fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000_000.0).round() / 1000.0
}

/// A JUnit document: a suite for each script; a case for each step that expects something, and for a step that failed.
pub(crate) fn as_junit(all: &[Ran]) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for ran in all {
        let cases: Vec<&(Step, Done)> = ran.steps.iter().filter(|(step, done)| expects(step) || failed(done)).collect();
        let count = |wanted: &str| cases.iter().filter(|(_, done)| word(&done.outcome) == wanted).count();
        text.push_str(&format!(
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"{:.6}\">\n",
            escaped(&ran.name),
            cases.len(),
            count("failed"),
            count("skipped"),
            ran.took().as_secs_f64()
        ));
        for (step, done) in &cases {
            text.push_str(&case(&ran.name, step, done));
        }
        text.push_str("  </testsuite>\n");
    }
    text + "</testsuites>\n"
}

fn failed(done: &Done) -> bool {
    matches!(done.outcome, Outcome::Failed(_))
}

fn case(script: &str, step: &Step, done: &Done) -> String {
    let head = format!(
        "    <testcase classname=\"{}\" name=\"line {}: {}\" time=\"{:.6}\"",
        escaped(script),
        step.place.line,
        escaped(&step.source),
        done.took.as_secs_f64()
    );
    match &done.outcome {
        Outcome::Passed => head + "/>\n",
        Outcome::Skipped => head + "><skipped/></testcase>\n",
        Outcome::Failed(wrong) => {
            let first = wrong.detail.lines().next().unwrap_or_default();
            let text = escaped(&failure_text(script, step, wrong));
            format!("{head}><failure message=\"{}\">{text}</failure></testcase>\n", escaped(first))
        }
    }
}

/// Text as XML takes it. What XML 1.0 §2.2 does not allow at all is replaced.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' | '\t' => safe.push(char),
            char if char.is_control() || matches!(char, '\u{fffe}' | '\u{ffff}') => safe.push('\u{fffd}'),
            char => safe.push(char),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ws::script::parse::parse;
    use crate::ws::script::place::Place;

    fn ran() -> Ran {
        let steps = parse("connect wss://h/\n< \"a\" & b\n< /x/\n").unwrap();
        let failure =
            Wrong { place: Place { line: 2, column: 1 }, detail: "another text came\n  - a\n  + \u{1}".into() };
        let outcomes = [Outcome::Passed, Outcome::Failed(failure), Outcome::Skipped];
        let done = outcomes.into_iter().map(|outcome| Done { outcome, took: Duration::from_millis(2) });
        Ran { name: "a.ws".into(), steps: steps.into_iter().zip(done).collect() }
    }

    #[test]
    fn junit() {
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<testsuites>
  <testsuite name=\"a.ws\" tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"1\" time=\"0.006000\">
    <testcase classname=\"a.ws\" name=\"line 2: &lt; &quot;a&quot; &amp; b\" time=\"0.002000\"><failure message=\"another text came\">a.ws:2:1: another text came
  at        &lt; &quot;a&quot; &amp; b
  - a
  + \u{fffd}</failure></testcase>
    <testcase classname=\"a.ws\" name=\"line 3: &lt; /x/\" time=\"0.002000\"><skipped/></testcase>
  </testsuite>
</testsuites>
";
        assert_eq!(as_junit(&[ran()]), expected);
    }

    #[test]
    fn json_of_all() {
        let expected = json!({
            "passed": 0,
            "failed": 1,
            "scripts": [{
                "script": "a.ws",
                "passed": false,
                "milliseconds": 6.0,
                "steps": [
                    { "line": 1, "step": "connect wss://h/", "outcome": "passed", "milliseconds": 2.0 },
                    {
                        "line": 2, "step": "< \"a\" & b", "outcome": "failed", "milliseconds": 2.0,
                        "failure": { "line": 2, "column": 1, "message": "another text came\n  - a\n  + \u{1}" }
                    },
                    { "line": 3, "step": "< /x/", "outcome": "skipped", "milliseconds": 2.0 }
                ]
            }]
        });
        assert_eq!(as_json(&[ran()]), expected);
        assert_eq!(ran().expectations(), 2);
    }
}
