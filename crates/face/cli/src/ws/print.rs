//! How a session looks on a terminal: a time, a direction mark, and the message in a form that people can read.

use gatepost::model::event::one_line;
use serde_json::Value;

use crate::ui::Ui;
use crate::ws::hex;
use crate::ws::said::{Direction, Goodbye, Moment, Opened, Said, What, time_of_day};

/// The longest text that is looked at as JSON.
const LONGEST_JSON: usize = 1024 * 1024;

/// A JSON document that is longer than this is laid out in lines.
const ONE_LINE: usize = 72;

/// A moment as it is printed, with a line end. Every line after the first stands below the text.
pub(crate) fn moment(moment: &Moment, ui: &Ui) -> String {
    let (mark, color, text) = match &moment.what {
        What::Opened(opened) => ("*", "2", connected(opened)),
        What::Broken(detail) => ("*", "31", format!("the connection ended without a close: {}", one_line(detail))),
        What::Said(direction, said) => {
            let (mark, color) = match direction {
                Direction::In => ("<", "32"),
                Direction::Out => (">", "36"),
            };
            let color = if said.message().is_some() { color } else { "33" };
            (mark, color, spoken(said))
        }
    };
    let time = time_of_day(moment.at);
    let margin = " ".repeat(time.len() + 3);
    let mut lines = text.split('\n');
    let first = lines.next().unwrap_or_default();
    let rest: String = lines.map(|line| format!("{margin}{line}\n")).collect();
    format!("{} {} {first}\n{rest}", ui.dim(&time), ui.paint(color, mark))
}

fn connected(opened: &Opened) -> String {
    let mut text = format!("connected to {}, {}", one_line(&opened.url), opened.tls.as_deref().unwrap_or("no TLS"));
    text.push_str(&format!(", {}", opened.protocol));
    if let Some(subprotocol) = &opened.subprotocol {
        text.push_str(&format!(", subprotocol {}", one_line(subprotocol)));
    }
    if let Some(deflate) = &opened.deflate {
        text.push_str(&format!(", {}", one_line(deflate)));
    }
    text
}

/// What was said, without time and direction, and without anything that a terminal would obey.
pub(crate) fn spoken(said: &Said) -> String {
    match said {
        Said::Text(message) => text(message),
        Said::Binary(octets) => format!("binary, {}\n{}", count(octets.len()), hex::dump(octets)).trim_end().to_owned(),
        Said::Fragment(message) => format!("part: {}", text(message)),
        Said::Ping(payload) => control("ping", payload),
        Said::Pong(payload) => control("pong", payload),
        Said::Close(None) => "close, without a code".to_owned(),
        Said::Close(Some(goodbye)) => format!("close {}", farewell(goodbye)),
    }
}

/// A code, its name, and the reason.
pub(crate) fn farewell(goodbye: &Goodbye) -> String {
    let name = match goodbye.code {
        1000 => "normal",
        1001 => "going away",
        1002 => "protocol error",
        1003 => "unsupported data",
        1007 => "invalid payload",
        1008 => "policy violation",
        1009 => "message too big",
        1010 => "extension missing",
        1011 => "internal error",
        1012 => "service restart",
        1013 => "try again later",
        1014 => "bad gateway",
        3000..=3999 => "registered",
        _ => "of the application",
    };
    let reason = one_line(&goodbye.reason);
    if reason.is_empty() {
        format!("{} ({name})", goodbye.code)
    } else {
        format!("{} ({name}): {reason}", goodbye.code)
    }
}

fn control(name: &str, payload: &[u8]) -> String {
    match std::str::from_utf8(payload) {
        _ if payload.is_empty() => name.to_owned(),
        Ok(text) => format!("{name} {}", one_line(text)),
        Err(_) => format!("{name} {}", hex::pairs(payload)),
    }
}

fn count(octets: usize) -> String {
    if octets == 1 { "1 octet".to_owned() } else { format!("{octets} octets") }
}

/// Text with JSON laid out, and without anything that a terminal would obey.
fn text(message: &str) -> String {
    let json = Some(message).filter(|message| message.len() <= LONGEST_JSON && message.starts_with(['{', '[']));
    let document = json.and_then(|message| serde_json::from_str::<Value>(message).ok());
    let pretty = document
        .filter(|_| message.len() > ONE_LINE && !message.contains('\n'))
        .map(|document| format!("{document:#}"));
    let shown = pretty.as_deref().unwrap_or(message);
    shown.split('\n').map(|line| one_line(&line.replace('\t', "    "))).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{Color, Output};
    use gatepost::model::time::Timestamp;

    fn shown(what: What, color: Color) -> String {
        let ui = Ui::new(&Output { json: false, color, quiet: false });
        moment(&Moment { at: Timestamp::from_millis(3_723_004), what }, &ui)
    }

    #[test]
    fn what_a_terminal_shows() {
        let long = format!("{{\"a\":\"{}\",\"b\":1}}", "x".repeat(80));
        let table = [
            (What::Said(Direction::In, Said::Text("hello".into())), "01:02:03.004 < hello\n".to_owned()),
            (What::Said(Direction::Out, Said::Text("a\nb".into())), "01:02:03.004 > a\n               b\n".into()),
            (What::Said(Direction::In, Said::Text("\u{1b}[31m".into())), "01:02:03.004 < \\u{1b}[31m\n".into()),
            (What::Said(Direction::In, Said::Text("{\"a\":1}".into())), "01:02:03.004 < {\"a\":1}\n".into()),
            (
                What::Said(Direction::In, Said::Text(long)),
                format!(
                    "01:02:03.004 < {{\n{m}  \"a\": \"{}\",\n{m}  \"b\": 1\n{m}}}\n",
                    "x".repeat(80),
                    m = " ".repeat(15)
                ),
            ),
            (
                What::Said(Direction::In, Said::Binary(vec![0x41])),
                format!("01:02:03.004 < binary, 1 octet\n{}00000000  41{}|A|\n", " ".repeat(15), " ".repeat(48)),
            ),
            (What::Said(Direction::In, Said::Binary(vec![])), "01:02:03.004 < binary, 0 octets\n".into()),
            (What::Said(Direction::Out, Said::Ping(b"x".to_vec())), "01:02:03.004 > ping x\n".into()),
            (What::Said(Direction::In, Said::Pong(vec![255])), "01:02:03.004 < pong ff\n".into()),
            (
                What::Said(Direction::In, Said::close(1001, "bye")),
                "01:02:03.004 < close 1001 (going away): bye\n".into(),
            ),
            (What::Broken("reset".into()), "01:02:03.004 * the connection ended without a close: reset\n".into()),
        ];
        for (what, expected) in table {
            assert_eq!(shown(what.clone(), Color::Never), expected, "{what:?}");
        }
    }

    #[test]
    fn colour_says_nothing_that_the_marks_do_not() {
        let shown = shown(What::Said(Direction::In, Said::Text("x".into())), Color::Always);
        assert_eq!(shown, "\u{1b}[2m01:02:03.004\u{1b}[0m \u{1b}[32m<\u{1b}[0m x\n");
    }
}
