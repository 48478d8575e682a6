//! HTTP/2 abuses: each ends as the corpus says, reaches the upstream only as it says, and another client
//! is served meanwhile and afterwards.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::frames;
use crate::gateway::{Gateway, exchange};
use crate::http1::without_ours;

const ABUSES: &str = include_str!("../../../../../tests/corpus/http2/abuses.txt");

const CODES: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];

/// The marks that tell our PING from any in a flood.
const MARK: &[u8] = b"the end.";

/// One abuse.
#[derive(Debug, Default)]
struct Case {
    name: &'static str,
    frames: Vec<&'static str>,
    outcome: &'static str,
    forms: Vec<&'static str>,
    /// Set where what reaches the upstream is counted, not compared.
    at_most: Option<usize>,
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in ABUSES.lines().skip_while(|line| !line.is_empty()).filter(|line| !line.is_empty()) {
        let (mark, text) = line.split_once(' ').unwrap();
        let last = cases.last_mut();
        match (mark, last) {
            ("#", _) => cases.push(Case { name: text, ..Case::default() }),
            (">", Some(case)) => case.frames.push(text),
            ("=", Some(case)) => case.outcome = text,
            ("<", Some(case)) => case.forms.push(text),
            ("~", Some(case)) => case.at_most = Some(text.parse().unwrap()),
            other => panic!("{other:?}"),
        }
    }
    // A title has no frames.
    cases.retain(|case| !case.frames.is_empty());
    cases
}

#[test]
fn the_corpus_is_as_large_as_it_says() {
    assert!(cases().len() >= 60, "{}", cases().len());
}

#[tokio::test]
async fn each_abuse_ends_as_it_must_and_others_are_served() {
    let gateway = Gateway::open(true).await;
    let mut wrong = Vec::new();
    for case in cases() {
        let (outcome, other) = tokio::join!(play(&gateway, &case), canary(&gateway));
        let after = canary(&gateway).await;
        let mut seen = gateway.upstream.take();
        seen.retain(|form| !form.starts_with("GET /canary|"));
        let seen: Vec<String> = seen.iter().map(|form| without_ours(form, "https")).collect();
        let reached = match case.at_most {
            Some(most) => seen.len() <= most && !seen.iter().any(|form| form.contains("smuggled")),
            None => seen == case.forms,
        };
        let expected = if case.outcome.contains("stream 501") { "stream REFUSED_STREAM" } else { case.outcome };
        // A flood may be cut before we have heard why: the system throws away what it had still to tell.
        let flood = case.frames.iter().any(|frame| frame.starts_with("TIMES"));
        let ended = outcome == expected || (flood && outcome == "closed" && expected.starts_with("goaway"));
        if !ended || !reached || !other || !after {
            let seen = &seen[..seen.len().min(5)];
            wrong.push(format!("{}: expected {expected}, was {outcome}; others {other} {after}; {seen:?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Whether another client is answered.
async fn canary(gateway: &Gateway) -> bool {
    let request = b"GET /canary HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    exchange(gateway.connect(b"http/1.1").await, request).await.starts_with("HTTP/1.1 200 OK")
}

/// Sends the frames of a case, and says what became of it.
async fn play(gateway: &Gateway, case: &Case) -> String {
    let mut next = 1;
    let mut octets: Vec<u8> = case.frames.iter().flat_map(|line| frames::octets(line, &mut next)).collect();
    if !case.frames[0].starts_with("OCTETS") {
        octets = [frames::opening(), octets].concat();
        octets.extend(frames::frame(6, 0, 0, MARK));
    }
    let subject = match case.frames[0].split(' ').collect::<Vec<_>>()[..] {
        _ if case.outcome.contains("stream 501") => None,
        ["FRAME", _, _, stream, _] | ["HEADERS", stream, ..] => stream.parse().ok(),
        _ => None,
    };
    let (reader, mut writer) = tokio::io::split(gateway.connect(b"h2").await);
    let writing = tokio::spawn(async move {
        let _ = writer.write_all(&octets).await;
        let _ = writer.flush().await;
        writer
    });
    let heard = tokio::time::timeout(Duration::from_secs(20), listen(reader, subject, case.outcome)).await;
    writing.abort();
    heard.unwrap_or_else(|_| "nothing".to_owned())
}

/// Reads until the connection ends, or the subject is answered or reset; where nothing of a stream is
/// waited for, until the mark comes back.
async fn listen(mut reader: ReadHalf<TlsStream<TcpStream>>, subject: Option<u32>, expected: &str) -> String {
    let marked = !expected.starts_with("stream") && !expected.starts_with("status");
    loop {
        let mut head = [0; 9];
        if reader.read_exact(&mut head).await.is_err() {
            return "closed".to_owned();
        }
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let mut payload = vec![0; length];
        if reader.read_exact(&mut payload).await.is_err() {
            return "closed".to_owned();
        }
        let ours = subject.is_none_or(|subject| subject == stream);
        match head[3] {
            1 if ours && !marked => return format!("status {}", frames::status(&payload)),
            3 if ours && !marked => return format!("stream {}", code(&payload)),
            6 if marked && head[4] == 1 && payload == MARK => return "open".to_owned(),
            // NO_ERROR says only that an idle connection is closed in good order.
            7 => return format!("goaway {}", code(&payload[4..])),
            _ => {}
        }
    }
}

fn code(payload: &[u8]) -> &'static str {
    let code = payload.first_chunk().map_or(u32::MAX, |octets| u32::from_be_bytes(*octets));
    usize::try_from(code).ok().and_then(|code| CODES.get(code)).unwrap_or(&"unknown")
}
