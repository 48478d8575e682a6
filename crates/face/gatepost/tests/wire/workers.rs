//! A server on workers of its own, and sessions from several runtimes.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gatepost::client::session::SessionBuilder;
use gatepost::model::event::Event;
use gatepost::model::fault::Fault;
use gatepost::model::limits::Limits;
use gatepost::net::body::Body;
use gatepost::net::workers::Workers;
use gatepost::policy::transport::TransportRules;
use gatepost::server::serve::Running;
use gatepost::server::site::{Guard, Site, Visitor, handler};
use gatepost::{Server, Session};
use http::{Request, Response};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, mpsc};

use crate::house::text;

/// More connections than any hash needs to reach two workers.
const TRIES: usize = 500;

fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// An open site without TLS. A request for `/wait` says on which thread it is, and waits to be let go; the
/// answer is that name.
fn site(go: &Arc<Semaphore>) -> (Server<impl Site>, mpsc::UnboundedReceiver<String>) {
    let (say, hear) = mpsc::unbounded_channel();
    let go = Arc::clone(go);
    let answer = move |request: Request<Body>, _: Visitor| {
        let (go, say) = (Arc::clone(&go), say.clone());
        async move {
            let name = std::thread::current().name().unwrap_or_default().to_owned();
            if request.uri().path() == "/wait" {
                say.send(name.clone()).unwrap();
                go.acquire().await.unwrap().forget();
            }
            Response::new(Body::from(name))
        }
    };
    (Server::new(handler(Guard::DangerOpen, answer)).danger_listen_plain(anywhere()), hear)
}

fn url(running: &Running, path: &str) -> String {
    format!("http://{}{path}", running.addresses()[0])
}

fn session() -> SessionBuilder {
    Session::builder().transport(TransportRules { allow_plain: true, ..TransportRules::default() })
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_drain_lets_the_requests_of_all_workers_finish() {
    let go = Arc::new(Semaphore::new(0));
    let (server, mut arrived) = site(&go);
    // No runtime is here.
    let running = server.workers(2).start().unwrap();
    let address = running.addresses()[0];
    runtime().block_on(async {
        let (mut names, mut waiting) = (BTreeSet::new(), Vec::new());
        while names.len() < 2 && waiting.len() < TRIES {
            let (session, url) = (session().build().unwrap(), url(&running, "/wait"));
            waiting.push(tokio::spawn(async move { text(session.get(&url).send().await.unwrap()).await }));
            names.insert(arrived.recv().await.unwrap());
        }
        assert_eq!(names, BTreeSet::from(["gatepost-worker-0".to_owned(), "gatepost-worker-1".to_owned()]));
        let drained = tokio::spawn(running.drain());
        go.add_permits(waiting.len());
        for waiting in waiting {
            assert!(names.contains(&waiting.await.unwrap()));
        }
        drained.await.unwrap();
    });
    TcpListener::bind(address).unwrap();
}

#[test]
fn dropping_a_server_ends_its_workers() {
    let go = Arc::new(Semaphore::new(0));
    let (server, mut arrived) = site(&go);
    let running = server.workers(2).start().unwrap();
    let mut stream = TcpStream::connect(running.addresses()[0]).unwrap();
    stream.write_all(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    arrived.blocking_recv().unwrap();
    drop(running);
    // Cut without an answer. The handlers went with the last worker, and with them all that could say more.
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(rest.is_empty());
    assert_eq!(arrived.blocking_recv(), None);
}

#[tokio::test]
async fn servers_share_workers_and_not_a_port() {
    let workers = Workers::start(2).unwrap();
    let go = Arc::new(Semaphore::new(0));
    let first = site(&go).0.on(&workers).start().unwrap();
    let second = site(&go).0.on(&workers).start().unwrap();
    let taken = site(&go).0.danger_listen_plain(first.addresses()[0]).start().unwrap_err();
    assert_eq!(taken.code(), "GP-NET-012");
    let session = session().build().unwrap();
    first.drain().await;
    let left = text(session.get(&url(&second, "/")).send().await.unwrap()).await;
    assert!(left.starts_with("gatepost-worker-"), "{left}");
    second.drain().await;
    workers.end().await;
}

#[tokio::test]
async fn one_connection_is_served_however_many_workers_there_are() {
    let go = Arc::new(Semaphore::new(0));
    let limits = Limits { connections: 1, ..Limits::default() };
    let running = site(&go).0.workers(4).limits(limits).start().unwrap();
    for _ in 0..20 {
        let session = session().build().unwrap();
        assert_eq!(text(session.get(&url(&running, "/")).send().await.unwrap()).await, "gatepost-worker-0");
    }
    running.drain().await;
}

#[test]
fn a_session_keeps_a_connection_to_the_runtime_that_opened_it() {
    let go = Arc::new(Semaphore::new(0));
    let running = site(&go).0.workers(1).start().unwrap();
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    let sink = Arc::new(move |event: &Event| {
        count.fetch_add(usize::from(matches!(event, Event::Connected { .. })), Ordering::SeqCst);
    });
    let session = session().on_event(sink).build().unwrap();
    let ask = |runtime: &Runtime| {
        runtime.block_on(async { text(session.get(&url(&running, "/")).send().await.unwrap()).await });
        opened.load(Ordering::SeqCst)
    };
    let (one, other) = (runtime(), runtime());
    assert_eq!([ask(&one), ask(&one), ask(&other), ask(&one), ask(&other)], [1, 1, 2, 2, 2]);
    drop(one);
    assert_eq!([ask(&other), ask(&runtime()), ask(&other)], [2, 3, 3]);
}
