//! Connections that a proxy announces: whose they are, and that nobody else can say so.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gatepost_http::proxy_header::header::Route;
use gatepost_http::proxy_header::write::{Version, write};
use gatepost_model::limits::Limits;
use gatepost_model::network::Network;
use gatepost_net::announced::Announcers;
use gatepost_net::body::Body;
use gatepost_net::drain::Drain;
use gatepost_net::error::{NetError, Wait};
use gatepost_net::handler::{Answering, Handler, Peer};
use gatepost_net::listen::Listener;
use gatepost_net::serve::serve;
use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";

/// Answers with the peer's address and what was announced, and remembers what failed.
#[derive(Default)]
struct Site {
    failed: Mutex<Vec<NetError>>,
}

impl Handler for Site {
    fn handle(self: Arc<Self>, _request: Request<Body>, peer: Arc<Peer>) -> Answering {
        let authority = peer.announced.as_ref().and_then(|announced| announced.authority.clone());
        let is_ours = peer.local.ip().is_loopback();
        let text = format!("{} {} {}", peer.address, authority.unwrap_or_default(), is_ours);
        Box::pin(async move { Response::new(Body::from(text)) })
    }

    fn failed(&self, _peer: SocketAddr, error: &NetError) {
        self.failed.lock().unwrap().push(error.clone());
    }
}

/// Sends these pieces one after the other; what came back, and what failed at the server. `[]` waits for the end.
async fn send(trusted: &str, limits: Limits, pieces: &[&[u8]]) -> (String, Vec<NetError>) {
    let site = Arc::new(Site::default());
    let trusted: Vec<Network> = trusted.split_whitespace().map(|network| network.parse().unwrap()).collect();
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)), 16).unwrap();
    let listener = listener.announced_by(Announcers::new(trusted));
    let (address, drain) = (listener.local_addr(), Drain::default());
    let serving = tokio::spawn(serve(listener, None, site.clone(), Arc::new(limits), drain.clone()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in pieces {
        if stream.write_all(piece).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    drain.start();
    serving.await.unwrap();
    let failed = site.failed.lock().unwrap().clone();
    (String::from_utf8(answer).unwrap().rsplit("\r\n").next().unwrap_or_default().to_owned(), failed)
}

fn header(version: Version) -> Vec<u8> {
    let route = Route { source: "192.0.2.7:4711".parse().unwrap(), destination: "198.51.100.1:443".parse().unwrap() };
    write(version, route)
}

#[tokio::test]
async fn the_client_is_whom_the_proxy_names() {
    for version in [Version::V1, Version::V2] {
        let whole = [header(version).as_slice(), GET].concat();
        let octets: Vec<&[u8]> = whole.chunks(1).collect();
        for pieces in [vec![whole.as_slice()], octets, vec![&whole[..20], &whole[20..]]] {
            let (said, failed) = send("127.0.0.0/8", Limits::default(), &pieces).await;
            assert_eq!((said.as_str(), failed), ("192.0.2.7:4711  true", vec![]), "{version:?}");
        }
    }
}

#[tokio::test]
async fn where_it_names_nobody_it_speaks_for_itself() {
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00";
    for header in [&local[..], b"PROXY UNKNOWN\r\n"] {
        let (said, failed) = send("127.0.0.1", Limits::default(), &[header, GET]).await;
        assert!(said.starts_with("127.0.0.1:") && failed.is_empty(), "{said} {failed:?}");
    }
}

#[tokio::test]
async fn without_a_header_or_from_elsewhere_nothing_is_answered() {
    let v1 = [header(Version::V1).as_slice(), GET].concat();
    let table: [(&str, &[u8], &str); 5] = [
        ("127.0.0.1", GET, "what came first is no PROXY header"),
        ("127.0.0.1", b"PROXY TCP4 1.2.3.4 x 1 2\r\n", "the PROXY header is malformed: an address"),
        ("127.0.0.1", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff", "the PROXY header is longer than it may be"),
        ("192.0.2.0/24 ::1", &v1, "it comes from nobody who may announce connections"),
        ("", &v1, "it comes from nobody who may announce connections"),
    ];
    for (trusted, octets, why) in table {
        let (said, failed) = send(trusted, Limits::default(), &[octets]).await;
        let [NetError::NotAnnounced { detail, .. }] = failed.as_slice() else { panic!("{failed:?}") };
        assert_eq!((said.as_str(), detail.as_str()), ("", why));
    }
}

#[tokio::test]
async fn whoever_says_nothing_is_not_waited_for() {
    let limits = Limits { handshake_time: Duration::from_millis(20), ..Limits::default() };
    let (said, failed) = send("127.0.0.1", limits, &[b"PROXY "]).await;
    let expected = NetError::Timeout { what: Wait::Announcement, limit: Duration::from_millis(20) };
    assert_eq!((said.as_str(), failed), ("", vec![expected]));
}

#[tokio::test]
async fn connections_are_counted_for_the_client_and_not_for_the_proxy() {
    let site = Arc::new(Site::default());
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)), 16).unwrap();
    let listener = listener.announced_by(Announcers::new(vec!["127.0.0.1".parse().unwrap()]));
    let (address, drain) = (listener.local_addr(), Drain::default());
    let limits = Arc::new(Limits { connections_per_address: 1, ..Limits::default() });
    let serving = tokio::spawn(serve(listener, None, site, limits, drain.clone()));
    let begin = async |source: &str| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let route = Route { source: source.parse().unwrap(), destination: "198.51.100.1:443".parse().unwrap() };
        stream.write_all(&write(Version::V2, route)).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await.unwrap();
        let mut answer = [0; 12];
        (stream.read_exact(&mut answer).await.is_ok(), stream)
    };
    let (first, _first) = begin("192.0.2.7:1").await;
    let (second, _second) = begin("192.0.2.8:1").await;
    let (third, _third) = begin("192.0.2.7:2").await;
    assert_eq!((first, second, third), (true, true, false));
    drop((_first, _second));
    drain.start();
    serving.await.unwrap();
}
