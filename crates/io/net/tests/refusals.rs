//! What is refused, by whom, and in which words.

mod world;

use std::sync::Arc;
use std::time::Duration;

use gatepost_model::fault::{Blame, Fault};
use gatepost_model::limits::Limits;
use gatepost_net::body::Body;
use gatepost_net::dial::{ClientTls, Dialer};
use gatepost_net::error::{NetError, Wait};
use gatepost_net::handler::Peer;
use gatepost_net::listen::Listener;
use gatepost_tls::bindings::Bindings;
use gatepost_tls::error::TlsError;
use gatepost_tls::server::ServerRules;
use gatepost_tls::verify::flaw::Flaw;
use gatepost_tls::version::TlsVersion;
use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use world::{authority, bindings, dialer, localhost, named_authority, plain_site, tls_site, trusting};

async fn ok(_: Request<Body>, _: Arc<Peer>) -> Response<Body> {
    Response::new(Body::empty())
}

/// What is wrong with the certificates of `peer`, all of it.
fn flaws(error: &NetError, peer: &str) -> Vec<Flaw> {
    let NetError::Tls { peer: named, reason: TlsError::Certificate(judgement) } = error else { panic!("{error}") };
    assert_eq!(named, peer);
    judgement.flaws().iter().collect()
}

#[tokio::test]
async fn an_unknown_authority_is_named() {
    let site = localhost(&authority(), ok, Limits::default());
    let (peer, namesake) = (site.origin("localhost").authority(), authority());
    let error = dialer(trusting(&namesake)).connect(&site.origin("localhost")).await.unwrap_err();
    assert_eq!(flaws(&error, &peer), [Flaw::BadSignature]);
    let other = named_authority("Other authority");
    let error = dialer(trusting(&other)).connect(&site.origin("localhost")).await.unwrap_err();
    assert_eq!(flaws(&error, &peer), [Flaw::Untrusted]);
    assert_eq!((error.blame(), error.code()), (Blame::Peer, "GP-TLS-003"));
    assert_eq!(error.hint().unwrap(), "if you trust that authority, name its certificate with `--ca FILE`");
}

#[tokio::test]
async fn another_name_is_named() {
    let authority = authority();
    let table = bindings(&authority, "127.0.0.1:0", &["localhost", "10.1.2.3"]);
    let site = tls_site(&ServerRules::default(), Arc::new(Bindings::new(table)), ok, Limits::default());
    let error = dialer(trusting(&authority)).connect(&site.origin("127.0.0.1")).await.unwrap_err();
    assert_eq!(flaws(&error, &site.origin("127.0.0.1").authority()), [Flaw::WrongName]);
    let words = "the certificate is not valid for 127.0.0.1; it is valid for localhost, 10.1.2.3";
    assert!(error.to_string().ends_with(words), "{error}");
}

#[tokio::test]
async fn a_name_that_is_not_bound_is_refused() {
    let authority = authority();
    let table = bindings(&authority, "other.example:0", &["other.example", "localhost"]);
    let site = tls_site(&ServerRules::default(), Arc::new(Bindings::new(table)), ok, Limits::default());
    let error = dialer(trusting(&authority)).connect(&site.origin("localhost")).await.unwrap_err();
    let reason = TlsError::Refused { alert: "AccessDenied".into() };
    assert_eq!(error, NetError::Tls { peer: site.origin("localhost").authority(), reason });
}

#[tokio::test]
async fn an_old_version_is_refused() {
    let authority = authority();
    let table = bindings(&authority, "localhost:0", &["localhost"]);
    let rules = ServerRules { min: TlsVersion::V1_3, ..ServerRules::default() };
    let site = tls_site(&rules, Arc::new(Bindings::new(table)), ok, Limits::default());
    let old = ClientTls { max: TlsVersion::V1_2, ..trusting(&authority) };
    let error = dialer(old).connect(&site.origin("localhost")).await.unwrap_err();
    let reason = TlsError::Refused { alert: "ProtocolVersion".into() };
    assert_eq!(error, NetError::Tls { peer: site.origin("localhost").authority(), reason });
}

#[tokio::test]
async fn a_head_beyond_its_limit_is_431() {
    let authority = authority();
    let limits = Limits { head_bytes: 16 * 1024, head_fields: 20, ..Limits::default() };
    let site = localhost(&authority, ok, limits);
    let dialer = dialer(trusting(&authority));
    let wide = || Request::get(site.uri("/")).header("x", "y".repeat(17 * 1024)).body(Body::empty()).unwrap();
    let many = || {
        let builder = (0..30).fold(Request::get(site.uri("/")), |builder, i| builder.header(format!("x-{i}"), "y"));
        builder.body(Body::empty()).unwrap()
    };
    for request in [wide(), many()] {
        let mut connection = dialer.connect_http1(&site.origin("localhost")).await.unwrap();
        assert_eq!(connection.send(request).await.unwrap().status(), 431);
    }
    let mut connection = dialer.connect(&site.origin("localhost")).await.unwrap();
    assert_eq!(connection.send(wide()).await.unwrap().status(), 431);
    assert_eq!(connection.send(many()).await.unwrap().status(), 431);
}

