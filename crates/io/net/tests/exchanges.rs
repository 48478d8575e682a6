//! The client's HTTP/1.1 exchanges with servers that follow a script.

use std::sync::{Arc, Mutex};

use gatepost_model::url::Origin;
use gatepost_net::body::Body;
use gatepost_net::connection::Connection;
use gatepost_net::dial::{ClientTls, Dialer, Roots};
use gatepost_net::error::NetError;
use gatepost_net::failed::Failed;
use gatepost_net::upgrade::take_response;
use gatepost_testkit::peer::Peer;
use gatepost_testkit::script::Step;
use http::{Method, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

async fn connect(peer: &Peer) -> Connection {
    let origin = Origin::new(false, "127.0.0.1", peer.address().port());
    let tls = ClientTls { roots: Roots::Only(Vec::new()), ..ClientTls::default() };
    Dialer::new(tls, Arc::default()).unwrap().connect(&origin).await.unwrap()
}

fn request(method: Method, peer: &Peer, body: impl Into<Body>) -> Request<Body> {
    Request::builder().method(method).uri(peer.url("/").as_str()).body(body.into()).unwrap()
}

/// Status and body, or why there is none.
async fn fetch(connection: &mut Connection, request: Request<Body>) -> Result<(u16, String), NetError> {
    let answer = connection.send(request).await?;
    let status = answer.status().as_u16();
    let body = answer.into_body().collect(1 << 20).await?;
    Ok((status, String::from_utf8(body.to_vec()).unwrap()))
}

fn ok() -> Result<(u16, String), NetError> {
    Ok((200, "ok".to_owned()))
}

#[tokio::test]
async fn after_a_whole_answer_comes_the_next() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let table = [
        (Method::GET, OK.to_owned(), (200, "ok")),
        (Method::GET, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned(), (200, "")),
        (Method::GET, format!("{chunked}1\r\no\r\n1;x=y\r\nk\r\n0\r\n\r\n"), (200, "ok")),
        (Method::GET, format!("{chunked}2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n"), (200, "ok")),
        (Method::GET, "HTTP/1.1 204 No Content\r\n\r\n".to_owned(), (204, "")),
        (Method::GET, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n".to_owned(), (304, "")),
        (Method::HEAD, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".to_owned(), (200, "")),
        (Method::HEAD, chunked.to_owned(), (200, "")),
        (
            Method::GET,
            format!("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n{OK}"),
            (200, "ok"),
        ),
    ];
    for (method, answer, (status, body)) in table {
        let peer = Peer::start(vec![vec![Step::Head, Step::send(&answer), Step::Head, Step::send(OK)]]).await;
        let mut connection = connect(&peer).await;
        let first = fetch(&mut connection, request(method, &peer, "")).await;
        assert_eq!(first, Ok((status, body.to_owned())), "{answer:?}");
        assert!(connection.is_usable(), "{answer:?}");
        assert_eq!(fetch(&mut connection, request(Method::GET, &peer, "")).await, ok(), "{answer:?}");
        assert_eq!(peer.finish().await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn what_leaves_the_next_answer_in_doubt_closes_the_connection() {
    let broken = |detail: &str| Err(NetError::Protocol { protocol: "http/1.1", detail: detail.to_owned() });
    let head = "HTTP/1.1 200 OK\r\n";
    let table = [
        (format!("{OK}{OK}"), ok()),
        (format!("{OK}\r\n"), ok()),
        (format!("{head}Connection: close\r\nContent-Length: 2\r\n\r\nok"), ok()),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok".to_owned(), ok()),
        ("HTTP/1.1 204 No Content\r\n\r\nok".to_owned(), Ok((204, String::new()))),
        (
            format!("{head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
            broken("ambiguous framing: Content-Length beside Transfer-Encoding"),
        ),
        (
            format!("{head}Content-Length: 2\r\nContent-Length: 2\r\n\r\nok"),
            broken("ambiguous framing: two Content-Length fields"),
        ),
        (
            format!("{head}Content-Length: 2, 2\r\n\r\nok"),
            broken("ambiguous framing: Content-Length is not a plain number"),
        ),
        (format!("{head}Transfer-Encoding: gzip\r\n\r\nok"), broken("the transfer coding is not supported")),
        (
            format!("{head}Transfer-Encoding: chunked\r\n\r\n2 \r\nok\r\n0\r\n\r\n"),
            broken("malformed chunk: its size is not hexadecimal"),
        ),
        (
            format!("{head}Transfer-Encoding: chunked\r\n\r\n2\r\nokX"),
            broken("malformed chunk: its data does not end where its size says"),
        ),
        (format!("{head}A: b\r\n c\r\n\r\n"), broken("malformed header field: a folded line")),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n".to_owned(),
            broken("ambiguous framing: a switch of protocols that was not asked for"),
        ),
        ("HTTP/1.1 100 Continue\r\n\r\n".repeat(17), broken("malformed start line: too many interim answers")),
        (format!("{head}X: {}\r\n\r\n", "y".repeat(70_000)), Err(NetError::HeadTooLarge)),
    ];
    for (answer, expected) in table {
        // The peer waits until we have closed: it is the one that finds out.
        let peer = Peer::start(vec![vec![Step::Head, Step::send(&answer), Step::End]]).await;
        let mut connection = connect(&peer).await;
        let got = fetch(&mut connection, request(Method::GET, &peer, "")).await;
        let shown = answer.get(..answer.len().min(200));
        assert_eq!(got, expected, "{shown:?}");
        while connection.is_usable() {
            tokio::task::yield_now().await;
        }
        assert!(connection.is_closed(), "{shown:?}");
        let again = connection.try_send(request(Method::GET, &peer, "")).await.unwrap_err();
        assert!(matches!(again, Failed { error: NetError::Unsent, unsent: Some(_) }), "{shown:?}");
        let _ = peer.finish().await;
    }
}

#[tokio::test]
async fn a_short_answer_is_never_whole() {
    let cut = Err(NetError::ClosedEarly { what: "the answer" });
    let table = [
        ("HTTP/1.1 200 OK\r\n\r\nok", ok()),
        ("HTTP/1.0 200 OK\r\n\r\nok", ok()),
        ("", cut.clone()),
        ("HTTP/1.1 200 OK\r\nContent-Le", cut.clone()),
        ("HTTP/1.1 100 Continue\r\n\r\n", cut.clone()),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", cut.clone()),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", cut.clone()),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n", cut),
    ];
    for (answer, expected) in table {
        let peer = Peer::start(vec![vec![Step::Head, Step::send(answer), Step::Close, Step::End]]).await;
        let mut connection = connect(&peer).await;
        assert_eq!(fetch(&mut connection, request(Method::GET, &peer, "")).await, expected, "{answer:?}");
        assert!(!connection.is_usable(), "{answer:?}");
        assert_eq!(peer.finish().await.unwrap().len(), 1, "{answer:?}");
    }
}

#[tokio::test]
async fn the_connection_comes_back_with_the_end_of_the_answer() {
    let script = vec![Step::Head, Step::send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no"), Step::Head];
    let peer = Peer::start(vec![[script, vec![Step::send(OK)]].concat()]).await;
    let connection = connect(&peer).await;
    let place = Arc::new(Mutex::new(None));
    let kept = Arc::clone(&place);
    let put = Arc::new(move |connection| *kept.lock().unwrap() = Some(connection));
    let answer = connection.try_send_returning(request(Method::GET, &peer, ""), put).await.unwrap();
    assert!(place.lock().unwrap().is_none());
    drop(answer);
    assert!(place.lock().unwrap().is_none());
    // It is closed, not returned: the peer waits for a head that does not come.
    assert!(peer.finish().await.is_err());

    let peer = Peer::start(vec![vec![Step::Head, Step::send(OK), Step::Head, Step::send(OK)]]).await;
    let (connection, kept) = (connect(&peer).await, Arc::clone(&place));
    let put = Arc::new(move |connection| *kept.lock().unwrap() = Some(connection));
    let answer = connection.try_send_returning(request(Method::GET, &peer, ""), put).await.unwrap();
    assert_eq!(answer.into_body().collect(9).await.unwrap(), "ok");
    let mut connection = place.lock().unwrap().take().unwrap();
    assert_eq!(fetch(&mut connection, request(Method::GET, &peer, "")).await, ok());
}

#[tokio::test]
async fn whoever_gives_up_closes_the_connection() {
    let peer = Peer::start(vec![vec![Step::Head, Step::End]]).await;
    let mut connection = connect(&peer).await;
    tokio::select! {
        biased;
        _ = connection.send(request(Method::GET, &peer, "")) => panic!("there is no answer"),
        () = tokio::task::yield_now() => {}
    }
    assert!(connection.is_closed());
    assert_eq!(peer.finish().await.unwrap()[0][1], b"");
}

#[tokio::test]
async fn an_answer_may_come_before_the_request_is_whole() {
    let early = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n";
    let rest = "2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n";
    let script =
        vec![Step::Head, Step::send(early), Step::expect(rest), Step::send("done"), Step::Head, Step::send(OK)];
    let peer = Peer::start(vec![script]).await;
    let mut connection = connect(&peer).await;
    let (feed, body) = Body::channel(4);
    let answer = connection.send(request(Method::POST, &peer, body)).await.unwrap();
    for piece in ["ab", "cde"] {
        feed.send(piece).await.unwrap();
    }
    feed.finish().await.unwrap();
    assert_eq!(answer.into_body().collect(9).await.unwrap(), "done");
    assert_eq!(fetch(&mut connection, request(Method::GET, &peer, "")).await, ok());
    peer.finish().await.unwrap();

    // An answer that ends first ends the exchange, and the connection.
    let peer = Peer::start(vec![vec![Step::Head, Step::send(OK), Step::End]]).await;
    let mut connection = connect(&peer).await;
    let (feed, body) = Body::channel(4);
    assert_eq!(fetch(&mut connection, request(Method::POST, &peer, body)).await, ok());
    assert!(connection.is_closed());
    assert!(feed.send("late").await.is_err());
    peer.finish().await.unwrap();
}

#[tokio::test]
async fn a_body_that_breaks_off_never_looks_whole_to_the_server() {
    let gone = NetError::BodySource { detail: "gone".to_owned() };
    for begun in [false, true] {
        let said = if begun { "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" } else { "" };
        let peer = Peer::start(vec![vec![Step::Head, Step::expect("2\r\nab\r\n"), Step::send(said), Step::End]]).await;
        let mut connection = connect(&peer).await;
        let (feed, body) = Body::channel(4);
        feed.send("ab").await.unwrap();
        let asking = request(Method::POST, &peer, body);
        let error = if begun {
            let answer = connection.send(asking).await.unwrap();
            feed.fail(gone.clone()).await.unwrap();
            answer.into_body().collect(9).await.unwrap_err()
        } else {
            feed.fail(gone.clone()).await.unwrap();
            connection.send(asking).await.unwrap_err()
        };
        assert_eq!(error, gone, "{begun}");
        assert!(connection.is_closed(), "{begun}");
        assert_eq!(peer.finish().await.unwrap()[0][2], b"", "{begun}");
    }
}

#[tokio::test]
async fn a_body_waits_for_the_servers_leave() {
    let accepted = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
    let refused = "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno";
    let table = [
        (vec![Step::send("HTTP/1.1 100 Continue\r\n\r\n"), Step::expect("body"), Step::send(OK)], ok(), true),
        (vec![Step::send(accepted), Step::expect("body"), Step::send("ok")], ok(), true),
        (vec![Step::send(refused), Step::End], Ok((417, "no".to_owned())), false),
    ];
    for (script, expected, usable) in table {
        let last = if usable { vec![Step::Head] } else { Vec::new() };
        let peer = Peer::start(vec![[vec![Step::Head], script, last].concat()]).await;
        let mut connection = connect(&peer).await;
        let mut asking = request(Method::PUT, &peer, "body");
        asking.headers_mut().insert("expect", "100-continue".parse().unwrap());
        assert_eq!(fetch(&mut connection, asking).await, expected);
        assert_eq!(connection.is_usable(), usable);
        if usable {
            connection.send(request(Method::GET, &peer, "")).await.unwrap_err();
        }
        let seen = peer.finish().await.unwrap();
        assert!(usable || seen[0][1].is_empty(), "the body went out all the same");
    }
}

#[tokio::test]
async fn a_stale_connection_gives_the_request_back_whole() {
    let peer =
        Peer::start(vec![vec![Step::Head, Step::send(OK)], vec![Step::expect("POST"), Step::Head, Step::send(OK)]]);
    let peer = peer.await;
    let mut connection = connect(&peer).await;
    assert_eq!(fetch(&mut connection, request(Method::GET, &peer, "")).await, ok());
    // The script is over, so the peer closes.
    while connection.is_usable() {
        tokio::task::yield_now().await;
    }
    let failed = connection.try_send(request(Method::POST, &peer, "body")).await.unwrap_err();
    assert_eq!(failed.error, NetError::Unsent);
    let again = *failed.unsent.unwrap();
    assert_eq!((again.uri().to_string(), again.headers().len()), (peer.url("/").to_string(), 0));
    assert_eq!(fetch(&mut connect(&peer).await, again).await, ok());
    peer.finish().await.unwrap();
}

#[tokio::test]
async fn what_was_read_behind_a_101_belongs_to_the_new_protocol() {
    let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello";
    let peer = Peer::start(vec![vec![Step::Head, Step::send(switch), Step::expect("world"), Step::send("!")]]).await;
    let mut connection = connect(&peer).await;
    let mut asking = request(Method::GET, &peer, "");
    asking.headers_mut().insert("connection", "upgrade".parse().unwrap());
    asking.headers_mut().insert("upgrade", "x".parse().unwrap());
    let mut answer = connection.send(asking).await.unwrap();
    assert_eq!(answer.status(), 101);
    assert!(connection.is_closed());
    let mut stream = take_response(&mut answer).unwrap().await.unwrap();
    stream.write_all(b"world").await.unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "hello!");
}
