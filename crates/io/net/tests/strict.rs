//! The HTTP/1.1 driver on real sockets, octet for octet: what reaches a handler, and what is said.

#[path = "../../../../tests/corpus/escape.rs"]
mod escape;
mod world;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gatepost_model::limits::Limits;
use gatepost_net::body::Body;
use gatepost_net::handler::Peer;
use gatepost_net::upgrade::take_request;
use http::{Request, Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use world::{Site, plain_site};

/// Requests as they reached the handler: `METHOD uri body`.
type Record = Arc<Mutex<Vec<String>>>;

/// A site that notes each request with its body and answers with the path.
fn recording(limits: Limits) -> (Site, Record) {
    let record = Record::default();
    let seen = Arc::clone(&record);
    let handler = move |request: Request<Body>, _: Arc<Peer>| {
        let seen = Arc::clone(&seen);
        async move {
            let (parts, body) = request.into_parts();
            let body = match body.collect(1 << 20).await {
                Ok(body) => body.escape_ascii().to_string(),
                Err(error) => format!("({error})"),
            };
            seen.lock().unwrap().push(format!("{} {} {body}", parts.method, parts.uri));
            Response::new(parts.uri.path().to_owned().into())
        }
    };
    (plain_site(handler, limits), record)
}

/// Sends `octets`, says that this was all, and reads to the end.
async fn exchange(site: &Site, octets: &[u8]) -> String {
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    stream.write_all(octets).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    without_dates(&answer)
}

/// The answer without its Date fields, line ends as `|`.
fn without_dates(answer: &[u8]) -> String {
    let lines = answer.escape_ascii().to_string().replace("\\r\\n", "|");
    lines.split('|').filter(|line| !line.starts_with("date: ")).collect::<Vec<_>>().join("|")
}

/// Reads until `end` was read.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(end.as_bytes()) {
        answer.push(stream.read_u8().await.unwrap());
    }
    without_dates(&answer)
}

