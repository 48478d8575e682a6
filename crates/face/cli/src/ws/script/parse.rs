//! From the text of a script to its steps. Every mistake is told with its line and column.

use crate::ws::script::expect;
use crate::ws::script::line::{Line, Lines, close_code, period};
use crate::ws::script::payload;
use crate::ws::script::place::Wrong;
use crate::ws::script::step::{Action, Step};
use crate::ws::script::template::{Template, is_name};

/// Reads a whole script.
pub(crate) fn parse(text: &str) -> Result<Vec<Step>, Wrong> {
    // Some editors begin a file with a byte order mark; it belongs to the encoding and not to the text.
    let mut lines = Lines::of(text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut steps = Vec::new();
    while let Some(line) = lines.next() {
        if line.text.is_empty() || line.text.starts_with('#') {
            continue;
        }
        let action = action(line, &mut lines)?;
        steps.push(Step { place: line.place, source: line.text.to_owned(), action });
    }
    Ok(steps)
}

fn action<'a>(line: Line<'a>, lines: &mut Lines<'a>) -> Result<Action, Wrong> {
    if let Some(rest) = line.text.strip_prefix('>') {
        return payload::parse(line.after(line.text.len() - rest.len()), rest, lines).map(Action::Send);
    }
    if line.text.starts_with('<') {
        return expect::parse(line, lines).map(Action::Expect);
    }
    if line.text.starts_with('&') {
        return expect::test(line.after(1), lines).map(Action::Also);
    }
    let (word, rest) = line.word();
    match word {
        "var" => variable(rest),
        "timeout" => Ok(Action::Timeout(period(rest)?)),
        "wait" => Ok(Action::Wait(period(rest)?)),
        "connect" => connect(rest, lines),
        "ping" => Ok(Action::Ping(rest.template()?)),
        "pong" => Ok(Action::Pong(rest.template()?)),
        "close" => close(rest),
        _ => Err(line.wrong(format!(
            "`{word}` is no step: there are var, timeout, wait, connect, >, <, &, ping, pong, close; # begins a comment"
        ))),
    }
}

fn variable(rest: Line<'_>) -> Result<Action, Wrong> {
    let (name, value) = rest.text.split_once('=').ok_or_else(|| rest.wrong("write it like `var name = value`"))?;
    if !is_name(name.trim()) {
        return Err(rest.wrong(format!("`{}` is no name: letters, digits, `_` and `-`", name.trim())));
    }
    let value = rest.after(rest.text.len() - value.len());
    Ok(Action::Set { name: name.trim().to_owned(), value: value.template()? })
}

/// The URL, then header fields on the lines below.
fn connect<'a>(rest: Line<'a>, lines: &mut Lines<'a>) -> Result<Action, Wrong> {
    let (url, after) = rest.word();
    if url.is_empty() {
        return Err(rest.wrong("say where to, as in `connect wss://localhost:8443/ws`"));
    }
    after.end()?;
    let url = Template::parse(url, rest.place)?;
    let mut fields = Vec::new();
    while let Some(line) = lines.peek() {
        let Some((name, value)) = line.text.split_once(':').filter(|(name, _)| is_field_name(name)) else { break };
        crate::payload::field(line.text).map_err(|detail| line.wrong(detail))?;
        fields.push((name.to_owned(), line.after(line.text.len() - value.len()).template()?));
        lines.next();
    }
    Ok(Action::Connect { url, fields })
}

/// A token, RFC 9110 §5.6.2.
fn is_field_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|char| char.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(char))
}

fn close(rest: Line<'_>) -> Result<Action, Wrong> {
    let (code, reason) = rest.word();
    let code = if code.is_empty() { crate::ws::said::NORMAL } else { close_code(code, rest)? };
    Ok(Action::Close { code, reason: reason.template()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ws::script::place::Place;
    use crate::ws::script::step::Payload;
    use std::time::Duration;

    fn fixed(text: &str, line: usize, column: usize) -> Template {
        Template::parse(text, Place { line, column }).unwrap()
    }

    #[test]
    fn steps_are_read() {
        let text = "# a comment\n\nvar name =  a = b \ntimeout 2s\nconnect wss://{{host}}/ws\n  X-One: 1\nX-Two: {{name}}\n> hi \nclose 4000 good bye\nclose\nwait 5ms\nping x\n";
        let steps = parse(text).unwrap();
        let actions: Vec<Action> = steps.iter().map(|step| step.action.clone()).collect();
        assert_eq!(
            actions,
            [
                Action::Set { name: "name".into(), value: fixed("a = b", 3, 13) },
                Action::Timeout(Duration::from_secs(2)),
                Action::Connect {
                    url: fixed("wss://{{host}}/ws", 5, 9),
                    fields: vec![("X-One".into(), fixed("1", 6, 10)), ("X-Two".into(), fixed("{{name}}", 7, 8))],
                },
                Action::Send(Payload::Text(fixed("hi", 8, 3))),
                Action::Close { code: 4000, reason: fixed("good bye", 9, 12) },
                Action::Close { code: 1000, reason: Template::default() },
                Action::Wait(Duration::from_millis(5)),
                Action::Ping(fixed("x", 12, 6)),
            ]
        );
        assert_eq!((steps[3].place.line, steps[3].source.as_str()), (8, "> hi"));
    }

    #[test]
    fn mistakes_have_a_place() {
        let table = [
            ("nonsense", 1, 1, "`nonsense` is no step"),
            ("\n  var = x", 2, 7, "is no name"),
            ("var x", 1, 5, "write it like `var name = value`"),
            ("timeout 2", 1, 9, "expected a time"),
            ("connect", 1, 8, "say where to"),
            ("connect a b", 1, 11, "`b` is too much"),
            ("connect a\n Authorization: Basic x", 2, 2, "holds a secret"),
            ("close 99", 1, 7, "no code of a close"),
            ("> ```\nabc", 1, 3, "no line with ```"),
            ("> {{x", 1, 3, "`{{` without `}}`"),
            (">b 0", 1, 5, "two hexadecimal digits"),
            ("< /a", 1, 4, "no `/` at its end"),
            ("< json a", 1, 8, "a path begins with `$`"),
            ("< json $.a = 1", 1, 12, "asks nothing"),
            ("& any x", 1, 7, "`x` is too much"),
        ];
        for (text, line, column, detail) in table {
            let wrong = parse(text).unwrap_err();
            assert_eq!(wrong.place, Place { line, column }, "{text}: {wrong:?}");
            assert!(wrong.detail.contains(detail), "{text}: {wrong:?}");
        }
    }
}
