//! Requests and answers, both protocols, all versions, large bodies, both ways.

mod world;

use std::sync::Arc;

use gatepost_model::limits::Limits;
use gatepost_net::body::Body;
use gatepost_net::connection::ConnectionFacts;
use gatepost_net::handler::Peer;
use gatepost_tls::bindings::Bindings;
use gatepost_tls::manner::Manner;
use gatepost_tls::server::ServerRules;
use gatepost_tls::version::TlsVersion;
use http::{Request, Response};

use world::{authority, bindings, dialer, localhost, plain_site, tls_site, trusting};

/// Says what it saw, and sends the body back.
async fn echo(request: Request<Body>, peer: Arc<Peer>) -> Response<Body> {
    let host = request.headers().get("host").map(|host| host.to_str().unwrap().to_owned());
    let authority = host.or(request.uri().authority().map(ToString::to_string)).unwrap();
    let seen = format!("{} {} {authority} {:?} {:?}", request.method(), request.uri().path(), peer.tls, peer.sni);
    Response::builder().header("seen", seen).body(request.into_body()).unwrap()
}

#[tokio::test]
async fn both_protocols_carry_a_megabyte_each_way() {
    let authority = authority();
    let site = localhost(&authority, echo, Limits::default());
    let megabyte: Vec<u8> = (0..1 << 20).map(|i: u32| i.to_le_bytes()[0] ^ i.to_le_bytes()[1]).collect();
    let dialer = dialer(trusting(&authority));
    let port = site.address.port();
    let connections = [
        ("h2", dialer.connect(&site.origin("localhost")).await.unwrap()),
        ("http/1.1", dialer.connect_http1(&site.origin("localhost")).await.unwrap()),
    ];
    for (protocol, mut connection) in connections {
        let judgement = connection.facts().judgement.clone();
        assert!(judgement.as_ref().is_some_and(|judgement| judgement.found.is_empty() && judgement.path.len() == 2));
        let binder = connection.facts().binder.clone();
        let bindings = binder.as_ref().map(|binder| binder.bindings());
        assert!(bindings.is_some_and(|bindings| bindings.end_point.is_some() && bindings.exporter.is_some()));
        let facts = ConnectionFacts { address: site.address, tls: Some("TLSv1.3"), protocol, judgement, binder };
        assert_eq!(connection.facts(), &facts);
        assert_eq!(connection.is_multiplexed(), protocol == "h2");
        for body in [megabyte.clone(), Vec::new(), b"small".to_vec()] {
            let request = Request::post(site.uri("/x?y=1")).body(Body::from(body.clone())).unwrap();
            let answer = connection.send(request).await.unwrap();
            let seen = format!("POST /x localhost:{port} Some(\"TLSv1.3\") Some(\"localhost\")");
            assert_eq!(answer.headers()["seen"], seen);
            assert_eq!(answer.into_body().collect(1 << 20).await.unwrap(), body);
        }
    }
}

#[tokio::test]
async fn in_the_clear_it_is_http1() {
    let site = plain_site(echo, Limits::default());
    let mut connection = dialer(Default::default()).connect(&site.origin("127.0.0.1")).await.unwrap();
    assert_eq!(connection.facts(), &ConnectionFacts::clear(site.address));
    let request = Request::get(site.uri("/")).header("host", "other.example").body(Body::empty()).unwrap();
    let answer = connection.send(request).await.unwrap();
    assert_eq!(answer.headers()["seen"], "GET / other.example None None");
}

#[tokio::test]
async fn whoever_answers_knows_in_which_manner_the_connection_was_made() {
    let tell = |_: Request<Body>, peer: Arc<Peer>| async move {
        let known = peer.manner.as_deref().map(|manner| *manner == Manner::default());
        Response::builder().header("seen", format!("{known:?}")).body(Body::empty()).unwrap()
    };
    let authority = authority();
    let sites = [
        (localhost(&authority, tell, Limits::default()), "localhost", trusting(&authority), "Some(true)"),
        (plain_site(tell, Limits::default()), "127.0.0.1", Default::default(), "None"),
    ];
    for (site, host, tls, seen) in sites {
        let mut connection = dialer(tls).connect(&site.origin(host)).await.unwrap();
        let request = Request::get(site.uri("/")).header("host", host).body(Body::empty()).unwrap();
        assert_eq!(connection.send(request).await.unwrap().headers()["seen"], seen, "{host}");
    }
}

#[tokio::test]
async fn each_version_alone_is_enough() {
    let authority = authority();
    let site = localhost(&authority, echo, Limits::default());
    for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
        let tls = gatepost_net::dial::ClientTls { min: version, max: version, ..trusting(&authority) };
        let mut connection = dialer(tls).connect(&site.origin("localhost")).await.unwrap();
        assert_eq!(connection.facts().tls, Some(version.name()));
        let answer = connection.send(Request::get(site.uri("/")).body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
    }
}

#[tokio::test]
async fn a_swapped_certificate_serves_the_next_handshake() {
    let (old, new) = (authority(), authority());
    let live = Arc::new(Bindings::new(bindings(&old, "localhost:0", &["localhost"])));
    let site = tls_site(&ServerRules::default(), Arc::clone(&live), echo, Limits::default());
    let origin = site.origin("localhost");
    let mut standing = dialer(trusting(&old)).connect(&origin).await.unwrap();
    live.replace(bindings(&new, "localhost:0", &["localhost"]));
    assert!(dialer(trusting(&old)).connect(&origin).await.is_err());
    assert!(dialer(trusting(&new)).connect(&origin).await.is_ok());
    let answer = standing.send(Request::get(site.uri("/")).body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn http2_streams_run_at_the_same_time() {
    let authority = authority();
    let both = Arc::new(tokio::sync::Barrier::new(2));
    let meet = move |_: Request<Body>, _: Arc<Peer>| {
        let both = Arc::clone(&both);
        async move {
            both.wait().await;
            Response::new(Body::empty())
        }
    };
    let site = localhost(&authority, meet, Limits::default());
    let mut first = dialer(trusting(&authority)).connect(&site.origin("localhost")).await.unwrap();
    let mut second = first.share().unwrap();
    let request = || Request::get(site.uri("/")).body(Body::empty()).unwrap();
    let (first, second) = tokio::join!(first.send(request()), second.send(request()));
    assert_eq!((first.unwrap().status().as_u16(), second.unwrap().status().as_u16()), (200, 200));
}
