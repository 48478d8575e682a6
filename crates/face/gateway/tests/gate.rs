//! The gateway as a whole, on loopback and free ports: what passes, what does not, and what the
//! upstream sees.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use gatepost::Session;
use gatepost::client::session::SessionBuilder;
use gatepost::events::Events;
use gatepost::model::credential::Credential;
use gatepost::model::event::Event;
use gatepost::net::body::Body;
use gatepost::net::dial::Roots;
use gatepost::tls::pem;
use gatepost_gateway::config::compose::Flags;
use gatepost_gateway::daemon::{Daemon, Orders};
use gatepost_gateway::state::State;
use http::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A daemon over a fresh state directory, and the events that it reported.
struct Bench {
    folder: tempfile::TempDir,
    seen: Arc<Mutex<Vec<Event>>>,
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), seen: Arc::default() }
    }

    fn orders(&self, document: Option<PathBuf>, flags: Flags) -> Orders {
        let seen = Arc::clone(&self.seen);
        let state = State::open(&self.folder.path().join("state")).unwrap();
        let sink = Arc::new(move |event: &Event| seen.lock().unwrap().push(event.clone()));
        Orders { state, document, flags, environment: Arc::new(|_| None), events: Events::to(vec![sink]) }
    }

    /// Writes a configuration with one plain listener and these routes.
    fn document(&self, routes: &str) -> PathBuf {
        let path = self.folder.path().join("gatepost.toml");
        let head =
            "[danger]\nno_auth = true\nplain_listeners = true\n[[listener]]\naddress = \"127.0.0.1:0\"\ntls = false\n";
        std::fs::write(&path, format!("{head}{routes}")).unwrap();
        path
    }

    fn reloads(&self) -> Vec<(bool, String)> {
        let seen = self.seen.lock().unwrap();
        let reload = |event: &Event| match event {
            Event::Reloaded { applied, detail } => Some((*applied, detail.clone())),
            _ => None,
        };
        seen.iter().filter_map(reload).collect()
    }
}

fn session(authority: &Path) -> Session {
    builder(authority).build().unwrap()
}

fn builder(authority: &Path) -> SessionBuilder {
    let roots = pem::parse_chain_pem(&std::fs::read(authority).unwrap()).unwrap();
    Session::builder().roots(Roots::Only(roots))
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect(1 << 20).await.unwrap().to_vec()).unwrap()
}

/// Sends octets to a plain listener and reads until the other end closes.
async fn exchange(url: &str, request: &str) -> String {
    let address = url.trim_start_matches("http://localhost").trim_end_matches('/');
    let mut stream = TcpStream::connect(format!("127.0.0.1{address}")).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

/// An upstream that takes one connection, records the head that came, and sends `answer`; then it
/// echoes what follows until the other end closes.
async fn upstream(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let answer = match head.lines().find_map(|line| line.strip_prefix("sec-websocket-key: ")) {
            Some(key) => answer.replace("ACCEPT", &gatepost::ws::accept::accept(key)),
            None => answer.to_owned(),
        };
        stream.write_all(answer.as_bytes()).await.unwrap();
        let (mut reader, mut writer) = stream.split();
        let _ = tokio::io::copy(&mut reader, &mut writer).await;
        head
    });
    (url, task)
}

#[tokio::test]
async fn the_demo_lets_in_whoever_proves_it_with_each_scheme_and_after_a_restart() {
    let bench = Bench::new();
    let mut passwords = Vec::new();
    for _ in 0..2 {
        let daemon = Daemon::start(bench.orders(None, Flags::default())).await.unwrap();
        let ready = daemon.ready().clone();
        let session = session(ready.authority.as_ref().unwrap());
        let refused = session.get(&ready.url).send().await.unwrap();
        assert_eq!(refused.status(), 401);
        assert_eq!(refused.headers().get_all("www-authenticate").iter().count(), ready.schemes.len());
        let password = ready.password.clone().unwrap();
        for scheme in ["Basic", "WSSE"] {
            let login = Credential::login("demo", password.clone()).only_for(scheme);
            // A session of its own: this one learns nothing from the scheme before.
            let session = self::session(ready.authority.as_ref().unwrap());
            let response = session.get(&ready.url).credential(login).send().await.unwrap();
            assert_eq!(response.status(), 200, "{scheme}");
            let seen: serde_json::Value = serde_json::from_str(&text(response).await).unwrap();
            assert_eq!((seen["you"].as_str(), seen["scheme"].as_str()), (Some("demo"), Some(scheme)));
            assert_eq!(seen["headers"].get("authorization"), None);
        }
        let token = std::fs::read_to_string(ready.token.unwrap()).unwrap();
        let response = session.get(&ready.url).credential(Credential::token(token)).send().await.unwrap();
        assert_eq!(response.status(), 200);
        passwords.push(password);
    }
    assert_eq!(passwords[0], passwords[1]);
}

