//! What is said of a handshake that opened nothing: the answer, its challenges, its body, and what to try.

use gatepost::clock;
use gatepost::model::event::one_line;
use serde_json::{Value, json};

use crate::error::CliError;
use crate::ui::Ui;
use crate::ws::record::fields::answered;
use crate::ws::record::ndjson::pairs;
use crate::ws::said::rfc3339;
use crate::ws::wire::Refused;

/// The most of a body that is shown, in characters.
const SHOWN: usize = 2000;

/// The fields that say why, or what would be taken.
const TELLING: [&str; 9] = [
    "content-type",
    "location",
    "proxy-authenticate",
    "retry-after",
    "sec-websocket-extensions",
    "sec-websocket-protocol",
    "sec-websocket-version",
    "upgrade",
    "www-authenticate",
];

/// Says what the server answered, on stderr or as a line of JSON, and gives the error that the run ends with.
pub(crate) fn report(refused: &Refused, advice: &str, ui: &Ui) -> CliError {
    if ui.is_json() {
        if let Err(error) = ui.out(&format!("{}\n", event(refused))) {
            return error;
        }
    } else {
        ui.note(text(refused).trim_end());
    }
    let status = refused.status;
    if matches!(status, 401 | 407) {
        // What the server asks for stands above; what is to be done about it is known better here.
        return CliError::Refused { status, hint: Some(advice.to_owned()) };
    }
    CliError::Upgrade { status, hint: refused.hint.clone() }
}

fn event(refused: &Refused) -> Value {
    json!({
        "time": rfc3339(clock::now()),
        "event": "refused",
        "status": refused.status,
        "response": pairs(answered(&refused.fields)),
        "body": String::from_utf8_lossy(&refused.body),
        "truncated": refused.truncated,
    })
}

fn text(refused: &Refused) -> String {
    let reason = http::StatusCode::from_u16(refused.status).ok().and_then(|status| status.canonical_reason());
    let mut text = format!("< {} {}\n", refused.status, reason.unwrap_or_default());
    for (name, value) in &refused.fields {
        if TELLING.iter().any(|telling| name.eq_ignore_ascii_case(telling)) {
            text.push_str(&format!("< {name}: {}\n", one_line(value)));
        }
    }
    let body = String::from_utf8_lossy(&refused.body);
    let shown: String = body.trim().chars().take(SHOWN).collect();
    text.extend(shown.lines().map(|line| format!("  {}\n", one_line(line))));
    if refused.truncated || shown.len() < body.trim().len() {
        text.push_str("  …\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn the_answer_is_shown_with_what_tells_why() {
        let fields = vec![
            field("www-authenticate", "Basic realm=\"x\""),
            field("date", "today"),
            field("www-authenticate", "WSSE realm=\"x\""),
        ];
        let refused = Refused { status: 401, fields, body: b"no\x1b[31m\nway\n".to_vec(), ..Refused::default() };
        assert_eq!(
            text(&refused),
            "< 401 Unauthorized\n< www-authenticate: Basic realm=\"x\"\n< www-authenticate: WSSE realm=\"x\"\n  \
             no\\u{1b}[31m\n  way\n"
        );
    }

    #[test]
    fn a_long_body_is_cut() {
        let refused = Refused { status: 404, body: vec![b'x'; 3 * SHOWN], ..Refused::default() };
        let text = text(&refused);
        assert_eq!(text, format!("< 404 Not Found\n  {}\n  …\n", "x".repeat(SHOWN)));
    }
}
