//! The bounds of the process on real sockets: who waits, who is turned away, and that everything recovers.

mod world;

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gatepost_model::bound::{Bound, Reached};
use gatepost_model::limits::Limits;
use gatepost_net::admission::Admission;
use gatepost_net::body::Body;
use gatepost_net::drain::Drain;
use gatepost_net::handler::{Answering, Handler, Peer};
use gatepost_net::listen::Listener;
use gatepost_net::serve::{ServeSummary, serve_admitted};
use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use world::{Site, authority, dialer, localhost, plain_site, trusting};

/// Answers everything, and hands on which bounds were reached.
struct Telling(UnboundedSender<Reached>);

impl Handler for Telling {
    fn handle(self: Arc<Self>, _: Request<Body>, _: Arc<Peer>) -> Answering {
        Box::pin(async { Response::new(Body::from("in")) })
    }

    fn bounded(&self, reached: &Reached) {
        let _ = self.0.send(reached.clone());
    }
}

fn telling() -> (Telling, UnboundedReceiver<Reached>) {
    let (say, hear) = unbounded_channel();
    (Telling(say), hear)
}

fn reached(bound: Bound, site: &Site) -> Reached {
    Reached { bound, times: 1, peer: Some(site.address.ip()) }
}

/// One request; `None` if the connection was closed instead.
async fn ask(stream: &mut TcpStream) -> Option<String> {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.ok()?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"in") {
        let mut part = [0; 1024];
        match stream.read(&mut part).await {
            Ok(0) => return None,
            Ok(length) => answer.extend_from_slice(&part[..length]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
            Err(error) => panic!("{error}"),
        }
    }
    String::from_utf8(answer).ok()
}

#[tokio::test]
async fn with_all_places_taken_the_next_waits_until_one_leaves() {
    let (handler, mut told) = telling();
    let site = plain_site(handler, Limits { connections: 1, ..Limits::default() });
    let mut first = TcpStream::connect(site.address).await.unwrap();
    assert!(ask(&mut first).await.is_some());
    let mut second = TcpStream::connect(site.address).await.unwrap();
    assert_eq!(told.recv().await.unwrap(), reached(Bound::Connections, &site));
    // It is not served while the first is, and is as soon as that has gone.
    assert!(ask(&mut first).await.is_some());
    drop(first);
    assert!(ask(&mut second).await.is_some());
    drop(second);
    site.drain.start();
    assert_eq!(site.summary.await.unwrap(), ServeSummary { accepted: 2, failed: 0, cut: 0 });
}

#[tokio::test]
async fn one_address_too_often_is_closed_at_once() {
    let (handler, mut told) = telling();
    let site = plain_site(handler, Limits { connections_per_address: 2, ..Limits::default() });
    let mut inside = [TcpStream::connect(site.address).await.unwrap(), TcpStream::connect(site.address).await.unwrap()];
    for stream in &mut inside {
        assert!(ask(stream).await.is_some());
    }
    let mut third = TcpStream::connect(site.address).await.unwrap();
    assert_eq!(ask(&mut third).await, None);
    assert_eq!(told.recv().await.unwrap(), reached(Bound::ConnectionsPerAddress, &site));
    let [first, mut second] = inside;
    drop(first);
    assert!(ask(&mut second).await.is_some());
    // The server sees that the first has gone in its own time.
    loop {
        let mut again = TcpStream::connect(site.address).await.unwrap();
        if ask(&mut again).await.is_some() {
            break;
        }
    }
}

#[tokio::test]
async fn listeners_that_share_an_admission_count_together() {
    let limits = Arc::new(Limits { connections_per_address: 1, ..Limits::default() });
    let (admission, drain) = (Admission::new(&limits), Drain::new(Duration::from_secs(30)));
    let (mut addresses, mut serving) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), 16).unwrap();
        addresses.push(listener.local_addr());
        let (handler, _) = telling();
        let admission = Arc::clone(&admission);
        let serve = serve_admitted(listener, None, Arc::new(handler), Arc::clone(&limits), drain.clone(), admission);
        serving.push(tokio::spawn(serve));
    }
    let mut first = TcpStream::connect(addresses[0]).await.unwrap();
    assert!(ask(&mut first).await.is_some());
    assert_eq!(ask(&mut TcpStream::connect(addresses[1]).await.unwrap()).await, None);
    drop(first);
    // Each listener's end waits for its own connections only.
    drain.start();
    let mut accepted = Vec::new();
    for serving in serving {
        accepted.push(serving.await.unwrap().accepted);
    }
    assert_eq!(accepted, [1, 0]);
}