#[tokio::test]
async fn the_upstream_sees_our_word_only_and_the_path_as_it_was() {
    let bench = Bench::new();
    let (url, record) =
        upstream("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n\r\nhi").await;
    let document = bench.document(&format!("[[route]]\nschemes = []\nupstream = \"{url}\"\n"));
    let daemon = Daemon::start(bench.orders(Some(document), Flags::default())).await.unwrap();
    let request = "GET /a%20b?q=%2F HTTP/1.1\r\nHost: a.example\r\nX_Gatepost.User: root\r\nX-Forwarded-For: 9.9.9.9\r\n\
        Connection: close, x-secret\r\nX-Secret: 1\r\nUpgrade: h2c\r\nX-Kept: 1\r\n\r\n";
    let answer = exchange(&daemon.ready().url, request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nhi"), "{answer}");
    assert!(!answer.contains("x-hop"), "{answer}");
    drop(daemon);
    let head = record.await.unwrap().to_ascii_lowercase();
    assert!(head.starts_with("get /a%20b?q=%2f http/1.1\r\n"), "{head}");
    for there in ["host: a.example", "x-kept: 1", "x-forwarded-for: 127.0.0.1", "x-forwarded-host: a.example"] {
        assert!(head.contains(there), "{there} not in {head}");
    }
    for gone in ["gatepost", "9.9.9.9", "x-secret", "h2c", "upgrade"] {
        assert!(!head.contains(gone), "{gone} in {head}");
    }
}

#[tokio::test]
async fn no_trailer_of_a_request_reaches_the_upstream() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let record = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        while !(seen.ends_with(b"\r\n\r\n") && seen.windows(3).any(|window| window == b"\n0\r")) {
            seen.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await.unwrap();
        String::from_utf8(seen).unwrap().to_ascii_lowercase()
    });
    let bench = Bench::new();
    let document = bench.document(&format!("[[route]]\nschemes = []\nupstream = \"{url}\"\n"));
    let daemon = Daemon::start(bench.orders(Some(document), Flags::default())).await.unwrap();
    let request = "POST / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nTrailer: X-Gatepost-User\r\n\
        Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Gatepost-User: root\r\n\r\n";
    let answer = exchange(&daemon.ready().url, request).await;
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    let seen = record.await.unwrap();
    assert!(seen.ends_with("\r\n\r\n3\r\nabc\r\n0\r\n\r\n"), "{seen}");
    assert!(!seen.contains("gatepost"), "{seen}");
}

const OPENING: &str = "GET /ws HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[tokio::test]
async fn a_websocket_is_a_tunnel_only_after_a_valid_101() {
    let table = [
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\n\r\n",
            "101",
        ),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
            "502",
        ),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", "502"),
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "403"),
    ];
    for (answer, status) in table {
        let bench = Bench::new();
        let (url, _record) = upstream(answer).await;
        let document = bench.document(&format!("[[route]]\nschemes = []\nupstream = \"{url}\"\n"));
        let daemon = Daemon::start(bench.orders(Some(document), Flags::default())).await.unwrap();
        let address = daemon.ready().url.replace("http://localhost", "127.0.0.1").replace('/', "");
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(OPENING.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{head}");
        if status == "101" {
            stream.write_all(b"any octets").await.unwrap();
            let mut back = [0; 10];
            stream.read_exact(&mut back).await.unwrap();
            assert_eq!(&back, b"any octets");
        }
    }
}

#[tokio::test]
async fn the_demo_echoes_messages_over_a_websocket() {
    let bench = Bench::new();
    let flags = Flags { no_auth: true, ..Flags::default() };
    let daemon = Daemon::start(bench.orders(None, flags)).await.unwrap();
    let ready = daemon.ready().clone();
    // The demo is behind TLS: any client of the library will do to see the refusal of plain requests.
    let asking = || builder(ready.authority.as_ref().unwrap());
    // HTTP/2 knows no Upgrade, and therefore no 426.
    for (session, status, upgrade) in [(asking().http1_only(), 426, Some("websocket")), (asking(), 400, None)] {
        let session = session.build().unwrap();
        let refused = session.get(&format!("{}ws", ready.url)).send().await.unwrap();
        let field = |name: &str| refused.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(refused.status(), status);
        assert_eq!((field("upgrade"), field("sec-websocket-version")), (upgrade, Some("13")));
    }
    assert_eq!(ready.user, None);
}

