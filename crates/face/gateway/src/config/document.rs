//! A configuration file: its text, and how a place in it is named.

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::config::source::Source;
use crate::config::spec::DocumentSpec;
use crate::config::suggest;
use crate::error::GatewayError;

/// The most that a configuration file may hold: 1 MiB. A bound, so that a wrong path does not fill the memory.
const LONGEST: u64 = 1024 * 1024;

/// A configuration file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    path: PathBuf,
    text: String,
}

impl Document {
    /// Reads a file.
    ///
    /// # Errors
    /// [`GatewayError::Unreadable`] if there is no such file, or it is larger than 1 MiB or not UTF-8.
    pub fn read(path: &Path) -> Result<Self, GatewayError> {
        let unreadable = |detail: String| GatewayError::Unreadable { path: path.to_owned(), detail };
        let length = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
        if length > LONGEST {
            return Err(unreadable(format!("{length} octets are more than the {LONGEST} a configuration may have")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
        Ok(Self::new(path, text))
    }

    /// A text that stands for the file at `path`.
    #[must_use]
    pub fn new(path: &Path, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), text: text.into() }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path that the document names: relative ones start at its own folder.
    #[must_use]
    pub fn beside(&self, path: &Path) -> PathBuf {
        self.path.parent().unwrap_or_else(|| Path::new("")).join(path)
    }

    /// The place of an octet, as a source.
    #[must_use]
    pub fn source(&self, span: &Range<usize>) -> Source {
        let before = self.text.get(..span.start).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Source::File {
            file: self.path.display().to_string(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).map_or(0, |line| line.chars().count()) + 1,
        }
    }

    /// An error at a place of this document.
    #[must_use]
    pub fn wrong(&self, span: &Range<usize>, problem: impl Into<String>) -> GatewayError {
        GatewayError::Setting { place: self.source(span).to_string(), problem: problem.into(), hint: None }
    }

    /// Reads the TOML into what was written.
    pub(crate) fn spec(&self) -> Result<DocumentSpec, GatewayError> {
        self.read_as()
    }

    /// Reads the TOML as a document of another kind.
    ///
    /// # Errors
    /// [`GatewayError::Setting`] with the place and, where a word is unknown, the one that was meant.
    pub fn read_as<T: serde::de::DeserializeOwned>(&self) -> Result<T, GatewayError> {
        toml::from_str(&self.text).map_err(|error| self.explain(&error))
    }

    /// The parser's error with our words around it.
    fn explain(&self, error: &toml::de::Error) -> GatewayError {
        let message = error.message();
        let place = self.source(&error.span().unwrap_or(0..0)).to_string();
        let (problem, hint) = match unknown_word(message) {
            Some((kind, word, known)) => (format!("unknown {kind} `{word}`"), Some(suggest::hint(word, known))),
            None => {
                let mut parts = message.splitn(2, "; hint: ");
                (plain_words(parts.next().unwrap_or_default()), parts.next().map(str::to_owned))
            }
        };
        GatewayError::Setting { place, problem, hint }
    }
}

/// The parser's words without the names of our types, and without a text that was found in a wrong
/// place: someone may have written a secret there.
fn plain_words(message: &str) -> String {
    let one_line = message.trim_end().replace('\n', ", ");
    if one_line == "invalid socket address syntax" {
        return "expected an address with its port, such as `127.0.0.1:8443` or `[::1]:8443`".into();
    }
    let Some((found, expected)) =
        one_line.strip_prefix("invalid type: ").and_then(|rest| rest.rsplit_once(", expected "))
    else {
        return one_line;
    };
    let found = if found.starts_with("string") { "a text" } else { found };
    let expected = match expected {
        "usize" | "u64" | "u32" | "u16" => "a whole number",
        "a boolean" => "`true` or `false`",
        "a string" => "a text in quotes",
        "a sequence" => "a list such as `[\"…\"]`",
        other if other.starts_with("struct ") => "a table",
        other => other,
    };
    format!("expected {expected}, found {found}")
}

/// Takes serde's "unknown field `x`, expected one of `a`, `b`" apart; our own words for `field` and `variant`.
fn unknown_word(message: &str) -> Option<(&'static str, &str, Vec<&str>)> {
    let (kind, rest) = match message.strip_prefix("unknown field ") {
        Some(rest) => ("key", rest),
        None => ("value", message.strip_prefix("unknown variant ")?),
    };
    let mut quoted = rest.split('`').skip(1).step_by(2);
    let word = quoted.next()?;
    Some((kind, word, quoted.collect()))
}
