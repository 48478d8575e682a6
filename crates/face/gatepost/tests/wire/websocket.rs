//! WebSockets from session to server over real TLS, HTTP/1.1 and HTTP/2: proved, refused, agreed on.

use std::sync::Arc;
use std::time::Duration;

use crate::house::{House, PASSWORD, text};
use gatepost::auth::jose::algorithm::Algorithm;
use gatepost::auth::jose::jwk::KeySet;
use gatepost::auth::jose::jwt::{Claims, issue};
use gatepost::auth::jose::signing::SigningKey;
use gatepost::client::lane::Over;
use gatepost::clock;
use gatepost::model::credential::Credential;
use gatepost::model::event::Event;
use gatepost::model::fault::{Blame, Fault};
use gatepost::model::secret::Secret;
use gatepost::policy::transport::TransportRules;
use gatepost::server::keys::{KeySource, Keys};
use gatepost::ws::close::CloseCode;
use gatepost::ws::deflate::config::Config;
use gatepost::ws::error::WsError;
use gatepost::ws::message::Message;
use gatepost::{Error, Session};
use gatepost_testkit::peer::Peer;
use gatepost_testkit::script::Step;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const BOTH: [(Over, &str, &str, u16); 2] =
    [(Over::Http1, "http/1.1", "ali GET HTTP/1.1", 101), (Over::Http2, "h2", "ali CONNECT HTTP/2.0", 200)];

fn key() -> SigningKey {
    let secret = Secret::new(b"a key of thirty-two octets or so".to_vec());
    SigningKey::from_secret(Algorithm::Hs256, Some("one".into()), &secret).unwrap()
}

/// A house of each scheme, and a credential for it.
async fn houses() -> Vec<(House, Credential)> {
    let keys = KeySet::new(vec![key().verification_key().clone()]);
    let token = issue(&key(), &Claims::new("ali", clock::now(), Duration::from_secs(3600))).unwrap();
    let login = || Credential::login("ali", PASSWORD);
    vec![
        (House::open(&["Basic"], Keys::none()).await, login()),
        (House::open(&["Digest"], Keys::none()).await, login()),
        (House::open(&["WSSE"], Keys::none()).await, login()),
        (House::open(&["Bearer"], Keys::new(KeySource::Fixed(Arc::new(keys)))).await, Credential::token(token.value)),
    ]
}

fn statuses(house: &House) -> Vec<u16> {
    let seen = house.events.lock().unwrap();
    let status = |event: &Event| match event {
        Event::Answered { status, .. } => Some(*status),
        _ => None,
    };
    seen.iter().filter_map(status).collect()
}

fn wss(house: &House, path: &str) -> String {
    house.url(path).replacen("https", "wss", 1)
}

#[tokio::test]
async fn a_challenge_is_answered_within_the_upgrade_whatever_the_scheme_and_the_version() {
    for (over, protocol, greeting, status) in BOTH {
        for (house, credential) in houses().await {
            let session = house.session().build().unwrap();
            let asked = session.websocket(&wss(&house, "/talk")).credential(credential).version(over);
            let mut opened = asked.connect().await.unwrap();
            assert_eq!((opened.info.status.as_u16(), opened.info.protocol), (status, protocol));
            assert_eq!(opened.info.tls, Some("TLSv1.3"));
            assert_eq!(opened.socket.receive().await.unwrap(), Some(Message::from(greeting)));
            for text in ["one", "two"] {
                opened.socket.send(text.into()).await.unwrap();
                assert_eq!(opened.socket.receive().await.unwrap(), Some(Message::from(text)));
            }
            opened.socket.close(CloseCode::NORMAL, "").await.unwrap();
            assert_eq!(opened.socket.receive().await.unwrap(), None);
            assert_eq!(statuses(&house), [401, status]);
        }
    }
}

#[tokio::test]
async fn many_go_over_one_connection_of_http2_that_is_open() {
    let house = House::open(&["Basic"], Keys::none()).await;
    let session = house.session().credential(Credential::login("ali", PASSWORD)).build().unwrap();
    let first = session.websocket(&wss(&house, "/")).connect().await.unwrap();
    assert_eq!(first.info.protocol, "http/1.1", "there was none");
    assert_eq!(text(session.get(&house.url("/")).send().await.unwrap()).await, "ali GET / 0");
    let mut open = Vec::new();
    for _ in 0..3 {
        let opened = session.websocket(&wss(&house, "/")).connect().await.unwrap();
        assert_eq!(opened.info.protocol, "h2");
        open.push(opened.socket);
    }
    for socket in &mut open {
        assert_eq!(socket.receive().await.unwrap(), Some(Message::from("ali CONNECT HTTP/2.0")));
        socket.send("x".repeat(1 << 20).into()).await.unwrap();
        assert_eq!(socket.receive().await.unwrap().unwrap().len(), 1 << 20);
    }
    assert_eq!(text(session.get(&house.url("/")).send().await.unwrap()).await, "ali GET / 0");
}

