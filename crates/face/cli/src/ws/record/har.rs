//! HAR 1.2 with `_webSocketMessages`, as Chromium writes it and its developer tools read it.
//!
//! The file is whole after every message: a new one overwrites the end of the document and writes it again behind.
//! Pings, pongs and closes have no place in this format; `.ndjson` keeps them.

use std::io::{self, Seek, SeekFrom, Write};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use gatepost::model::time::Timestamp;
use serde_json::{Value, json};

use crate::ws::record::fields::{answered, asked};
use crate::ws::said::{Direction, Moment, Opened, Said, What, rfc3339};

/// What closes the list of messages, the entry, the list of entries, the log and the document.
const END: &str = "\n]}\n]}}\n";

/// A HAR document that is being written.
#[derive(Debug)]
pub(crate) struct Har<F> {
    file: F,
    /// Where the next message goes.
    at: u64,
    entries: usize,
    messages: usize,
}

impl<F: Write + Seek> Har<F> {
    pub(crate) fn new(mut file: F) -> io::Result<Self> {
        let creator = json!({ "name": "gatepost", "version": env!("CARGO_PKG_VERSION") });
        let head = format!("{{\"log\":{{\"version\":\"1.2\",\"creator\":{creator},\"pages\":[],\"entries\":[");
        file.write_all(head.as_bytes())?;
        let at = file.stream_position()?;
        file.write_all(b"]}}\n")?;
        Ok(Self { file, at, entries: 0, messages: 0 })
    }

    /// Writes down one moment; what has no place in the format is left out.
    pub(crate) fn write(&mut self, moment: &Moment) -> io::Result<()> {
        match &moment.what {
            What::Opened(opened) => self.open(moment.at, opened),
            What::Said(direction, said) if self.entries > 0 => match message(moment.at, *direction, said) {
                Some(message) => self.append(&message),
                None => Ok(()),
            },
            What::Said(..) | What::Broken(_) => Ok(()),
        }
    }

    fn open(&mut self, at: Timestamp, opened: &Opened) -> io::Result<()> {
        let entry = entry(at, opened).to_string();
        let entry = entry.strip_suffix('}').unwrap_or(&entry);
        // Behind an entry before this one stand its closed list and itself.
        let between = if self.entries > 0 { "\n]},\n" } else { "\n" };
        self.entries += 1;
        self.messages = 0;
        self.put(&format!("{between}{entry},\"_webSocketMessages\":["))
    }

    fn append(&mut self, message: &Value) -> io::Result<()> {
        let between = if self.messages > 0 { ",\n" } else { "\n" };
        self.messages += 1;
        self.put(&format!("{between}{message}"))
    }

    fn put(&mut self, text: &str) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.at))?;
        self.file.write_all(text.as_bytes())?;
        self.at = self.file.stream_position()?;
        self.file.write_all(END.as_bytes())?;
        self.file.flush()
    }
}

fn entry(at: Timestamp, opened: &Opened) -> Value {
    let version = if opened.protocol == "h2" { "h2" } else { "HTTP/1.1" };
    json!({
        "_resourceType": "websocket",
        "startedDateTime": rfc3339(at),
        "time": 0,
        "request": {
            "method": if version == "h2" { "CONNECT" } else { "GET" },
            "url": opened.url,
            "httpVersion": version,
            "headers": fields(asked(&opened.request)),
            "queryString": query(&opened.url),
            "cookies": [],
            "headersSize": -1,
            "bodySize": 0,
        },
        "response": {
            "status": opened.status,
            "statusText": if opened.status == 101 { "Switching Protocols" } else { "" },
            "httpVersion": version,
            "headers": fields(answered(&opened.response)),
            "cookies": [],
            "content": { "size": 0, "mimeType": "x-unknown" },
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": -1,
        },
        "cache": {},
        "timings": { "send": 0, "wait": 0, "receive": 0 },
    })
}

fn fields<'a>(all: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    all.map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

fn query(url: &str) -> Value {
    let query = url.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect()
}

fn message(at: Timestamp, direction: Direction, said: &Said) -> Option<Value> {
    let kind = match direction {
        Direction::In => "receive",
        Direction::Out => "send",
    };
    let (opcode, data) = match said {
        Said::Text(text) => (1, text.clone()),
        Said::Binary(octets) => (2, BASE64_STANDARD.encode(octets)),
        Said::Fragment(_) | Said::Ping(_) | Said::Pong(_) | Said::Close(_) => return None,
    };
    // The format wants seconds since 1970 with a fraction.
    let millis = at.as_millis();
    let time: serde_json::Number =
        format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000)).parse().ok()?;
    Some(json!({ "type": kind, "time": time, "opcode": opcode, "data": data }))
}

