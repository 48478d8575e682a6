//! What stands behind `>`: text to the end of the line, a block, a file, or octets in hexadecimal.

use crate::ws::hex;
use crate::ws::script::line::{Line, Lines};
use crate::ws::script::place::{Place, Wrong};
use crate::ws::script::step::Payload;
use crate::ws::script::template::Template;

/// Reads what is sent. `line` is what follows the mark without leading white space, `rest` with it.
pub(crate) fn parse<'a>(line: Line<'a>, rest: &str, lines: &mut Lines<'a>) -> Result<Payload, Wrong> {
    // `>b` without a space is the mark for octets; `> b` is the text `b`.
    if rest.starts_with('b') && rest.chars().nth(1).is_none_or(char::is_whitespace) {
        let line = line.after(1);
        return match line.text.strip_prefix('@') {
            Some(_) => Ok(Payload::OctetsFile(line.after(1).template()?)),
            None => octets(line).map(Payload::Octets),
        };
    }
    if line.text.starts_with('@') {
        return Ok(Payload::TextFile(line.after(1).template()?));
    }
    text(line, lines).map(Payload::Text)
}

/// Text to the end of the line, or a block. A backslash before it takes all that follows as it is.
pub(crate) fn text<'a>(line: Line<'a>, lines: &mut Lines<'a>) -> Result<Template, Wrong> {
    if line.text == "```" || line.text == "```json" || line.text == "```text" {
        return lines.block(line);
    }
    match line.text.strip_prefix('\\') {
        Some(rest) if !rest.starts_with("{{") => {
            Template::parse(rest, Place { column: line.place.column + 1, ..line.place })
        }
        _ => line.template(),
    }
}

/// Octets in hexadecimal.
pub(crate) fn octets(line: Line<'_>) -> Result<Vec<u8>, Wrong> {
    hex::parse(line.text)
        .map_err(|(at, detail)| Wrong { place: Place { column: line.place.column + at, ..line.place }, detail })
}

#[cfg(test)]
mod tests {
    use crate::ws::script::parse::parse;
    use crate::ws::script::place::Place;
    use crate::ws::script::step::{Action, Payload};
    use crate::ws::script::template::Template;

    #[test]
    fn what_can_be_sent() {
        let text = |text: &str, line, column| Template::parse(text, Place { line, column }).unwrap();
        let table = [
            ("> hi", Payload::Text(text("hi", 1, 3))),
            (">hi", Payload::Text(text("hi", 1, 2))),
            ("> b", Payload::Text(text("b", 1, 3))),
            (">", Payload::Text(Template::default())),
            ("> \\@x", Payload::Text(text("@x", 1, 4))),
            ("> \\{{x}}", Payload::Text(text("{{x}}".replace("{{", "\\{{").as_str(), 1, 3))),
            ("> @a.txt", Payload::TextFile(text("a.txt", 1, 4))),
            (">b @a", Payload::OctetsFile(text("a", 1, 5))),
            (">b 00 ff", Payload::Octets(vec![0, 255])),
            (">b", Payload::Octets(vec![])),
            ("> ```json\n{\n  \"a\": 1\n}\n```", Payload::Text(text("{\n  \"a\": 1\n}", 2, 1))),
            ("> ```\n```", Payload::Text(Template::default())),
        ];
        for (source, expected) in table {
            assert_eq!(parse(source).unwrap()[0].action, Action::Send(expected), "{source}");
        }
    }
}
