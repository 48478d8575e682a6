//! The lines of a script, and pieces of them that know where they stand.

use std::time::Duration;

use gatepost_gateway::config::value::Period;

use crate::ws::script::place::{Place, Wrong};
use crate::ws::script::template::Template;

/// A piece of a line, and where it begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) text: &'a str,
    pub(crate) place: Place,
}

impl<'a> Line<'a> {
    /// What is left behind `octets` of it, white space passed over.
    pub(crate) fn after(self, octets: usize) -> Self {
        let rest = self.text.get(octets..).unwrap_or_default();
        let trimmed = rest.trim_start();
        let taken = self.text.get(..self.text.len() - trimmed.len()).unwrap_or_default();
        Self { text: trimmed, place: Place { column: self.place.column + taken.chars().count(), ..self.place } }
    }

    /// The first word, and what is left.
    pub(crate) fn word(self) -> (&'a str, Self) {
        let end = self.text.find(char::is_whitespace).unwrap_or(self.text.len());
        (self.text.get(..end).unwrap_or_default(), self.after(end))
    }

    pub(crate) fn wrong(self, detail: impl Into<String>) -> Wrong {
        Wrong { place: self.place, detail: detail.into() }
    }

    pub(crate) fn template(self) -> Result<Template, Wrong> {
        Template::parse(self.text, self.place)
    }

    /// Nothing may be left.
    pub(crate) fn end(self) -> Result<(), Wrong> {
        if self.text.is_empty() { Ok(()) } else { Err(self.wrong(format!("`{}` is too much", self.text))) }
    }
}

/// The lines that are left, without white space around them.
pub(crate) struct Lines<'a> {
    rest: std::iter::Peekable<std::iter::Enumerate<std::str::Lines<'a>>>,
}

impl<'a> Lines<'a> {
    /// Those of a text.
    pub(crate) fn of(text: &'a str) -> Self {
        Self { rest: text.lines().enumerate().peekable() }
    }

    /// The next line.
    pub(crate) fn next(&mut self) -> Option<Line<'a>> {
        self.rest.next().map(|(at, text)| trimmed(at, text))
    }

    /// The next line, which stays the next.
    pub(crate) fn peek(&mut self) -> Option<Line<'a>> {
        self.rest.peek().map(|(at, text)| trimmed(*at, text))
    }

    /// The lines up to one that is ```` ``` ````, as they are, joined.
    pub(crate) fn block(&mut self, from: Line<'_>) -> Result<Template, Wrong> {
        let mut text = String::new();
        let mut first = None;
        loop {
            let (at, line) = self.rest.next().ok_or_else(|| from.wrong("the block has no line with ``` at its end"))?;
            if line.trim() == "```" {
                let place = Place { line: first.unwrap_or(at) + 1, column: 1 };
                return Template::parse(&text, place);
            }
            if first.is_some() {
                text.push('\n');
            }
            first = first.or(Some(at));
            text.push_str(line);
        }
    }
}

fn trimmed(at: usize, text: &str) -> Line<'_> {
    Line { text: text.trim_end(), place: Place { line: at + 1, column: 1 } }.after(0)
}

/// A length of time, as in the configuration.
pub(crate) fn period(line: Line<'_>) -> Result<Duration, Wrong> {
    line.text.parse::<Period>().map(|period| period.0).map_err(|detail| line.wrong(detail))
}

/// A code of a close, from 1000 to 4999.
pub(crate) fn close_code(word: &str, place: Line<'_>) -> Result<u16, Wrong> {
    let code = word.parse().ok().filter(|code| (1000..5000).contains(code));
    code.ok_or_else(|| place.wrong(format!("`{word}` is no code of a close: 1000 to 4999")))
}
