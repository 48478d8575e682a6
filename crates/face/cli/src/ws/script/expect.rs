//! What stands behind `<`: a test of a message, or an event that is no message.

use crate::ws::script::check::Check;
use crate::ws::script::line::{Line, Lines, close_code, period};
use crate::ws::script::path::JsonPath;
use crate::ws::script::pattern::Pattern;
use crate::ws::script::payload;
use crate::ws::script::place::{Place, Wrong};
use crate::ws::script::step::{Expectation, Test};
use crate::ws::script::template::{Template, is_name};

/// Reads an expectation, its mark included.
pub(crate) fn parse<'a>(line: Line<'a>, lines: &mut Lines<'a>) -> Result<Expectation, Wrong> {
    if line.text.starts_with("<*") {
        return test(line.after(2), lines).map(Expectation::Some);
    }
    if line.text.starts_with("<b") && line.text.chars().nth(2).is_none_or(char::is_whitespace) {
        return payload::octets(line.after(2)).map(|octets| Expectation::Next(Test::Octets(octets)));
    }
    let line = line.after(1);
    let (word, rest) = line.word();
    match word {
        "ping" => Ok(Expectation::Ping(given(rest)?)),
        "pong" => Ok(Expectation::Pong(given(rest)?)),
        "close" => close(rest),
        "nothing" => Ok(Expectation::Silence(period(rest)?)),
        "status" => status(rest),
        "header" => header(rest),
        _ => test(line, lines).map(Expectation::Next),
    }
}

/// Reads a test of a message.
pub(crate) fn test<'a>(line: Line<'a>, lines: &mut Lines<'a>) -> Result<Test, Wrong> {
    if line.text.starts_with('/') {
        let line = line.after(1);
        let (pattern, taken) = Pattern::parse(line.text, line.place)?;
        let octets = line.text.chars().take(taken).map(char::len_utf8).sum();
        line.after(octets).end()?;
        return Ok(Test::Matches(pattern));
    }
    let (word, rest) = line.word();
    match word {
        "any" => any(rest),
        "json" => {
            let (path, taken) = JsonPath::parse(rest.text, rest.place)?;
            let check = rest.after(taken);
            Ok(Test::Json { path, check: Check::parse(check.text, check.place)? })
        }
        _ => payload::text(line, lines).map(Test::Text),
    }
}

fn any(rest: Line<'_>) -> Result<Test, Wrong> {
    let (word, name) = rest.word();
    if word != "as" {
        rest.end()?;
        return Ok(Test::Any(None));
    }
    if !is_name(name.text) {
        return Err(name.wrong("a name follows `as`: letters, digits, `_` and `-`"));
    }
    Ok(Test::Any(Some(name.text.to_owned())))
}

fn given(rest: Line<'_>) -> Result<Option<Template>, Wrong> {
    if rest.text.is_empty() { Ok(None) } else { rest.template().map(Some) }
}

fn close(rest: Line<'_>) -> Result<Expectation, Wrong> {
    let (word, reason) = rest.word();
    let code = if word.is_empty() { None } else { Some(close_code(word, rest)?) };
    Ok(Expectation::Close { code, reason: given(reason)? })
}

fn status(rest: Line<'_>) -> Result<Expectation, Wrong> {
    let status = rest.text.parse().ok().filter(|status| (100..600).contains(status));
    status.map(Expectation::Status).ok_or_else(|| rest.wrong("a status is a number from 100 to 599"))
}

fn header(rest: Line<'_>) -> Result<Expectation, Wrong> {
    let (name, check) = rest.word();
    if name.is_empty() {
        return Err(rest.wrong("say which, as in `< header Server exists`"));
    }
    let place = Place { column: check.place.column, ..check.place };
    Ok(Expectation::Field { name: name.to_owned(), check: Check::parse(check.text, place)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ws::script::parse::parse as read;
    use crate::ws::script::step::Action;
    use std::time::Duration;

    #[test]
    fn what_can_be_expected() {
        let at = |column| Place { line: 1, column };
        let text = |text: &str, column| Template::parse(text, at(column)).unwrap();
        let table = [
            ("< hi", Expectation::Next(Test::Text(text("hi", 3)))),
            ("< \\json $.a", Expectation::Next(Test::Text(text("json $.a", 4)))),
            ("<b 00", Expectation::Next(Test::Octets(vec![0]))),
            ("< any", Expectation::Next(Test::Any(None))),
            ("<* any as x", Expectation::Some(Test::Any(Some("x".into())))),
            ("< /a/i", Expectation::Next(Test::Matches(Pattern::parse("a/i", at(4)).unwrap().0))),
            (
                "<* json $.a == 1 as id",
                Expectation::Some(Test::Json {
                    path: JsonPath::parse("$.a", at(9)).unwrap().0,
                    check: Check::parse("== 1 as id", at(13)).unwrap(),
                }),
            ),
            ("< ping", Expectation::Ping(None)),
            ("< pong x y", Expectation::Pong(Some(text("x y", 8)))),
            ("< close", Expectation::Close { code: None, reason: None }),
            ("< close 1000 why", Expectation::Close { code: Some(1000), reason: Some(text("why", 14)) }),
            ("< nothing 200ms", Expectation::Silence(Duration::from_millis(200))),
            ("< status 401", Expectation::Status(401)),
            (
                "< header Server exists",
                Expectation::Field { name: "Server".into(), check: Check::parse("exists", at(17)).unwrap() },
            ),
        ];
        for (source, expected) in table {
            assert_eq!(read(source).unwrap()[0].action, Action::Expect(expected), "{source}");
        }
    }
}
