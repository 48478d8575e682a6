//! A regular expression between slashes: `/id=(?<id>[0-9]+)/i`. Named groups become variables.

use regex_lite::{Captures, Regex, RegexBuilder};

use crate::ws::script::place::{Place, Wrong};
use crate::ws::script::template::{Template, Variables};

/// The most memory, in octets, that one expression may take when it is made ready.
const LARGEST: usize = 1024 * 1024;

/// A regular expression, perhaps with variables in it. They stand for their text, not for expressions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    template: Template,
    ignore_case: bool,
    place: Place,
}

impl Pattern {
    /// Reads what follows the opening slash; gives the pattern, and how many characters it took with the slash at its end.
    pub(crate) fn parse(text: &str, place: Place) -> Result<(Self, usize), Wrong> {
        let mut source = String::new();
        let mut chars = text.chars().enumerate();
        let end = loop {
            match chars.next() {
                None => return Err(Wrong { place, detail: "the expression has no `/` at its end".into() }),
                Some((at, '/')) => break at,
                Some((_, '\\')) => match chars.next() {
                    // A slash needs the backslash only because of the slashes around it.
                    Some((_, '/')) => source.push('/'),
                    Some((_, other)) => source.extend(['\\', other]),
                    None => source.push('\\'),
                },
                Some((_, other)) => source.push(other),
            }
        };
        let flags: String = text.chars().skip(end + 1).take_while(char::is_ascii_alphabetic).collect();
        if !matches!(flags.as_str(), "" | "i") {
            let place = Place { column: place.column + end + 1, ..place };
            return Err(Wrong { place, detail: format!("`{flags}` is no flag of an expression; there is `i`") });
        }
        let pattern = Self { template: Template::parse(&source, place)?, ignore_case: flags == "i", place };
        if let Some(fixed) = pattern.template.fixed() {
            pattern.compiled(fixed)?;
        }
        Ok((pattern, end + 1 + flags.len()))
    }

    /// The expression with its variables in their places.
    pub(crate) fn fill(&self, variables: &Variables) -> Result<Regex, Wrong> {
        self.compiled(&self.template.fill_with(variables, |value, _| regex_lite::escape(value))?)
    }

    fn compiled(&self, source: &str) -> Result<Regex, Wrong> {
        let built = RegexBuilder::new(source).case_insensitive(self.ignore_case).size_limit(LARGEST).build();
        built.map_err(|error| Wrong { place: self.place, detail: format!("the expression does not read: {error}") })
    }
}

/// The named groups that took part.
pub(crate) fn groups<'a>(regex: &'a Regex, captures: &'a Captures<'_>) -> impl Iterator<Item = (String, String)> {
    let named = regex.capture_names().flatten();
    named.filter_map(|name| Some((name.to_owned(), captures.name(name)?.as_str().to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Place = Place { line: 1, column: 4 };

    fn matched(source: &str, text: &str) -> bool {
        let variables = Variables::from([("v".into(), "a.b".into())]);
        Pattern::parse(source, START).unwrap().0.fill(&variables).unwrap().is_match(text)
    }

    #[test]
    fn expressions_between_slashes() {
        assert!(matched("^a/", "ab"));
        assert!(matched("B/i", "ab"));
        assert!(matched("a\\/b\\d/", "a/b7"));
        assert!(matched("^{{v}}$/", "a.b") && !matched("^{{v}}$/", "axb"));
        assert_eq!(Pattern::parse("x/i rest", START).unwrap().1, 3);
    }

    #[test]
    fn mistakes_have_a_place() {
        for (source, column) in [("a", 4), ("(/", 4), ("a/x", 6), ("{{/", 4)] {
            assert_eq!(Pattern::parse(source, START).unwrap_err().place.column, column, "{source}");
        }
    }

    #[test]
    fn named_groups() {
        let regex = Pattern::parse("id=(?<id>\\d+)(?<more>x)?/", START).unwrap().0.fill(&Variables::new()).unwrap();
        let captures = regex.captures("id=42").unwrap();
        assert_eq!(groups(&regex, &captures).collect::<Vec<_>>(), [("id".to_owned(), "42".to_owned())]);
    }
}
