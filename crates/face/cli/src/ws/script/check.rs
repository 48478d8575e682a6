//! What is asked of one value: `== 7`, `contains "x"`, `matches /re/`, `exists`, and `as name` to keep it.

use std::cmp::Ordering;

use gatepost::model::event::one_line;
use serde_json::Value;

use crate::ws::script::difference::difference;
use crate::ws::script::pattern::{self, Pattern};
use crate::ws::script::place::{Place, Wrong};
use crate::ws::script::template::{Template, Variables, is_name};

/// What is asked of a value, and the variable that keeps it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Check {
    question: Question,
    keep: Option<String>,
    place: Place,
}

#[derive(Debug, Clone, PartialEq)]
enum Question {
    Exists,
    Missing,
    Compare(&'static str, Template),
    Matches(Pattern),
}

/// The words between a value and what it is compared with, longer ones before those that they begin with.
const WORDS: [&str; 7] = ["==", "!=", "<=", ">=", "<", ">", "contains"];

impl Check {
    /// Reads what follows a path or a name.
    pub(crate) fn parse(text: &str, place: Place) -> Result<Self, Wrong> {
        let start = text.len() - text.trim_start().len();
        let place = Place { column: place.column + start, ..place };
        let (text, keep) = kept(text.trim());
        let wrong = |detail: &str| Wrong { place, detail: detail.to_owned() };
        let question = match text {
            "" if keep.is_none() => {
                return Err(wrong(
                    "say what is asked: `== value`, `contains`, `matches /re/`, `exists`, `missing`, or `as name`",
                ));
            }
            "" | "exists" => Question::Exists,
            "missing" if keep.is_some() => return Err(wrong("what is missing cannot be kept")),
            "missing" => Question::Missing,
            other => compare(other, place)?,
        };
        Ok(Self { question, keep, place })
    }

    /// Asks it of a value, `None` if there is none at `what`. The value is kept if it passes.
    pub(crate) fn ask(&self, what: &str, value: Option<&Value>, variables: &mut Variables) -> Result<(), Wrong> {
        let wrong = |detail: String| Wrong { place: self.place, detail };
        let value = match (&self.question, value) {
            (Question::Missing, None) => return Ok(()),
            (Question::Missing, Some(value)) => {
                return Err(wrong(format!("`{what}` should be missing, and is {}", short(value))));
            }
            (_, None) => return Err(wrong(format!("there is no `{what}`"))),
            (_, Some(value)) => value,
        };
        match &self.question {
            Question::Exists | Question::Missing => {}
            Question::Compare(word, template) => {
                let expected = self.literal(template, variables)?;
                if !holds(word, value, &expected) {
                    return Err(wrong(unlike(what, word, &expected, value)));
                }
            }
            Question::Matches(pattern) => {
                let regex = pattern.fill(variables)?;
                let text = plain(value);
                let captures = regex.captures(&text).ok_or_else(|| {
                    wrong(format!(
                        "`{what}` does not match\n  expected  /{}/\n  received  {}",
                        regex.as_str(),
                        short(value)
                    ))
                })?;
                variables.extend(pattern::groups(&regex, &captures));
            }
        }
        if let Some(name) = &self.keep {
            variables.insert(name.clone(), plain(value));
        }
        Ok(())
    }

