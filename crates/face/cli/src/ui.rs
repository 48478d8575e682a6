//! The one place that prints. Results go to stdout, everything else to stderr.

use std::io::{IsTerminal, Write};

use gatepost::model::event::Event;
use gatepost::model::event::one_line;
use serde_json::Value;

use crate::error::CliError;
use crate::options::{Color, Output};

/// How this run speaks.
#[derive(Debug, Clone, Copy)]
pub struct Ui {
    json: bool,
    quiet: bool,
    color: bool,
}

impl Ui {
    /// What the flags and the environment (`NO_COLOR`, see no-color.org) say together.
    #[must_use]
    pub fn new(output: &Output) -> Self {
        let color = match output.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                !unwanted && std::io::stderr().is_terminal() && std::io::stdout().is_terminal()
            }
        };
        Self { json: output.json, quiet: output.quiet, color }
    }

    /// Whether results are to be JSON.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether notes are left out.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// A result for people, as it is.
    pub(crate) fn out(&self, text: &str) -> Result<(), CliError> {
        self.octets(text.as_bytes())
    }

    /// A result as octets.
    #[expect(clippy::unused_self, reason = "all output goes through the one who speaks")]
    pub(crate) fn octets(&self, octets: &[u8]) -> Result<(), CliError> {
        let mut stdout = std::io::stdout().lock();
        let written = stdout.write_all(octets).and_then(|()| stdout.flush());
        written.map_err(|error| CliError::io("the output", &error))
    }

    /// A result for programs: one JSON document and a line end.
    pub(crate) fn json(&self, value: &Value) -> Result<(), CliError> {
        self.out(&format!("{value:#}\n"))
    }

    /// A remark for people, on stderr; not in quiet runs.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    /// What happened, for people who want to know.
    pub(crate) fn event(&self, event: &Event) {
        self.detail(&event.to_string());
    }

    /// A line of what happened.
    pub(crate) fn detail(&self, line: &str) {
        self.note(&self.dim(&format!("* {line}")));
    }

    /// What was done: a remark for people, one JSON document for programs.
    pub(crate) fn done(&self, text: &str, value: &Value) -> Result<(), CliError> {
        if self.json {
            return self.json(value);
        }
        self.note(text);
        Ok(())
    }

    /// An `error:` line.
    pub(crate) fn error(&self, text: &str, code: &str) {
        self.say(&format!("{} {text} [{code}]", self.paint("1;31", "error:")));
    }

    /// What failed, in lines of its own.
    pub(crate) fn failed(&self, text: &str) {
        self.say(text);
    }

    /// A `hint:` line.
    pub(crate) fn hint(&self, text: &str) {
        self.say(&format!("{} {text}", self.paint("1;36", "hint:")));
    }

    /// A `warning:` line, and nothing in it that a terminal would obey: it may name what a stranger wrote.
    pub(crate) fn warning(&self, text: &str) {
        self.say(&format!("{} {}", self.paint("1;33", "warning:"), one_line(text)));
    }

    /// A line with a name and a value, and nothing in the value that a terminal would obey: it may be a stranger's.
    pub(crate) fn fact(&self, name: &str, value: &str) -> String {
        format!("{} {}\n", self.bold(&format!("{name:<10}")), one_line(value))
    }

    /// Text in bold, where there is colour.
    pub(crate) fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    /// Text that stands back, where there is colour.
    pub(crate) fn dim(&self, text: &str) -> String {
        self.paint("2", text)
    }

    /// Text in a colour (SGR parameters), where there is colour.
    pub(crate) fn paint(&self, code: &str, text: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn say(&self, text: &str) {
        // If stderr is gone there is nowhere left to say so.
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }
}

/// Rows under headings, columns aligned; the last column is not padded. Nothing in a cell is obeyed by a terminal: it
/// may be a stranger's.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| one_line(cell)).collect()).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(headings.get(column).map(|heading| heading.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let head = line(headings.to_vec());
    rows.iter().fold(head, |text, row| text + &line(row.iter().map(String::as_str).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_moves_the_cursor() {
        let evil = "a\u{1b}[2J\u{202e}\nb";
        let rows = vec![vec![evil.into(), "x".into()]];
        assert_eq!(table(&["N", "VALUE"], &rows), "N                         VALUE\na\\u{1b}[2J\\u{202e}\\u{a}b  x\n");
        let ui = Ui { json: false, quiet: false, color: false };
        assert_eq!(ui.fact("Issuer", evil), "Issuer     a\\u{1b}[2J\\u{202e}\\u{a}b\n");
    }

    #[test]
    fn tables_align() {
        let rows = vec![vec!["a".into(), "long value".into()], vec!["bcd".into(), "x".into()]];
        assert_eq!(table(&["N", "VALUE"], &rows), "N    VALUE\na    long value\nbcd  x\n");
    }
}