#[tokio::test]
async fn a_refusal_carries_all_that_the_server_said() {
    let house = House::open(&["WSSE", "Basic"], Keys::none()).await;
    let session = house.session().build().unwrap();
    for (over, ..) in BOTH {
        let error = session.websocket(&wss(&house, "/")).version(over).connect().await.unwrap_err();
        let refusal = error.refusal().unwrap();
        assert_eq!((refusal.status.as_u16(), refusal.truncated), (401, false));
        assert_eq!(refusal.body, "401 say who you are: see WWW-Authenticate\n");
        let schemes: Vec<&str> = refusal.challenges.iter().map(|challenge| challenge.scheme.as_str()).collect();
        assert_eq!(schemes, ["WSSE", "Basic"]);
        assert!(error.is_auth() && error.hint().unwrap().contains("WSSE, Basic"));
        assert_eq!((error.blame(), error.code()), (Blame::Peer, "GP-CORE-007"));
    }
}

#[tokio::test]
async fn subprotocols_compression_and_origins_are_agreed_on() {
    let house = House::open(&["Basic"], Keys::none()).await;
    let session = house.session().credential(Credential::login("ali", PASSWORD)).build().unwrap();
    let ask = || session.websocket(&wss(&house, "/"));
    for (over, ..) in BOTH {
        let chosen = ask().version(over).subprotocol("soap").subprotocol("chat").subprotocol("chat.v2");
        let mut opened = chosen.deflate(Config::default()).origin("https://house.example").connect().await.unwrap();
        assert_eq!(opened.info.subprotocol.as_deref(), Some("chat.v2"), "the best of the server");
        assert!(opened.info.deflate.is_some());
        let long = "It goes on. ".repeat(1000);
        opened.socket.send(long.as_str().into()).await.unwrap();
        let _greeting = opened.socket.receive().await.unwrap();
        assert_eq!(opened.socket.receive().await.unwrap(), Some(Message::from(long)));

        let error = ask().version(over).subprotocol("soap").connect().await.unwrap_err();
        let refusal = error.refusal().unwrap();
        assert_eq!((refusal.status.as_u16(), &refusal.subprotocols[..]), (400, &["chat.v2".into(), "chat".into()][..]));
        assert!(error.hint().unwrap().ends_with("chat.v2, chat"));

        let error = ask().version(over).origin("https://evil.example").connect().await.unwrap_err();
        assert_eq!(error.refusal().unwrap().status, 403);
    }
}

#[tokio::test]
async fn octets_pass_as_a_stream() {
    let house = House::open(&["Basic"], Keys::none()).await;
    let session = house.session().credential(Credential::login("ali", PASSWORD)).build().unwrap();
    for (over, ..) in BOTH {
        let opened = session.websocket(&wss(&house, "/")).version(over).connect_duplex().await.unwrap();
        let mut stream = opened.socket;
        // A Close without a code, and its answer after the greeting.
        stream.write_all(&[0x88, 0x80, 0, 0, 0, 0]).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.unwrap();
        assert!(heard.starts_with(&[0x81]) && heard.ends_with(&[0x88, 0]), "{heard:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_said_before_anything_is_sent() {
    let session = Session::builder().build().unwrap();
    let ask = |url| session.websocket(url);
    let https = "wss://127.0.0.1:1/";
    let table = [
        (ask("ws://127.0.0.1:1/"), true),
        (ask("ftp://127.0.0.1:1/"), false),
        (ask(https).header("Sec-WebSocket-Key", "x"), false),
        (ask(https).header("connection", "x"), false),
        (ask(https).header("Upgrade", "x"), false),
        (ask(https).header("Host", "x"), false),
        (ask(https).header("x", "a\nb"), false),
        (ask(https).origin("\n"), false),
        (ask(https).subprotocol("a").subprotocol("a"), false),
    ];
    for (asked, denied) in table {
        let error = asked.connect().await.map(drop).unwrap_err();
        assert_eq!((error.is_denied(), error.blame()), (denied, Blame::Caller), "{error}");
    }
}

/// A session that may go anywhere in the clear.
fn plain() -> Session {
    let rules = TransportRules { allow_plain: true, ..TransportRules::default() };
    Session::builder().transport(rules).build().unwrap()
}

#[tokio::test]
async fn redirects_are_not_followed_and_a_false_proof_opens_nothing() {
    let redirect = "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n";
    let forged = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let ask = async |answer: &str| {
        let peer = Peer::start(vec![vec![Step::Head, Step::send(answer)]]).await;
        let error = plain().websocket(peer.url("/").as_str()).connect().await.map(drop).unwrap_err();
        let seen = String::from_utf8(peer.finish().await.unwrap()[0][0].clone()).unwrap();
        assert!(seen.starts_with("GET / HTTP/1.1\r\n") && seen.contains("sec-websocket-version: 13\r\n"), "{seen}");
        error
    };
    let error: Error = ask(redirect).await;
    assert_eq!(error.refusal().unwrap().headers["location"], "/elsewhere");
    let error: Error = ask(forged).await;
    assert_eq!(error.websocket(), Some(&WsError::Answer("the proof does not fit the key")));
}

#[tokio::test]
async fn a_long_refusal_is_cut() {
    let body = "x".repeat(100_000);
    let answer = format!("HTTP/1.1 503 Busy\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let peer = Peer::start(vec![vec![Step::Head, Step::send(&answer)]]).await;
    let error = plain().websocket(peer.url("/").as_str()).connect().await.map(drop).unwrap_err();
    let refusal = error.refusal().unwrap();
    assert_eq!((refusal.body.len(), refusal.truncated), (64 * 1024, true));
}