#[tokio::test]
async fn no_ambiguous_request_reaches_a_handler() {
    let (site, record) = recording(Limits::default());
    for (status, request) in escape::pairs(include_str!("../../../../tests/corpus/http1/refused.txt")) {
        let line = request.escape_ascii().to_string();
        let octets = [request, b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n".to_vec()].concat();
        let answer = exchange(&site, &octets).await;
        let seen = std::mem::take(&mut *record.lock().unwrap());
        assert!(!seen.iter().any(|request| request.contains("/smuggled")), "{line}: {seen:?}");
        // A fault in the body is the handler's to answer; any before is ours.
        match seen.as_slice() {
            [] => assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{line}: {answer}"),
            [one] => assert!(one.starts_with("POST / (the body cannot be produced: malformed "), "{line}: {one}"),
            more => panic!("{line}: {more:?}"),
        }
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{line}: {answer}");
        assert!(answer.contains("|connection: close|"), "{line}: {answer}");
    }
}

#[tokio::test]
async fn a_refusal_names_the_fault() {
    let (site, _) = recording(Limits::default());
    let answer = exchange(&site, b"GET / HTTP/1.1\r\n\r\n").await;
    let head =
        "HTTP/1.1 400 Bad Request|content-type: text/plain; charset=utf-8|content-length: 24|connection: close||";
    assert_eq!(answer, format!("{head}bad host: it is missing\\n"));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let (site, record) = recording(Limits::default());
    let octets = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n\
        POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\
        POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nGET\r\n0\r\n\r\n\
        HEAD /d HTTP/1.1\r\nHost: a\r\n\r\n\
        GET http://a/e HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /f HTTP/1.1\r\nHost: a\r\n\r\n";
    let answer = exchange(&site, octets).await;
    let ok = |path: &str| format!("HTTP/1.1 200 OK|content-length: 2||{path}");
    let last = "HTTP/1.1 200 OK|content-length: 2|connection: close||/e";
    let head = "HTTP/1.1 200 OK|content-length: 2||";
    assert_eq!(answer, [&ok("/a"), &ok("/b"), &ok("/c"), head, last].concat());
    assert_eq!(*record.lock().unwrap(), ["GET /a ", "POST /b abc", "POST /c GET", "HEAD /d ", "GET http://a/e "]);
}

#[tokio::test]
async fn an_old_client_gets_an_end_it_understands() {
    let streams = |request: Request<Body>, _: Arc<Peer>| async move {
        if request.uri().path() == "/whole" {
            return Response::new("whole".into());
        }
        let (sender, body) = Body::channel(1);
        tokio::spawn(async move {
            sender.send("par").await.unwrap();
            sender.send("ts").await.unwrap();
            sender.finish().await.unwrap();
        });
        Response::new(body)
    };
    let site = plain_site(streams, Limits::default());
    let table = [
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "HTTP/1.1 200 OK|connection: close||parts"),
        ("GET /whole HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK|content-length: 5|connection: close||whole"),
        (
            "GET /whole HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            "HTTP/1.1 200 OK|content-length: 5|connection: keep-alive||whole",
        ),
    ];
    for (octets, answer) in table {
        assert_eq!(exchange(&site, octets.as_bytes()).await, answer);
    }
    let chunked = exchange(&site, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let (head, body) = chunked.split_once("||").unwrap();
    assert_eq!(head, "HTTP/1.1 200 OK|transfer-encoding: chunked");
    assert_eq!(body, "3|par|2|ts|0||");
}

#[tokio::test]
async fn a_continue_is_said_when_the_body_is_wanted() {
    let (site, record) = recording(Limits::default());
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    let head = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head).await.unwrap();
    assert_eq!(read_until(&mut stream, "\r\n\r\n").await, "HTTP/1.1 100 Continue||");
    stream.write_all(b"abc").await.unwrap();
    assert_eq!(read_until(&mut stream, "/a").await, "HTTP/1.1 200 OK|content-length: 2||/a");
    assert_eq!(*record.lock().unwrap(), ["POST /a abc"]);
}

#[tokio::test]
async fn a_continue_is_said_for_an_echo_too() {
    let echo = |request: Request<Body>, _: Arc<Peer>| async move { Response::new(request.into_body()) };
    let site = plain_site(echo, Limits::default());
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    let head = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head).await.unwrap();
    assert_eq!(read_until(&mut stream, "\r\n\r\n").await, "HTTP/1.1 100 Continue||");
    stream.write_all(b"abc").await.unwrap();
    assert_eq!(read_until(&mut stream, "abc").await, "HTTP/1.1 200 OK|content-length: 3||abc");
}