#[tokio::test]
async fn a_body_beyond_its_limit_fails_in_the_handlers_hands() {
    let size = |request: Request<Body>, _: Arc<Peer>| async move {
        match request.into_body().collect(usize::MAX).await {
            Ok(body) => Response::new(body.len().to_string().into()),
            Err(error) => Response::new(error.to_string().into()),
        }
    };
    let site = plain_site(size, Limits { body_bytes: Some(8), ..Limits::default() });
    let mut connection = dialer(ClientTls::default()).connect(&site.origin("127.0.0.1")).await.unwrap();
    let table = [("12345678", "8"), ("123456789", "the body is larger than the limit of 8 octets")];
    for (body, answer) in table {
        let request = Request::post(site.uri("/")).body(Body::from(body)).unwrap();
        let got = connection.send(request).await.unwrap().into_body().collect(100).await.unwrap();
        assert_eq!(got, answer);
    }
}

#[tokio::test]
async fn plain_http_to_a_tls_port_hears_where_it_is() {
    let site = localhost(&authority(), ok, Limits::default());
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{answer}");
    assert_eq!(body, "This is a TLS port: use https:// instead of http://");
}

#[tokio::test]
async fn whoever_says_nothing_is_let_go() {
    let brief = Duration::from_millis(50);
    let limits = || Limits { handshake_time: brief, head_time: brief, ..Limits::default() };
    let half = "GET / HTTP/1.1\r\nHost: ";
    let sites = [(localhost(&authority(), ok, limits()), "", ""), (plain_site(ok, limits()), half, "HTTP/1.1 408 ")];
    for (site, said, heard) in sites {
        let mut stream = TcpStream::connect(site.address).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&answer).get(..heard.len()), Some(heard));
        assert_eq!(answer.is_empty(), heard.is_empty());
        site.drain.start();
        let summary = site.summary.await.unwrap();
        assert_eq!((summary.accepted, summary.failed, summary.cut), (1, 1, 0));
    }
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let first = Listener::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let error = Listener::bind(first.local_addr(), 1).unwrap_err();
    assert_eq!(error, NetError::PortInUse { address: first.local_addr() });
    assert_eq!(error.to_string(), format!("{} is in use by another program", first.local_addr()));
}

#[tokio::test]
async fn nobody_listening_is_named() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let origin = gatepost_model::url::Origin::new(false, "127.0.0.1", address.port());
    let error = dialer(ClientTls::default()).connect(&origin).await.unwrap_err();
    assert!(matches!(&error, NetError::Connect { address: tried, .. } if *tried == address), "{error:?}");
}

/// A server that reads one request and says exactly this, then closes.
async fn says(answer: &'static str) -> gatepost_model::url::Origin {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let _ = stream.read(&mut request).await;
    });
    gatepost_model::url::Origin::new(false, "127.0.0.1", port)
}

#[tokio::test]
async fn a_truncated_answer_is_an_error() {
    let cut = NetError::ClosedEarly { what: "the answer" };
    let table = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", Err(cut.clone())),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", Err(cut.clone())),
        ("HTTP/1.1 200 OK\r\nContent-Le", Err(cut.clone())),
        ("", Err(cut)),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", Ok("abc".into())),
    ];
    for (answer, expected) in table {
        let origin = says(answer).await;
        let mut connection = dialer(ClientTls::default()).connect(&origin).await.unwrap();
        let request = Request::get(format!("{origin}/")).body(Body::empty()).unwrap();
        let got = match connection.send(request).await {
            Ok(answer) => answer.into_body().collect(100).await,
            Err(error) => Err(error),
        };
        assert_eq!(got, expected, "{answer:?}");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let limit = Duration::from_millis(50);
    let limits = Limits { answer_time: limit, ..Limits::default() };
    let dialer = Dialer::new(ClientTls::default(), Arc::new(limits)).unwrap();
    let origin = gatepost_model::url::Origin::new(false, "127.0.0.1", port);
    let mut connection = dialer.connect(&origin).await.unwrap();
    let request = Request::get(format!("{origin}/")).body(Body::empty()).unwrap();
    let error = connection.send(request).await.unwrap_err();
    assert_eq!(error, NetError::Timeout { what: Wait::Answer, limit });
    assert_eq!(error.to_string(), "waited 0.050 s for the answer, not longer");
}

#[tokio::test]
async fn a_head_beyond_the_clients_limit_is_an_error() {
    let site = plain_site(
        |_: Request<Body>, _: Arc<Peer>| async {
            Response::builder().header("x", "y".repeat(100_000)).body(Body::empty()).unwrap()
        },
        Limits::default(),
    );
    let mut connection = dialer(ClientTls::default()).connect(&site.origin("127.0.0.1")).await.unwrap();
    let error = connection.send(Request::get(site.uri("/")).body(Body::empty()).unwrap()).await.unwrap_err();
    assert_eq!(error, NetError::HeadTooLarge);
}