#[tokio::test]
async fn an_upstream_that_is_down_is_a_502_with_a_reason_for_us() {
    let bench = Bench::new();
    // A port that was free a moment ago and on which nobody listens now.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let document = bench.document(&format!("[[route]]\nschemes = []\nupstream = \"http://{free}\"\n"));
    let daemon = Daemon::start(bench.orders(Some(document), Flags::default())).await.unwrap();
    let answer = exchange(&daemon.ready().url, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert!(!answer.contains(&free.to_string()), "the upstream's address is ours alone: {answer}");
    let failed = |event: &Event| matches!(event, Event::Failed { detail, .. } if detail.contains(&free.to_string()));
    assert!(bench.seen.lock().unwrap().iter().any(failed));
}

#[tokio::test]
async fn a_body_that_breaks_the_rules_is_the_clients_fault() {
    let chunked = "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let table = [
        (format!("{chunked}2\r\nabc\r\n"), "400"),
        (format!("{chunked}+3\r\nabc\r\n0\r\n\r\n"), "400"),
        (format!("{chunked}3\r\nabc\r\n0\r\nHost: b.example\r\n\r\n"), "400"),
        (format!("{chunked}20\r\nthis is longer than eight octets\r\n0\r\n\r\n"), "413"),
        ("Connection: close\r\nContent-Length: 9\r\n\r\n123456789".to_owned(), "413"),
    ];
    for (rest, status) in table {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let silent = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        });
        let bench = Bench::new();
        let routes = format!("[limits]\nbody_bytes = 8\n[[route]]\nschemes = []\nupstream = \"{url}\"\n");
        let daemon = Daemon::start(bench.orders(Some(bench.document(&routes)), Flags::default())).await.unwrap();
        let request = format!("POST / HTTP/1.1\r\nHost: a.example\r\n{rest}");
        let answer = exchange(&daemon.ready().url, &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{rest}: {answer}");
        silent.abort();
    }
}

#[tokio::test]
async fn an_answer_that_could_be_framed_in_two_ways_is_a_502() {
    let table = [
        "Content-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        "Content-Length: 2, 2\r\n\r\nok",
        "Content-Length: 02\r\n\r\nok",
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\nok",
        "Transfer-Encoding: gzip\r\n\r\nok",
    ];
    for rest in table {
        let answer: &'static str = format!("HTTP/1.1 200 OK\r\n{rest}").leak();
        let (url, _record) = upstream(answer).await;
        let bench = Bench::new();
        let document = bench.document(&format!("[[route]]\nschemes = []\nupstream = \"{url}\"\n"));
        let daemon = Daemon::start(bench.orders(Some(document), Flags::default())).await.unwrap();
        let request = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";
        let answer = exchange(&daemon.ready().url, request).await;
        assert!(answer.starts_with("HTTP/1.1 502 "), "{rest}: {answer}");
    }
}

#[tokio::test]
async fn ambiguous_requests_and_unknown_hosts_reach_nobody() {
    let bench = Bench::new();
    let document =
        bench.document("[[route]]\nhost = \"a.example\"\npath = \"/x\"\nschemes = []\nrespond = { status = 204 }\n");
    let daemon = Daemon::start(bench.orders(Some(document), Flags::default())).await.unwrap();
    let table = [
        ("/x", "a.example", "204"),
        ("/x/y", "A.Example:80", "204"),
        ("/xy", "a.example", "404"),
        ("/x", "b.example", "404"),
        ("/x/../y", "a.example", "400"),
        ("/x/%2e%2e/y", "a.example", "400"),
        ("/x", "a example", "400"),
    ];
    for (path, host, status) in table {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = exchange(&daemon.ready().url, &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path} {host}: {answer}");
    }
}

#[tokio::test]
async fn a_good_file_takes_effect_and_a_bad_one_changes_nothing() {
    let bench = Bench::new();
    let route = "[[route]]\nschemes = []\nrespond = { status = STATUS }\n";
    let document = bench.document(&route.replace("STATUS", "201"));
    let mut daemon = Daemon::start(bench.orders(Some(document), Flags::default())).await.unwrap();
    let url = daemon.ready().url.clone();
    let ask = || exchange(&url, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert!(ask().await.starts_with("HTTP/1.1 201 "));
    bench.document(&route.replace("STATUS", "202"));
    daemon.reload().await;
    assert!(ask().await.starts_with("HTTP/1.1 202 "));
    bench.document(&route.replace("STATUS", "\"no\""));
    daemon.reload().await;
    assert!(ask().await.starts_with("HTTP/1.1 202 "));
    let reloads = bench.reloads();
    assert_eq!(reloads.iter().map(|(applied, _)| *applied).collect::<Vec<_>>(), [true, false]);
    assert!(reloads[1].1.contains("gatepost.toml:9:22: expected a whole number"), "{reloads:?}");
}