#[tokio::test]
async fn an_early_answer_never_turns_a_body_into_a_request() {
    let refuse = |request: Request<Body>, _: Arc<Peer>| async move {
        let status = if request.uri().path() == "/in" { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
        Response::builder().status(status).body(Body::empty()).unwrap()
    };
    let site = plain_site(refuse, Limits::default());
    let no = "HTTP/1.1 401 Unauthorized|content-length: 0|";
    let yes = "HTTP/1.1 200 OK|content-length: 0||";
    let inner = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
    let sized =
        |length: usize, more: &str| format!("POST /in HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n{more}\r\n");
    let table = [
        // A small body is skipped, and the connection goes on.
        (format!("{}{inner}{next}", sized(inner.len(), "")), format!("{no}|{yes}")),
        // A large one is not waited for.
        (format!("{}{}", sized(1 << 20, ""), inner.repeat(10)), format!("{no}connection: close||")),
        // A client that waits for 100 may send its body or not: nobody can tell.
        (format!("{}{inner}", sized(inner.len(), "Expect: 100-continue\r\n")), format!("{no}connection: close||")),
        // A broken body ends the connection.
        (format!("POST /in HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n{inner}"), format!("{no}|")),
    ];
    for (octets, answer) in table {
        assert_eq!(exchange(&site, octets.as_bytes()).await, answer, "{octets}");
    }
}

#[tokio::test]
async fn a_switch_hands_over_what_was_sent_already() {
    let switch = |mut request: Request<Body>, _: Arc<Peer>| async move {
        let (Some(upgrade), "/yes") = (take_request(&mut request), request.uri().path()) else {
            return Response::new(request.uri().path().to_owned().into());
        };
        tokio::spawn(async move {
            let mut stream = upgrade.await.unwrap();
            let mut said = Vec::new();
            stream.read_to_end(&mut said).await.unwrap();
            stream.write_all(&said).await.unwrap();
            stream.shutdown().await.unwrap();
        });
        let builder = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
        builder.header("connection", "upgrade").header("upgrade", "echo").body(Body::empty()).unwrap()
    };
    let site = plain_site(switch, Limits::default());
    let asking = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    let granted = exchange(&site, format!("{}hello", asking("/yes")).as_bytes()).await;
    let head = "HTTP/1.1 101 Switching Protocols|upgrade: echo|connection: upgrade||";
    assert_eq!(granted, format!("{head}hello"));
    // Without a 101 what follows is a request, and judged as one.
    let refused = exchange(&site, format!("{}GET /b HTTP/1.1\r\n\r\n", asking("/no")).as_bytes()).await;
    assert!(refused.starts_with("HTTP/1.1 200 OK|content-length: 3||/noHTTP/1.1 400 Bad Request|"), "{refused}");
    // Upgrade without its Connection option, with a body, or in HTTP/1.0 asks for nothing.
    for octets in [
        "GET /yes HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\n\r\n",
        "GET /yes HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\nContent-Length: 1\r\n\r\nx",
        "GET /yes HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n",
    ] {
        assert!(exchange(&site, octets.as_bytes()).await.starts_with("HTTP/1.1 200 OK|"), "{octets}");
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_sent_is_500() {
    let wrong = |_: Request<Body>, _: Arc<Peer>| async {
        Response::builder().header("content-length", "3").body(Body::from("four")).unwrap()
    };
    let site = plain_site(wrong, Limits::default());
    let answer = exchange(&site, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 500 Internal Server Error|"), "{answer}");
    assert!(answer.ends_with("|connection: close||the answer cannot be sent\\n"), "{answer}");
}

#[tokio::test]
async fn a_body_that_stops_fails_in_the_handlers_hands() {
    let limits = Limits { body_time: Duration::from_millis(50), ..Limits::default() };
    let (site, record) = recording(limits);
    let octets = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc";
    let answer = exchange(&site, octets).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK|").count(), 1, "{answer}");
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    stream.write_all(octets).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
    let early = "POST /a (the connection closed before the request was complete)";
    let late = "POST /a (waited 0.050 s for the next part of the body, not longer)";
    assert_eq!(*record.lock().unwrap(), [early, late]);
}

#[tokio::test]
async fn a_drain_ends_the_connection_after_the_answer_in_hand() {
    let (entered, leave) = (Arc::new(tokio::sync::Semaphore::new(0)), Arc::new(tokio::sync::Semaphore::new(0)));
    let (at_door, may_go) = (Arc::clone(&entered), Arc::clone(&leave));
    let slow = move |_: Request<Body>, _: Arc<Peer>| {
        let (entered, leave) = (Arc::clone(&at_door), Arc::clone(&may_go));
        async move {
            entered.add_permits(1);
            leave.acquire().await.unwrap().forget();
            Response::new(Body::empty())
        }
    };
    let site = plain_site(slow, Limits::default());
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    entered.acquire().await.unwrap().forget();
    site.drain.start();
    leave.add_permits(2);
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(without_dates(&answer), "HTTP/1.1 200 OK|content-length: 0|connection: close||");
}
