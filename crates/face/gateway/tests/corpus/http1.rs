//! Ambiguous HTTP/1 requests: refused, or read by a strict upstream in the one form that is written down.

use base64::Engine;

use crate::escape;
use crate::gateway::{Gateway, exchange};

const REFUSED: &str = include_str!("../../../../../tests/corpus/http1/refused.txt");
const PATHS: &str = include_str!("../../../../../tests/corpus/http1/paths.txt");
const CARRIED: &str = include_str!("../../../../../tests/corpus/http1/carried.txt");
const SPELLINGS: &str = include_str!("../../../../../tests/corpus/http1/spellings.txt");

/// What follows every request that must be refused: nobody may ever see it.
const SMUGGLED: &[u8] = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn the_corpus_is_as_large_as_it_says() {
    let count = |text| escape::pairs(text).count();
    let carried = escape::pairs(CARRIED).filter(|(mark, _)| *mark == ">").count();
    let all = count(REFUSED) + count(PATHS) + carried + count(SPELLINGS);
    assert!(all >= 200, "{all}");
    assert!(count(PATHS) >= 50, "{}", count(PATHS));
    assert!(count(SPELLINGS) >= 17, "{}", count(SPELLINGS));
}

#[tokio::test]
async fn what_two_readers_could_frame_differently_reaches_nobody() {
    let gateway = Gateway::open(false).await;
    let mut wrong = Vec::new();
    for (status, request) in escape::pairs(REFUSED) {
        let answer = exchange(gateway.connect_plain().await, &[&request, SMUGGLED].concat()).await;
        let seen = gateway.upstream.take();
        if !is_refusal(&answer, status) || !seen.is_empty() {
            wrong.push(format!("{}\n  expected {status}: {answer}\n  upstream: {seen:?}", request.escape_ascii()));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn an_ambiguous_path_reaches_nobody() {
    let gateway = Gateway::open(false).await;
    let mut wrong = Vec::new();
    for (_, path) in escape::pairs(PATHS) {
        let request = [b"GET ", &path[..], b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"].concat();
        let answer = exchange(gateway.connect_plain().await, &request).await;
        let seen = gateway.upstream.take();
        if !answer.starts_with("HTTP/1.1 400 ") || !seen.is_empty() {
            wrong.push(format!("{}: {answer}\n  upstream: {seen:?}", path.escape_ascii()));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn what_passes_has_exactly_one_form() {
    let gateway = Gateway::open(false).await;
    let mut wrong = Vec::new();
    let mut cases: Vec<(Vec<u8>, Vec<String>)> = Vec::new();
    for (mark, octets) in escape::pairs(CARRIED) {
        match (mark, cases.last_mut()) {
            (">", _) => cases.push((octets, Vec::new())),
            ("<", Some((_, forms))) => forms.push(octets.escape_ascii().to_string()),
            other => panic!("{other:?}"),
        }
    }
    for (request, forms) in cases {
        let answer = exchange(gateway.connect_plain().await, &request).await;
        let seen: Vec<String> = gateway.upstream.take().iter().map(|form| without_ours(form, "http")).collect();
        if seen != forms {
            wrong.push(format!("{}\n  expected {forms:?}\n  upstream {seen:?}\n  {answer}", request.escape_ascii()));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn no_spelling_makes_a_client_someone_else() {
    let gateway = Gateway::guarded().await;
    let ready = gateway.ready();
    let login = format!("demo:{}", ready.password.as_ref().unwrap().reveal_text().unwrap());
    let login = base64::engine::general_purpose::STANDARD.encode(login);
    let mut wrong = Vec::new();
    for (name, lines) in escape::pairs(SPELLINGS) {
        let lines = String::from_utf8(lines).unwrap();
        let common = format!("/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {login}\r\n");
        let request = match name {
            "trailer" => format!("POST {common}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n{lines}\r\n"),
            _ => format!("GET {common}{lines}\r\n"),
        };
        let answer = exchange(gateway.connect(b"http/1.1").await, request.as_bytes()).await;
        let seen: Vec<String> = gateway.upstream.take().iter().map(|form| without_ours(form, "https")).collect();
        let form = match name {
            "trailer" => "POST /|host: localhost|transfer-encoding: chunked|x-gatepost-user: demo||a",
            "connection-only" => "GET /|host: localhost|x-gatepost-user: demo|x-noise: 1||",
            _ => "GET /|host: localhost|x-gatepost-user: demo||",
        };
        if seen != [form] {
            wrong.push(format!("{name} {lines:?}: {seen:?}\n  {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// One answer with this status, and the end of the connection.
fn is_refusal(answer: &str, status: &str) -> bool {
    let head = answer.split("\\r\\n\\r\\n").next().unwrap_or_default();
    answer.starts_with(&format!("HTTP/1.1 {status} "))
        && answer.matches("HTTP/1.1 ").count() == 1
        && head.contains("\\r\\nconnection: close")
}

/// A form without the three fields that the gateway sets, if each stands there once as it must.
pub(crate) fn without_ours(form: &str, proto: &str) -> String {
    let host = form.split('|').find_map(|field| field.strip_prefix("host: ")).unwrap_or_default();
    let ours = [
        "x-forwarded-for: 127.0.0.1|".to_owned(),
        format!("x-forwarded-host: {host}|"),
        format!("x-forwarded-proto: {proto}|"),
    ];
    ours.iter().fold(form.to_owned(), |form, field| form.replacen(field, "", 1))
}
