//! Text with variables in it: `{{name}}`, and `\{{` for two braces that are meant.

use std::collections::BTreeMap;

use crate::ws::script::place::{Place, Wrong};

/// The most that text may become, in octets: variables that are made of variables grow fast.
const LONGEST: usize = 64 * 1024 * 1024;

/// The variables of a run.
pub(crate) type Variables = BTreeMap<String, String>;

/// Text with variables in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable(String, Place),
}

impl Template {
    /// Reads text that stands at `place`.
    pub(crate) fn parse(text: &str, place: Place) -> Result<Self, Wrong> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut place = place;
        let mut rest = text;
        while let Some(char) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix("\\{{") {
                plain.push_str("{{");
                place.column += 3;
                rest = after;
                continue;
            }
            let Some(after) = rest.strip_prefix("{{") else {
                plain.push(char);
                place = if char == '\n' { Place { line: place.line + 1, column: 1 } } else { next(place) };
                rest = rest.get(char.len_utf8()..).unwrap_or_default();
                continue;
            };
            let wrong = |detail: String| Wrong { place, detail };
            let (inside, after) = after
                .split_once("}}")
                .ok_or_else(|| wrong("`{{` without `}}`; two braces that are meant are written `\\{{`".into()))?;
            let name = inside.trim();
            if !is_name(name) {
                return Err(wrong(format!("`{name}` is no name of a variable: letters, digits, `_` and `-`")));
            }
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
            pieces.push(Piece::Variable(name.to_owned(), place));
            place.column += inside.chars().count() + 4;
            rest = after;
        }
        pieces.push(Piece::Text(plain));
        pieces.retain(|piece| *piece != Piece::Text(String::new()));
        Ok(Self(pieces))
    }

    /// The text if there is no variable in it.
    pub(crate) fn fixed(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The text with every variable in its place.
    pub(crate) fn fill(&self, variables: &Variables) -> Result<String, Wrong> {
        self.fill_with(variables, |value, _| value.to_owned())
    }

    /// As [`fill`](Self::fill), with each value made fit by `fit` for what stands before it.
    pub(crate) fn fill_with(&self, variables: &Variables, fit: impl Fn(&str, &str) -> String) -> Result<String, Wrong> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Variable(name, place) => {
                    let value = variables.get(name).ok_or_else(|| unknown(name, *place, variables))?;
                    let fitted = fit(value, &filled);
                    if filled.len().saturating_add(fitted.len()) > LONGEST {
                        let detail = format!("with `{name}` the text is longer than 64 MiB");
                        return Err(Wrong { place: *place, detail });
                    }
                    filled.push_str(&fitted);
                }
            }
        }
        Ok(filled)
    }
}

/// Whether a variable can be called so.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-'))
}

fn next(place: Place) -> Place {
    Place { column: place.column + 1, ..place }
}

fn unknown(name: &str, place: Place, variables: &Variables) -> Wrong {
    let known: Vec<String> = variables.keys().map(|name| format!("`{name}`")).collect();
    let known = if known.is_empty() { "there is none yet".to_owned() } else { format!("known: {}", known.join(", ")) };
    Wrong { place, detail: format!("there is no variable `{name}` ({known}); `--var {name}=…` sets it") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Place = Place { line: 3, column: 5 };

    fn filled(text: &str) -> Result<String, Wrong> {
        let variables = Variables::from([("id".into(), "7".into()), ("a-b_1".into(), "x".into())]);
        Template::parse(text, START)?.fill(&variables)
    }

    #[test]
    fn variables_are_filled_in() {
        let table = [
            ("plain", "plain"),
            ("", ""),
            ("{{id}}", "7"),
            ("a {{ id }}{{a-b_1}} b", "a 7x b"),
            ("\\{{id}} {x}", "{{id}} {x}"),
        ];
        for (text, expected) in table {
            assert_eq!(filled(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn mistakes_have_a_place() {
        let table =
            [("ab{{id", 3, 7), ("{{a b}}", 3, 5), ("ä{{no}}", 3, 6), ("x\ny{{no}}", 4, 2), ("{{id}}{{no}}", 3, 11)];
        for (text, line, column) in table {
            assert_eq!(filled(text).unwrap_err().place, Place { line, column }, "{text}");
        }
        let variables = Variables::from([("a".into(), "x".repeat(LONGEST / 2))]);
        let fill = |text: &str| Template::parse(text, START).unwrap().fill(&variables);
        assert_eq!(fill("{{a}}{{a}}").map(|text| text.len()), Ok(LONGEST));
        let longer =
            Wrong { place: Place { line: 3, column: 11 }, detail: "with `a` the text is longer than 64 MiB".into() };
        assert_eq!(fill("x{{a}}{{a}}"), Err(longer));
        assert!(filled("{{no}}").unwrap_err().detail.contains("known: `a-b_1`, `id`"));
    }
}
