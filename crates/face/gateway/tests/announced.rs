//! Whose connection it is, told from a proxy in front to the upstream behind (PROXY protocol).

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use gatepost::events::Events;
use gatepost::http1::proxy_header::header::{Measure, Route};
use gatepost::http1::proxy_header::read::{measure, read};
use gatepost::http1::proxy_header::write::{Version, write};
use gatepost::model::event::Event;
use gatepost_gateway::config::compose::Flags;
use gatepost_gateway::daemon::{Daemon, Orders};
use gatepost_gateway::error::GatewayError;
use gatepost_gateway::state::State;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

struct Bench {
    folder: tempfile::TempDir,
    seen: Arc<Mutex<Vec<Event>>>,
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), seen: Arc::default() }
    }

    async fn start(&self, listener: &str, route: &str) -> Result<Daemon, GatewayError> {
        let path: PathBuf = self.folder.path().join("gatepost.toml");
        let danger = "[danger]\nno_auth = true\nplain_listeners = true\n";
        let listener = format!("[[listener]]\naddress = \"127.0.0.1:0\"\ntls = false\n{listener}");
        std::fs::write(&path, format!("{danger}{listener}[[route]]\nschemes = []\n{route}")).unwrap();
        let seen = Arc::clone(&self.seen);
        let sink = Arc::new(move |event: &Event| seen.lock().unwrap().push(event.clone()));
        let state = State::open(&self.folder.path().join("state")).unwrap();
        let (document, events) = (Some(path), Events::to(vec![sink]));
        Daemon::start(Orders { state, document, flags: Flags::default(), environment: Arc::new(|_| None), events })
            .await
    }
}

/// An upstream that keeps what each connection began with, and answers every request.
async fn upstream() -> (String, Arc<Mutex<Vec<Vec<u8>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let begun = Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(answer(stream, Arc::clone(&begun)));
        }
    });
    (url, seen)
}

async fn answer(mut stream: TcpStream, begun: Arc<Mutex<Vec<Vec<u8>>>>) {
    let mut header = Vec::new();
    while measure(&header) == Ok(Measure::NotYet) {
        header.push(stream.read_u8().await.unwrap());
    }
    begun.lock().unwrap().push(header);
    let mut head = Vec::new();
    while let Ok(octet) = stream.read_u8().await {
        head.push(octet);
        if head.ends_with(b"\r\n\r\n") {
            head.clear();
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        }
    }
}

async fn connect(daemon: &Daemon) -> TcpStream {
    let port = daemon.ready().url.trim_end_matches('/').rsplit_once(':').unwrap().1.to_owned();
    TcpStream::connect(format!("127.0.0.1:{port}")).await.unwrap()
}

/// Asks once; whether it was answered.
async fn ask(stream: &mut TcpStream) -> bool {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(octet) => head.push(octet),
            Err(_) => return false,
        }
    }
    head.starts_with(b"HTTP/1.1 204 ")
}

#[tokio::test]
async fn each_client_has_an_upstream_connection_of_its_own() {
    for version in [Version::V1, Version::V2] {
        let bench = Bench::new();
        let (url, begun) = upstream().await;
        let name = if version == Version::V1 { "v1" } else { "v2" };
        let route = format!("upstream = \"{url}\"\nproxy_protocol = \"{name}\"\n");
        let daemon = bench.start("", &route).await.unwrap();
        let mut expected = Vec::new();
        let mut clients = Vec::new();
        for _ in 0..2 {
            let mut client = connect(&daemon).await;
            // Whoever comes next gets nothing that was opened for another, and keeps their own.
            assert!(ask(&mut client).await && ask(&mut client).await);
            let (source, destination) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
            expected.push(write(version, Route { source, destination }));
            clients.push(client);
        }
        for client in &mut clients {
            assert!(ask(client).await);
        }
        assert_eq!(*begun.lock().unwrap(), expected);
    }
}

#[tokio::test]
async fn what_a_proxy_in_front_says_is_passed_on() {
    let bench = Bench::new();
    let (url, begun) = upstream().await;
    let listener = "proxy_protocol = \"require\"\nproxy_protocol_from = [\"127.0.0.0/8\"]\n";
    let daemon = bench.start(listener, &format!("upstream = \"{url}\"\nproxy_protocol = \"v2\"\n")).await.unwrap();
    let route = Route { source: "192.0.2.7:4711".parse().unwrap(), destination: "198.51.100.1:443".parse().unwrap() };
    let mut client = connect(&daemon).await;
    client.write_all(&write(Version::V1, route)).await.unwrap();
    assert!(ask(&mut client).await);
    assert_eq!(read(&begun.lock().unwrap()[0]).unwrap().route, Some(route));
    // Without a header there is no answer, and somebody hears of it.
    let mut stranger = connect(&daemon).await;
    assert!(!ask(&mut stranger).await);
    let seen = bench.seen.lock().unwrap().clone();
    let reason = "what came first is no PROXY header";
    let refused = |event: &&Event| matches!(event, Event::Refused { reason: why, .. } if why == reason);
    assert_eq!(seen.iter().filter(refused).count(), 1, "{seen:?}");
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused() {
    let bench = Bench::new();
    let fixed = "respond = { status = 200 }\n";
    let table = [
        ("proxy_protocol = \"require\"\n", fixed, "`proxy_protocol` without the proxies that are believed"),
        ("proxy_protocol = \"require\"\nproxy_protocol_from = []\n", fixed, "without the proxies that are believed"),
        ("proxy_protocol_from = [\"::1\"]\n", fixed, "nobody has to announce connections"),
        ("proxy_protocol = \"require\"\nproxy_protocol_from = [\"10.1.2.3/8\"]\n", fixed, "`10.1.2.3/8` is no network"),
        ("proxy_protocol = \"optional\"\n", fixed, "unknown value `optional`"),
        ("", "respond = { status = 200 }\nproxy_protocol = \"v1\"\n", "a route that leads to no upstream"),
    ];
    for (listener, route, problem) in table {
        let error = bench.start(listener, route).await.map(|_| ()).unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
    }
}
