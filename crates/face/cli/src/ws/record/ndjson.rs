//! One JSON document a line for everything that happens: what `--json` prints and `.ndjson` files hold.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use gatepost::model::time::Timestamp;
use serde_json::{Map, Value, json};

use crate::ws::record::fields::{answered, asked};
use crate::ws::said::{Direction, Goodbye, Moment, Opened, Said, What, rfc3339};

/// A moment as one document.
pub(crate) fn write(moment: &Moment) -> Value {
    let mut line = json!({ "time": rfc3339(moment.at) });
    let more = match &moment.what {
        What::Opened(opened) => connected(opened),
        What::Said(direction, said) => spoken(*direction, said),
        What::Broken(detail) => json!({ "event": "broken", "detail": detail }),
    };
    if let (Some(line), Value::Object(more)) = (line.as_object_mut(), more) {
        line.extend(more);
    }
    line
}

fn connected(opened: &Opened) -> Value {
    json!({
        "event": "connected",
        "url": opened.url,
        "status": opened.status,
        "protocol": opened.protocol,
        "tls": opened.tls,
        "subprotocol": opened.subprotocol,
        "deflate": opened.deflate,
        "request": pairs(asked(&opened.request)),
        "response": pairs(answered(&opened.response)),
    })
}

/// Fields as a list of pairs: a name may stand twice.
pub(crate) fn pairs<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    fields.map(|(name, value)| json!([name, value])).collect()
}

fn spoken(direction: Direction, said: &Said) -> Value {
    let direction = match direction {
        Direction::In => "in",
        Direction::Out => "out",
    };
    match said {
        Said::Text(text) => json!({ "event": "message", "direction": direction, "type": "text", "data": text }),
        Said::Binary(octets) => json!({
            "event": "message", "direction": direction, "type": "binary",
            "encoding": "base64", "data": BASE64_STANDARD.encode(octets)
        }),
        Said::Fragment(text) => json!({ "event": "fragment", "direction": direction, "data": text }),
        Said::Ping(octets) => control("ping", direction, octets),
        Said::Pong(octets) => control("pong", direction, octets),
        Said::Close(goodbye) => {
            let (code, reason) = goodbye.as_ref().map_or((None, ""), |bye| (Some(bye.code), bye.reason.as_str()));
            json!({ "event": "close", "direction": direction, "code": code, "reason": reason })
        }
    }
}

/// A payload that is text stays text.
fn control(event: &str, direction: &str, octets: &[u8]) -> Value {
    match std::str::from_utf8(octets) {
        Ok(text) => json!({ "event": event, "direction": direction, "data": text }),
        Err(_) => json!({
            "event": event, "direction": direction, "encoding": "base64", "data": BASE64_STANDARD.encode(octets)
        }),
    }
}

/// Reads one line.
pub(crate) fn read(line: &str) -> Result<Moment, String> {
    let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let document = value.as_object().ok_or("not an object")?;
    let at = text(document, "time").ok().and_then(Timestamp::parse_rfc3339).ok_or("no `time` as in RFC 3339")?;
    let what = match text(document, "event")? {
        "connected" => What::Opened(Box::new(Opened { url: text(document, "url")?.to_owned(), ..Opened::default() })),
        "broken" => What::Broken(text(document, "detail").unwrap_or_default().to_owned()),
        event => {
            let direction = match text(document, "direction")? {
                "in" => Direction::In,
                "out" => Direction::Out,
                other => return Err(format!("`{other}` is no direction")),
            };
            What::Said(direction, said(event, document)?)
        }
    };
    Ok(Moment { at, what })
}

fn said(event: &str, document: &Map<String, Value>) -> Result<Said, String> {
    Ok(match event {
        "message" if text(document, "type")? == "text" => Said::Text(text(document, "data")?.to_owned()),
        "message" => Said::Binary(data(document)?),
        "fragment" => Said::Fragment(text(document, "data")?.to_owned()),
        "ping" => Said::Ping(data(document)?),
        "pong" => Said::Pong(data(document)?),
        "close" => {
            let code = document.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
            let reason = text(document, "reason").unwrap_or_default().to_owned();
            Said::Close(code.map(|code| Goodbye { code, reason }))
        }
        other => return Err(format!("`{other}` is no event")),
    })
}

fn data(document: &Map<String, Value>) -> Result<Vec<u8>, String> {
    let data = text(document, "data")?;
    match document.get("encoding").and_then(Value::as_str) {
        Some("base64") => BASE64_STANDARD.decode(data).map_err(|_| "`data` is not Base64".into()),
        _ => Ok(data.as_bytes().to_vec()),
    }
}

fn text<'a>(document: &'a Map<String, Value>, name: &str) -> Result<&'a str, String> {
    document.get(name).and_then(Value::as_str).ok_or_else(|| format!("no text `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_said_comes_back() {
        let all = [
            Said::Text("hé\"llo\n".into()),
            Said::Binary(vec![0, 255]),
            Said::Fragment("part".into()),
            Said::Ping(b"a".to_vec()),
            Said::Pong(vec![255]),
            Said::close(4000, "why"),
            Said::Close(None),
        ];
        for said in all {
            for direction in [Direction::In, Direction::Out] {
                let what = What::Said(direction, said.clone());
                let moment = Moment { at: Timestamp::from_millis(1_700_000_000_123), what };
                assert_eq!(read(&write(&moment).to_string()), Ok(moment));
            }
        }
    }

    #[test]
    fn a_line_as_programs_see_it() {
        let what = What::Said(Direction::In, Said::Text("hi".into()));
        let line = write(&Moment { at: Timestamp::from_millis(5), what });
        let expected = json!({
            "time": "1970-01-01T00:00:00.005Z", "event": "message", "direction": "in", "type": "text", "data": "hi"
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn secrets_are_masked_and_junk_is_refused() {
        let pair = |name: &str| (name.to_owned(), "x".to_owned());
        let (request, response) = (["X-Api-Key", "Origin"].map(pair), ["Set-Cookie", "X-A"].map(pair));
        let opened = Opened { request: request.to_vec(), response: response.to_vec(), ..Opened::default() };
        let line = write(&Moment { at: Timestamp::default(), what: What::Opened(Box::new(opened)) });
        assert_eq!(line["request"], json!([["X-Api-Key", "****"], ["Origin", "x"]]));
        assert_eq!(line["response"], json!([["Set-Cookie", "****"], ["X-A", "x"]]));
        for junk in ["", "[]", "{}", "{\"time\":\"1970-01-01T00:00:00Z\",\"event\":\"x\",\"direction\":\"in\"}"] {
            assert!(read(junk).is_err(), "{junk}");
        }
    }
}
