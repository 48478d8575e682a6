//! Connections from their beginning to their end: upgrades, drains, limits.

mod world;

use std::sync::Arc;
use std::time::Duration;

use gatepost_model::fault::{Fault, Retry};
use gatepost_model::limits::Limits;
use gatepost_model::url::Origin;
use gatepost_net::body::Body;
use gatepost_net::dial::{ClientTls, Dialer};
use gatepost_net::drain::Drain;
use gatepost_net::error::NetError;
use gatepost_net::handler::Peer;
use gatepost_net::serve::ServeSummary;
use gatepost_net::tunnel::tunnel;
use gatepost_net::upgrade::{take_request, take_response};
use http::{Request, Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use world::{authority, dialer, localhost, plain_site, trusting};

fn switching() -> Response<Body> {
    let builder = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
    builder.header("connection", "upgrade").header("upgrade", "echo").body(Body::empty()).unwrap()
}

fn asking(uri: &str) -> Request<Body> {
    let builder = Request::get(uri).header("connection", "upgrade").header("upgrade", "echo");
    builder.body(Body::empty()).unwrap()
}

/// Switches to a protocol in which everything comes back.
async fn echo(mut request: Request<Body>, _: Arc<Peer>) -> Response<Body> {
    let Some(upgrade) = take_request(&mut request) else {
        return Response::new("no upgrade".into());
    };
    tokio::spawn(async move {
        let (mut reader, mut writer) = tokio::io::split(upgrade.await.unwrap());
        tokio::io::copy(&mut reader, &mut writer).await.unwrap();
        writer.shutdown().await.unwrap();
    });
    switching()
}

/// Passes upgrades on to `upstream`, as a gateway does.
async fn forward(mut request: Request<Body>, dialer: Dialer, upstream: Origin) -> Response<Body> {
    let front = take_request(&mut request).unwrap();
    let mut connection = dialer.connect_http1(&upstream).await.unwrap();
    let mut answer = connection.send(asking(&format!("{upstream}/"))).await.unwrap();
    let back = take_response(&mut answer).unwrap();
    tokio::spawn(async move { tunnel(front.await.unwrap(), back.await.unwrap()).await.unwrap() });
    switching()
}

#[tokio::test]
async fn an_upgrade_echoes_through_a_gateway() {
    let authority = authority();
    let upstream = localhost(&authority, echo, Limits::default());
    let dialer = dialer(trusting(&authority));
    let (to, origin) = (dialer.clone(), upstream.origin("localhost"));
    let gateway = move |request, _: Arc<Peer>| forward(request, to.clone(), origin.clone());
    let gateway = localhost(&authority, gateway, Limits::default());
    let mut connection = dialer.connect_http1(&gateway.origin("localhost")).await.unwrap();
    let mut answer = connection.send(asking(&gateway.uri("/"))).await.unwrap();
    assert_eq!(answer.status(), 101);
    let mut stream = take_response(&mut answer).unwrap().await.unwrap();
    assert!(take_response(&mut answer).is_none());

    let sent: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let (mut reader, mut writer) = tokio::io::split(&mut stream);
    let mut got = Vec::new();
    let write = async {
        writer.write_all(&sent).await.unwrap();
        writer.shutdown().await.unwrap();
    };
    let (_, read) = tokio::join!(write, reader.read_to_end(&mut got));
    read.unwrap();
    assert!(got == sent, "{} of {} octets came back", got.len(), sent.len());

    // Both tunnels have ended, so that both sites can.
    drop(stream);
    for site in [gateway, upstream] {
        site.drain.start();
        assert_eq!(site.summary.await.unwrap(), ServeSummary { accepted: 1, failed: 0, cut: 0 });
    }
}

#[tokio::test]
async fn without_a_switch_there_is_no_upgrade() {
    let seen = Arc::new(tokio::sync::Mutex::new(None));
    let (kept, sender) = (Arc::clone(&seen), Arc::new(Semaphore::new(0)));
    let ready = Arc::clone(&sender);
    let refuse = move |mut request: Request<Body>, _: Arc<Peer>| {
        let (kept, ready) = (Arc::clone(&kept), Arc::clone(&ready));
        async move {
            *kept.lock().await = take_request(&mut request);
            ready.add_permits(1);
            Response::new("no".into())
        }
    };
    let site = plain_site(refuse, Limits::default());
    let mut connection = dialer(ClientTls::default()).connect(&site.origin("127.0.0.1")).await.unwrap();
    let mut answer = connection.send(asking(&site.uri("/"))).await.unwrap();
    assert!(take_response(&mut answer).is_none());
    assert_eq!(answer.into_body().collect(10).await.unwrap(), "no");
    let _ = sender.acquire().await.unwrap();
    let upgrade = seen.lock().await.take().unwrap();
    let error = upgrade.await.map(|_| ()).unwrap_err();
    assert_eq!(error, NetError::Upgrade { detail: "the answer was not a switch of protocols".into() });
    let plain = Request::get(site.uri("/")).body(Body::empty()).unwrap();
    connection.send(plain).await.unwrap();
    assert!(seen.lock().await.is_none());
}

#[tokio::test]
async fn a_drain_closes_the_idle_and_waits_for_the_busy() {
    let authority = authority();
    let (entered, leave) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (at_door, may_go) = (Arc::clone(&entered), Arc::clone(&leave));
    let slow = move |request: Request<Body>, _: Arc<Peer>| {
        let (entered, leave) = (Arc::clone(&at_door), Arc::clone(&may_go));
        async move {
            if request.uri().path() == "/slow" {
                entered.add_permits(1);
                leave.acquire().await.unwrap().forget();
            }
            Response::new("done".into())
        }
    };
    let site = localhost(&authority, slow, Limits::default());
    let (dialer, origin) = (dialer(trusting(&authority)), site.origin("localhost"));
    let request = |path: &str| Request::get(site.uri(path)).body(Body::empty()).unwrap();
    let mut busy = Vec::new();
    for mut connection in [dialer.connect(&origin).await.unwrap(), dialer.connect_http1(&origin).await.unwrap()] {
        let slow = request("/slow");
        busy.push(tokio::spawn(async move { connection.send(slow).await?.into_body().collect(10).await }));
    }
    let mut idle = vec![dialer.connect(&origin).await.unwrap(), dialer.connect_http1(&origin).await.unwrap()];
    for connection in &mut idle {
        let answer = connection.send(request("/")).await.unwrap();
        assert_eq!(answer.into_body().collect(10).await.unwrap(), "done");
    }
    entered.acquire_many(2).await.unwrap().forget();

    site.drain.start();
    for connection in &mut idle {
        // The end of an idle connection is seen by the next to use it.
        while connection.is_usable() {
            tokio::task::yield_now().await;
        }
    }
    assert!(!site.summary.is_finished());
    leave.add_permits(2);
    for answer in busy {
        assert_eq!(answer.await.unwrap().unwrap(), "done");
    }
    assert_eq!(site.summary.await.unwrap(), ServeSummary { accepted: 4, failed: 0, cut: 0 });
    assert!(dialer.connect(&origin).await.is_err());
}

#[tokio::test]
async fn what_outlasts_the_grace_time_is_cut() {
    let entered = Arc::new(Semaphore::new(0));
    let at_door = Arc::clone(&entered);
    let forever = move |_: Request<Body>, _: Arc<Peer>| {
        at_door.add_permits(1);
        std::future::pending::<Response<Body>>()
    };
    let listener = gatepost_net::listen::Listener::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let origin = Origin::new(false, "127.0.0.1", listener.local_addr().port());
    let drain = Drain::new(Duration::from_millis(20));
    let limits = Arc::new(Limits::default());
    let serving = gatepost_net::serve::serve(listener, None, Arc::new(forever), limits, drain.clone());
    let serving = tokio::spawn(serving);
    let mut connection = dialer(ClientTls::default()).connect(&origin).await.unwrap();
    let request = Request::get(format!("{origin}/")).body(Body::empty()).unwrap();
    let waiting = tokio::spawn(async move { connection.send(request).await.map(|_| ()) });
    entered.acquire().await.unwrap().forget();
    drain.start();
    assert_eq!(serving.await.unwrap(), ServeSummary { accepted: 1, failed: 0, cut: 1 });
    assert_eq!(waiting.await.unwrap(), Err(NetError::ClosedEarly { what: "the answer" }));
}

#[tokio::test]
async fn one_connection_more_than_the_limit_waits() {
    let ok = |_: Request<Body>, _: Arc<Peer>| async { Response::new(Body::empty()) };
    let site = plain_site(ok, Limits { connections: 1, ..Limits::default() });
    let (dialer, origin) = (dialer(ClientTls::default()), site.origin("127.0.0.1"));
    let request = || Request::get(site.uri("/")).body(Body::empty()).unwrap();
    let mut first = dialer.connect(&origin).await.unwrap();
    first.send(request()).await.unwrap();
    let mut second = dialer.connect(&origin).await.unwrap();
    let mut waiting = std::pin::pin!(second.send(request()));
    for _ in 0..20 {
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("the second was served beside the first"),
            answer = first.send(request()) => assert_eq!(answer.unwrap().status(), 200),
        }
    }
    drop(first);
    assert_eq!(waiting.await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_answer_that_fails_never_looks_complete() {
    let fails = |_: Request<Body>, _: Arc<Peer>| async {
        let (sender, body) = Body::channel(1);
        tokio::spawn(async move { sender.send("part").await });
        Response::new(body)
    };
    let authority = authority();
    let site = localhost(&authority, fails, Limits::default());
    let (dialer, origin) = (dialer(trusting(&authority)), site.origin("localhost"));
    let connections = [dialer.connect(&origin).await.unwrap(), dialer.connect_http1(&origin).await.unwrap()];
    for mut connection in connections {
        let answer = connection.send(Request::get(site.uri("/")).body(Body::empty()).unwrap()).await;
        let got = match answer {
            Ok(answer) => answer.into_body().collect(100).await,
            Err(error) => Err(error),
        };
        assert_eq!(got, Err(NetError::ClosedEarly { what: "the answer" }));
    }
    let site = plain_site(fails, Limits::default());
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut raw = Vec::new();
    let _ = stream.read_to_end(&mut raw).await;
    assert!(!String::from_utf8_lossy(&raw).ends_with("0\r\n\r\n"));
}

#[tokio::test]
async fn an_answer_that_fails_before_its_head_left_is_replaced() {
    let fails = |request: Request<Body>, _: Arc<Peer>| async move {
        let (sender, body) = Body::channel(2);
        if request.uri().path() == "/later" {
            sender.send("part").await.unwrap();
        }
        drop(sender);
        Response::new(body)
    };
    let site = plain_site(fails, Limits::default());
    for path in ["/at-once", "/later"] {
        let mut stream = TcpStream::connect(site.address).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let answer = answer.to_lowercase();
        assert!(answer.starts_with("http/1.1 502 ") && answer.contains("content-length: 0\r\n"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut() {
    let plenty = |_: Request<Body>, _: Arc<Peer>| async { Response::new(Body::from(vec![0; 64 << 20])) };
    let limits = Limits { send_time: Duration::from_millis(50), ..Limits::default() };
    let site = plain_site(plenty, limits);
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut first = [0; 1];
    stream.read_exact(&mut first).await.unwrap();
    site.drain.start();
    assert_eq!(site.summary.await.unwrap(), ServeSummary { accepted: 1, failed: 1, cut: 0 });
}

#[tokio::test]
async fn an_idle_http2_connection_is_closed_in_good_order() {
    let authority = authority();
    let ok = |_: Request<Body>, _: Arc<Peer>| async { Response::new(Body::empty()) };
    let limits = Limits { idle_time: Duration::from_millis(50), ..Limits::default() };
    let site = localhost(&authority, ok, limits);
    let mut connection = dialer(trusting(&authority)).connect(&site.origin("localhost")).await.unwrap();
    let request = || Request::get(site.uri("/")).body(Body::empty()).unwrap();
    assert_eq!(connection.send(request()).await.unwrap().status(), 200);
    while connection.is_usable() {
        tokio::task::yield_now().await;
    }
    assert_eq!(connection.send(request()).await.map(|_| ()), Err(NetError::Unsent));
    site.drain.start();
    assert_eq!(site.summary.await.unwrap(), ServeSummary { accepted: 1, failed: 0, cut: 0 });
}

#[tokio::test]
async fn a_request_on_a_connection_that_was_closed_is_unsent() {
    let ok = |_: Request<Body>, _: Arc<Peer>| async { Response::new(Body::empty()) };
    let site = plain_site(ok, Limits::default());
    let mut connection = dialer(ClientTls::default()).connect(&site.origin("127.0.0.1")).await.unwrap();
    let uri = site.uri("/");
    let request = || Request::get(uri.as_str()).body(Body::empty()).unwrap();
    connection.send(request()).await.unwrap();
    site.drain.start();
    assert_eq!(site.summary.await.unwrap(), ServeSummary { accepted: 1, failed: 0, cut: 0 });
    while connection.is_usable() {
        tokio::task::yield_now().await;
    }
    let error = connection.send(request()).await.unwrap_err();
    assert_eq!((error.clone(), error.retry()), (NetError::Unsent, Retry::Fresh));
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_http2_request_along() {
    let (entered, left) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (at_door, gone) = (Arc::clone(&entered), Arc::clone(&left));
    let forever = move |_: Request<Body>, _: Arc<Peer>| {
        let leaving = Leaving(Arc::clone(&gone));
        at_door.add_permits(1);
        async move {
            let _leaving = leaving;
            std::future::pending::<Response<Body>>().await
        }
    };
    let authority = authority();
    let site = localhost(&authority, forever, Limits::default());
    let mut connection = dialer(trusting(&authority)).connect(&site.origin("localhost")).await.unwrap();
    let request = Request::get(site.uri("/")).body(Body::empty()).unwrap();
    let waiting = tokio::spawn(async move { connection.send(request).await.map(|_| ()) });
    entered.acquire().await.unwrap().forget();
    waiting.abort();
    left.acquire().await.unwrap().forget();
    assert!(waiting.await.unwrap_err().is_cancelled());
}

/// Says that it was dropped.
struct Leaving(Arc<Semaphore>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}