#[tokio::test]
async fn the_oldest_silent_handshake_gives_way_to_a_client() {
    let (handler, mut told) = telling();
    let authority = authority();
    let site = localhost(&authority, handler, Limits { handshakes: 2, ..Limits::default() });
    let mut silent = Vec::new();
    for _ in 0..2 {
        silent.push(TcpStream::connect(site.address).await.unwrap());
    }
    let mut connection = dialer(trusting(&authority)).connect(&site.origin("localhost")).await.unwrap();
    let request = Request::get(site.uri("/")).body(Body::empty()).unwrap();
    assert_eq!(connection.send(request).await.unwrap().status(), 200);
    assert_eq!(told.recv().await.unwrap(), reached(Bound::Handshakes, &site));
    assert_eq!(silent[0].read(&mut [0; 1]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn handshakes_beyond_their_rate_wait_and_come_in_later() {
    let (handler, mut told) = telling();
    let authority = authority();
    let site = localhost(&authority, handler, Limits { handshakes_per_second: 2, ..Limits::default() });
    let (dialer, origin) = (dialer(trusting(&authority)), site.origin("localhost"));
    let (first, second) = tokio::join!(dialer.connect(&origin), dialer.connect(&origin));
    for mut connection in [first.unwrap(), second.unwrap()] {
        let request = Request::get(site.uri("/")).body(Body::empty()).unwrap();
        assert_eq!(connection.send(request).await.unwrap().status(), 200);
    }
    assert_eq!(told.recv().await.unwrap(), reached(Bound::HandshakeRate, &site));
}

/// An admission of a process whose memory is short, where that can be seen.
async fn short_of_memory(limits: &Limits) -> Arc<Admission> {
    let admission = Admission::new(limits);
    while cfg!(target_os = "linux") && !admission.memory().is_short() {
        tokio::task::yield_now().await;
    }
    admission
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn while_memory_is_short_a_head_that_does_not_come_whole_is_not_kept() {
    let (handler, mut told) = telling();
    let limits = Arc::new(Limits { memory_bytes: Some(1), ..Limits::default() });
    let admission = short_of_memory(&limits).await;
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), 128).unwrap();
    let address = listener.local_addr();
    let serve = serve_admitted(listener, None, Arc::new(handler), limits, Drain::default(), admission);
    let serving = tokio::spawn(serve);
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX: ").await.unwrap();
    stream.write_all(&[b'x'; 60_000]).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let answer = answer.to_lowercase();
    assert!(answer.starts_with("http/1.1 503 ") && answer.contains("\r\nretry-after: 5\r\n"), "{answer}");
    let first = Reached { bound: Bound::RequestMemory, times: 1, peer: Some(address.ip()) };
    assert_eq!(told.recv().await.unwrap(), first);
    // One that comes whole goes on to the handler, who has rules of its own.
    assert!(ask(&mut TcpStream::connect(address).await.unwrap()).await.is_some());
    serving.abort();
}

#[tokio::test]
async fn while_memory_is_short_a_few_come_in_and_no_more() {
    let (handler, mut told) = telling();
    let limits = Arc::new(Limits { memory_bytes: Some(1), ..Limits::default() });
    let admission = short_of_memory(&limits).await;
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), 128).unwrap();
    let address = listener.local_addr();
    let serve = serve_admitted(listener, None, Arc::new(handler), limits, Drain::default(), admission);
    let serving = tokio::spawn(serve);
    let served = Mutex::new(Vec::new());
    for _ in 0..40 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let inside = ask(&mut stream).await.is_some();
        served.lock().unwrap().push((inside, stream));
    }
    let inside = served.lock().unwrap().iter().filter(|(inside, _)| *inside).count();
    assert_eq!(inside, if cfg!(target_os = "linux") { 16 } else { 40 });
    if cfg!(target_os = "linux") {
        let first = Reached { bound: Bound::Memory, times: 1, peer: Some(address.ip()) };
        assert_eq!(told.recv().await.unwrap(), first);
    }
    serving.abort();
}
