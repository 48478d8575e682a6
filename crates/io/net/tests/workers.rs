//! Workers on real sockets: all of them serve, a port has one owner, and none works on alone.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Barrier};

use gatepost_model::limits::Limits;
use gatepost_model::url::Origin;
use gatepost_net::body::Body;
use gatepost_net::dial::{ClientTls, Dialer};
use gatepost_net::drain::Drain;
use gatepost_net::error::NetError;
use gatepost_net::handler::Peer;
use gatepost_net::serve::serve;
use gatepost_net::workers::{Workers, number};
use http::{Request, Response};
use socket2::{Domain, Socket, Type};
use tokio::sync::Semaphore;

/// More connections than any hash needs to reach two workers.
const TRIES: usize = 500;

fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Answers with the name of the thread that serves.
async fn whose(_: Request<Body>, _: Arc<Peer>) -> Response<Body> {
    assert!(number().is_some());
    Response::new(Body::from(std::thread::current().name().unwrap_or_default().to_owned()))
}

#[tokio::test]
async fn every_worker_serves_and_a_drain_ends_them_all() {
    let workers = Workers::start(2).unwrap();
    let (limits, drain) = (Arc::new(Limits::default()), Drain::default());
    let listeners = workers.listen(anywhere(), 128, 2).unwrap();
    let address = listeners[0].local_addr();
    assert_eq!(listeners[1].local_addr(), address);
    let jobs = workers.run(listeners.into_iter().map(|listener| {
        let (limits, drain) = (Arc::clone(&limits), drain.clone());
        move || async move {
            serve(listener, None, Arc::new(whose), limits, drain).await;
        }
    }));
    let origin = Origin::new(false, "127.0.0.1", address.port());
    let dialer = Dialer::new(ClientTls::default(), limits).unwrap();
    let mut names = BTreeSet::new();
    let mut open = Vec::new();
    for _ in 0..TRIES {
        let mut connection = dialer.connect(&origin).await.unwrap();
        let request = Request::get(format!("{origin}/")).body(Body::empty()).unwrap();
        let answer = connection.send(request).await.unwrap();
        names.insert(String::from_utf8(answer.into_body().collect(100).await.unwrap().to_vec()).unwrap());
        open.push(connection);
        if names.len() == 2 {
            break;
        }
    }
    assert_eq!(names, BTreeSet::from(["gatepost-worker-0".to_owned(), "gatepost-worker-1".to_owned()]));
    drain.start();
    jobs.ended().await;
    workers.end().await;
    TcpListener::bind(address).unwrap();
}

#[test]
fn a_port_that_somebody_holds_is_refused_however_they_hold_it() {
    let one = Workers::start(2).unwrap();
    let other = Workers::start(2).unwrap();
    let plain = TcpListener::bind(anywhere()).unwrap();
    let shared = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    shared.set_reuse_address(true).unwrap();
    shared.set_reuse_port(true).unwrap();
    shared.bind(&anywhere().into()).unwrap();
    shared.listen(16).unwrap();
    let ours = one.listen(anywhere(), 16, 2).unwrap();
    let taken = [
        plain.local_addr().unwrap(),
        shared.local_addr().unwrap().as_socket().unwrap(),
        ours.first().unwrap().local_addr(),
    ];
    for address in taken {
        let any = SocketAddr::from(([0, 0, 0, 0], address.port()));
        for address in [address, any] {
            for count in [1, 2] {
                let refused = other.listen(address, 16, count).map(|_| ());
                assert_eq!(refused, Err(NetError::PortInUse { address }), "{count} listeners");
            }
        }
    }
    drop(ours);
    assert_eq!(other.listen(taken[2], 16, 2).unwrap().len(), 2);
}

#[test]
fn of_two_that_want_a_port_at_once_one_gets_it() {
    let workers = [Workers::start(2).unwrap(), Workers::start(2).unwrap()];
    let barrier = Barrier::new(2);
    let mut won = 0;
    for _ in 0..200 {
        let address = TcpListener::bind(anywhere()).unwrap().local_addr().unwrap();
        let want = |workers: &Workers| {
            barrier.wait();
            let got = workers.listen(address, 16, 2);
            barrier.wait();
            got.map(|listeners| listeners.len())
        };
        let (one, other) = std::thread::scope(|scope| {
            let other = scope.spawn(|| want(&workers[1]));
            (want(&workers[0]), other.join().unwrap())
        });
        // Both may be refused: the port is free for a moment, for every program.
        let refused = Err(NetError::PortInUse { address });
        assert!(one == refused || other == refused, "{one:?} {other:?}");
        won += usize::from(one == Ok(2)) + usize::from(other == Ok(2));
    }
    assert!(won > 0);
}

#[tokio::test]
async fn what_panics_takes_its_siblings_along_and_nobody_else() {
    let workers = Workers::start(2).unwrap();
    let go = Arc::new(Semaphore::new(0));
    let bystander = Arc::clone(&go);
    let other = workers.run([move || async move { bystander.acquire().await.unwrap().forget() }]);
    let jobs = workers.run([true, false].map(|falls| {
        move || async move {
            assert!(!falls, "one falls on purpose");
            std::future::pending::<()>().await;
        }
    }));
    jobs.ended().await;
    go.add_permits(1);
    other.ended().await;
    assert_eq!(go.available_permits(), 0);
    // Both threads still take work.
    let (say, mut hear) = tokio::sync::mpsc::unbounded_channel();
    let again = [say.clone(), say].map(|say| move || async move { say.send(number()).unwrap() });
    workers.run(again).ended().await;
    let numbers = [hear.recv().await.flatten(), hear.recv().await.flatten()];
    assert!(numbers[0].is_some() && numbers[1].is_some() && numbers[0] != numbers[1], "{numbers:?}");
}

#[tokio::test]
async fn dropping_jobs_cuts_them_and_leaving_ends_the_threads() {
    struct Told(Arc<Semaphore>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.add_permits(1);
        }
    }
    let workers = Workers::start(2).unwrap();
    let cut = Arc::new(Semaphore::new(0));
    let forever = || {
        let told = Told(Arc::clone(&cut));
        move || async move {
            let _told = told;
            std::future::pending::<()>().await;
        }
    };
    drop(workers.run([forever(), forever()]));
    cut.acquire_many(2).await.unwrap().forget();
    let kept = workers.run([forever()]);
    let handle = workers.clone();
    handle.end().await;
    assert_eq!(cut.available_permits(), 0);
    workers.end().await;
    assert_eq!(cut.available_permits(), 1);
    kept.ended().await;
}
