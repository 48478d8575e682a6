//! The layers: default < file < environment < flag.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use toml::Spanned;

use crate::config::document::Document;
use crate::config::source::{Entry, Source};
use crate::error::GatewayError;

/// Looks an environment variable up.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What the layers above the document say, and a record of every value that was picked.
pub(crate) struct Layers<'a> {
    document: Option<&'a Document>,
    environment: Lookup<'a>,
    flags: &'a BTreeMap<&'static str, (&'static str, String)>,
    entries: Vec<Entry>,
}

impl<'a> Layers<'a> {
    /// `flags` maps a setting's dotted name to the flag and the text that it was given.
    pub(crate) fn new(
        document: Option<&'a Document>,
        environment: Lookup<'a>,
        flags: &'a BTreeMap<&'static str, (&'static str, String)>,
    ) -> Self {
        Self { document, environment, flags, entries: Vec::new() }
    }

    /// The value of a setting from the highest layer that has one.
    pub(crate) fn pick<T: FromStr<Err: Display> + Display>(
        &mut self,
        name: &'static str,
        written: Option<Spanned<T>>,
        default: T,
    ) -> Result<T, GatewayError> {
        Ok(self.pick_any(name, written)?.unwrap_or_else(|| {
            self.note(name, &default, Source::Default);
            default
        }))
    }

    /// As [`pick`](Self::pick), but refuses a value outside of `range`.
    pub(crate) fn pick_within<T: FromStr<Err: Display> + Display + PartialOrd>(
        &mut self,
        name: &'static str,
        written: Option<Spanned<T>>,
        default: T,
        range: &RangeInclusive<T>,
    ) -> Result<T, GatewayError> {
        let value = self.pick(name, written, default)?;
        if range.contains(&value) {
            return Ok(value);
        }
        let problem = format!("`{name}` is from {} to {}, found {value}", range.start(), range.end());
        Err(self.wrong(problem, None))
    }

    /// An error at the place of the value that was picked last.
    pub(crate) fn wrong(&self, problem: String, hint: Option<String>) -> GatewayError {
        let place = self.entries.last().map(|entry| entry.source.to_string()).unwrap_or_default();
        GatewayError::Setting { place, problem, hint }
    }

    /// The value of a setting that has no default.
    pub(crate) fn pick_any<T: FromStr<Err: Display> + Display>(
        &mut self,
        name: &'static str,
        written: Option<Spanned<T>>,
    ) -> Result<Option<T>, GatewayError> {
        let variable = variable(name);
        let (value, source) = if let Some((flag, text)) = self.flags.get(name) {
            let source = Source::Flag(flag);
            (parse(text, &source)?, source)
        } else if let Some(text) = (self.environment)(&variable) {
            let source = Source::Environment(variable);
            (parse(&text, &source)?, source)
        } else if let Some(written) = written {
            let source = self.source(&written.span());
            (written.into_inner(), source)
        } else {
            return Ok(None);
        };
        self.note(name, &value, source);
        Ok(Some(value))
    }

    /// Records a value for `config show`.
    pub(crate) fn note(&mut self, name: &str, value: &dyn Display, source: Source) {
        self.entries.push(Entry { name: name.to_owned(), value: value.to_string(), source });
    }

    /// The place in the document.
    pub(crate) fn source(&self, span: &std::ops::Range<usize>) -> Source {
        self.document.map_or(Source::Default, |document| document.source(span))
    }

    /// All that was recorded, in order.
    pub(crate) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }
}

/// The environment variable of a setting: `limits.head_time` is `GATEPOST_LIMITS_HEAD_TIME`.
#[must_use]
pub fn variable(name: &str) -> String {
    format!("GATEPOST_{}", name.replace('.', "_").to_ascii_uppercase())
}

fn parse<T: FromStr<Err: Display>>(text: &str, source: &Source) -> Result<T, GatewayError> {
    text.parse().map_err(|error: T::Err| {
        let whole = error.to_string();
        let (problem, hint) = match whole.split_once("; hint: ") {
            Some((problem, hint)) => (problem.to_owned(), Some(hint.to_owned())),
            None => (whole, None),
        };
        GatewayError::Setting { place: source.to_string(), problem, hint }
    })
}