/// Reads the messages of the first WebSocket in a HAR document.
pub(crate) fn read(text: &str) -> Result<Vec<Moment>, String> {
    let document: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let entries = document.pointer("/log/entries").and_then(Value::as_array).ok_or("no `log.entries`")?;
    let messages = entries.iter().find_map(|entry| entry.get("_webSocketMessages")?.as_array());
    messages.ok_or("no entry has `_webSocketMessages`")?.iter().map(moment).collect()
}

fn moment(message: &Value) -> Result<Moment, String> {
    let text =
        |name: &str| message.get(name).and_then(Value::as_str).ok_or_else(|| format!("a message has no `{name}`"));
    let direction = match text("type")? {
        "receive" => Direction::In,
        "send" => Direction::Out,
        other => return Err(format!("`{other}` is no type of a message")),
    };
    let said = match message.get("opcode").and_then(Value::as_u64) {
        Some(2) => Said::Binary(BASE64_STANDARD.decode(text("data")?).map_err(|_| "`data` is not Base64")?),
        _ => Said::Text(text("data")?.to_owned()),
    };
    let seconds = message.get("time").and_then(Value::as_f64).unwrap_or_default();
    let span = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default();
    let millis = i64::try_from(span.as_micros().saturating_add(500) / 1000).unwrap_or(i64::MAX);
    Ok(Moment { at: Timestamp::from_millis(millis), what: What::Said(direction, said) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn at(millis: i64, what: What) -> Moment {
        Moment { at: Timestamp::from_millis(1_700_000_000_000 + millis), what }
    }

    fn opened() -> What {
        let response = vec![("Server".into(), "x".into()), ("Set-Cookie".into(), "secret".into())];
        let opened = Opened {
            url: "wss://h/ws?a=1&b".into(),
            status: 101,
            protocol: "http/1.1".into(),
            request: vec![("X-Api-Key".into(), "secret".into())],
            response,
            ..Opened::default()
        };
        What::Opened(Box::new(opened))
    }

    #[test]
    fn the_document_is_whole_after_every_message() {
        let moments = [
            at(0, opened()),
            at(1, What::Said(Direction::Out, Said::Text("h\"i".into()))),
            at(2, What::Said(Direction::In, Said::Ping(vec![]))),
            at(3, What::Said(Direction::In, Said::Binary(vec![0, 255]))),
        ];
        let mut file = Cursor::new(Vec::new());
        let mut har = Har::new(&mut file).unwrap();
        for moment in &moments {
            har.write(moment).unwrap();
            let text = String::from_utf8(har.file.get_ref().clone()).unwrap();
            assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text}");
        }
        let text = String::from_utf8(file.into_inner()).unwrap();
        assert!(!text.contains("secret"), "{text}");
        assert_eq!(read(&text).unwrap(), [moments[1].clone(), moments[3].clone()]);
        let document: Value = serde_json::from_str(&text).unwrap();
        let entry = &document["log"]["entries"][0];
        assert_eq!(
            entry["_webSocketMessages"][1],
            json!({ "type": "receive", "time": 1_700_000_000.003, "opcode": 2, "data": "AP8=" })
        );
        assert_eq!(entry["request"]["headers"], json!([{ "name": "X-Api-Key", "value": "****" }]));
        assert_eq!(
            entry["request"]["queryString"],
            json!([{ "name": "a", "value": "1" }, { "name": "b", "value": "" }])
        );
    }

    #[test]
    fn several_connections_are_several_entries() {
        let mut file = Cursor::new(Vec::new());
        let mut har = Har::new(&mut file).unwrap();
        for moment in [at(0, opened()), at(1, What::Said(Direction::In, Said::Text("a".into()))), at(2, opened())] {
            har.write(&moment).unwrap();
        }
        let document: Value = serde_json::from_slice(file.get_ref()).unwrap();
        assert_eq!(document["log"]["entries"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn what_is_no_har_is_refused() {
        for text in ["", "{}", "{\"log\":{\"entries\":[]}}", "{\"log\":{\"entries\":[{\"_webSocketMessages\":[{}]}]}}"]
        {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