    /// The JSON value that a template stands for.
    fn literal(&self, template: &Template, variables: &Variables) -> Result<Value, Wrong> {
        let text = template.fill_with(variables, fit)?;
        json(&text, self.place)
    }
}

/// Cuts `as name` off the end.
fn kept(text: &str) -> (&str, Option<String>) {
    if let Some(name) = text.strip_prefix("as ").map(str::trim).filter(|name| is_name(name)) {
        return ("", Some(name.to_owned()));
    }
    match text.rsplit_once(" as ") {
        Some((before, name)) if is_name(name.trim()) => (before.trim_end(), Some(name.trim().to_owned())),
        _ => (text, None),
    }
}

fn compare(text: &str, place: Place) -> Result<Question, Wrong> {
    let at = |rest: &str| Place { column: place.column + text.chars().count() - rest.chars().count(), ..place };
    if let Some(rest) = text.strip_prefix("matches").map(str::trim_start) {
        let source = rest.strip_prefix('/').ok_or_else(|| Wrong {
            place: at(rest),
            detail: "an expression stands between slashes, as in `matches /^a/`".into(),
        })?;
        let (pattern, taken) = Pattern::parse(source, at(source))?;
        let left = source.chars().skip(taken).collect::<String>();
        return match left.trim() {
            "" => Ok(Question::Matches(pattern)),
            left => Err(Wrong { place: at(left), detail: format!("`{left}` is too much") }),
        };
    }
    let found = WORDS.iter().find_map(|word| Some((*word, text.strip_prefix(word)?.trim_start())));
    let (word, rest) = found.ok_or_else(|| Wrong {
        place,
        detail: format!("`{text}` asks nothing: there are {}, matches, exists, missing, as", WORDS.join(", ")),
    })?;
    let template = Template::parse(rest, at(rest))?;
    if let Some(fixed) = template.fixed() {
        json(fixed, at(rest))?;
    }
    Ok(Question::Compare(word, template))
}

fn json(text: &str, place: Place) -> Result<Value, Wrong> {
    serde_json::from_str(text)
        .map_err(|_| Wrong { place, detail: format!("`{text}` is not JSON; text stands in double quotes") })
}

/// A variable's value as it fits behind `before`: inside of quotes as characters of a string, else as JSON.
fn fit(value: &str, before: &str) -> String {
    let mut quoted = false;
    let mut escaped = false;
    for char in before.chars() {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
    }
    let string = Value::from(value).to_string();
    if quoted {
        return string.trim_start_matches('"').strip_suffix('"').unwrap_or_default().to_owned();
    }
    if serde_json::from_str::<Value>(value).is_ok() { value.to_owned() } else { string }
}

fn holds(word: &str, value: &Value, expected: &Value) -> bool {
    match word {
        "==" => same(value, expected),
        "!=" => !same(value, expected),
        "contains" => match (value, expected) {
            (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
            (Value::Array(all), one) => all.iter().any(|each| same(each, one)),
            (Value::Object(all), Value::String(name)) => all.contains_key(name),
            _ => false,
        },
        _ => match (word, order(value, expected)) {
            ("<", Some(order)) => order == Ordering::Less,
            ("<=", Some(order)) => order != Ordering::Greater,
            (">", Some(order)) => order == Ordering::Greater,
            (">=", Some(order)) => order != Ordering::Less,
            _ => false,
        },
    }
}

/// Equality in which `1` is `1.0`.
fn same(one: &Value, other: &Value) -> bool {
    one == other || (one.is_number() && order(one, other) == Some(Ordering::Equal))
}

fn order(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => match (one.as_i64(), other.as_i64()) {
            (Some(one), Some(other)) => Some(one.cmp(&other)),
            _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
        },
        (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

fn unlike(what: &str, word: &str, expected: &Value, value: &Value) -> String {
    if word == "==" && (value.is_object() || value.is_array()) {
        return format!("`{what}` differs\n{}", difference(&format!("{expected:#}"), &format!("{value:#}")));
    }
    format!("`{what}` is not what it should be\n  expected  {word} {}\n  received  {}", short(expected), short(value))
}

/// A value as a variable keeps it: text without its quotes, all else as JSON.
pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A value in one short line.
fn short(value: &Value) -> String {
    let text = one_line(&value.to_string());
    if text.chars().count() <= 200 { text } else { text.chars().take(200).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const START: Place = Place { line: 2, column: 12 };

    fn asked(check: &str, value: Option<&Value>) -> Result<Variables, Wrong> {
        let mut variables = Variables::from([("v".into(), "a\"b".into()), ("n".into(), "7".into())]);
        Check::parse(check, START)?.ask("$.x", value, &mut variables)?;
        variables.retain(|name, _| name != "v" && name != "n");
        Ok(variables)
    }

    #[test]
    fn what_passes() {
        let table = [
            ("== 1", json!(1)),
            ("== 1.0", json!(1)),
            ("!= \"1\"", json!(1)),
            ("< 2", json!(1.5)),
            (">= \"b\"", json!("b")),
            ("<= {{n}}", json!(7)),
            ("== {{v}}", json!("a\"b")),
            ("== \"<{{v}}>\"", json!("<a\"b>")),
            ("== {\"a\":[1]}", json!({ "a": [1] })),
            ("contains \"el\"", json!("hello")),
            ("contains 2", json!([1, 2])),
            ("contains \"k\"", json!({ "k": null })),
            ("matches /^a.c$/i", json!("ABC")),
            ("exists", json!(null)),
        ];
        for (check, value) in table {
            assert_eq!(asked(check, Some(&value)), Ok(Variables::new()), "{check}");
        }
        assert_eq!(asked("missing", None), Ok(Variables::new()));
    }

    #[test]
    fn what_is_kept() {
        let kept = |name: &str, value: &str| Ok(Variables::from([(name.to_owned(), value.to_owned())]));
        assert_eq!(asked("as id", Some(&json!(12))), kept("id", "12"));
        assert_eq!(asked("== \"x as y\" as id", Some(&json!("x as y"))), kept("id", "x as y"));
        assert_eq!(asked("exists as id", Some(&json!(["a"]))), kept("id", "[\"a\"]"));
        assert_eq!(asked("matches /(?<word>b+)/", Some(&json!("abbc"))), kept("word", "bb"));
    }

    #[test]
    fn what_does_not_pass_says_why() {
        let told = |check: &str, value: Value| asked(check, Some(&value)).unwrap_err().detail;
        assert_eq!(told("== 2", json!(1)), "`$.x` is not what it should be\n  expected  == 2\n  received  1");
        assert_eq!(told("< 1", json!("a")), "`$.x` is not what it should be\n  expected  < 1\n  received  \"a\"");
        assert_eq!(told("matches /b/", json!("a")), "`$.x` does not match\n  expected  /b/\n  received  \"a\"");
        assert_eq!(told("missing", json!(1)), "`$.x` should be missing, and is 1");
        assert!(told("== {\"a\":1}", json!({ "a": 2 })).starts_with("`$.x` differs\n"));
        assert_eq!(asked("exists", None).unwrap_err().detail, "there is no `$.x`");
    }

    #[test]
    fn mistakes_have_a_place() {
        let table =
            [("", 12), (" ~ 1", 13), ("== x", 15), ("matches x", 20), ("matches /a/ b", 24), ("missing as x", 12)];
        for (check, column) in table {
            assert_eq!(Check::parse(check, START).unwrap_err().place.column, column, "{check}");
        }
    }
}
