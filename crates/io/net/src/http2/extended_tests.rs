//! Extended CONNECT at both ends, and against peers that do not know it or abuse it, in virtual time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gatepost_model::limits::Limits;
use h2::client::SendRequest;
use h2::ext::Protocol;
use h2::{Reason, RecvStream, SendStream};
use http::{Request, Response, StatusCode, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::body::Body;
use crate::drain::Drain;
use crate::error::{NetError, Wait};
use crate::explain;
use crate::handler::{Handler, Peer};
use crate::http2::client::Streams;
use crate::http2::drive::serve_http2;
use crate::upgrade::{self, Duplex, Extended};

type Served = JoinHandle<Result<(), NetError>>;

fn serve(handler: impl Handler, drain: Drain) -> (DuplexStream, Served) {
    let (near, far) = tokio::io::duplex(1 << 20);
    let address: SocketAddr = ([127, 0, 0, 1], 1).into();
    let peer = Peer { protocol: "h2", ..Peer::new(address, address) };
    (far, tokio::spawn(serve_http2(near, Arc::new(peer), Arc::new(handler), Arc::default(), drain)))
}

/// A server that hands over what it has granted.
fn granting(drain: Drain) -> (DuplexStream, Served, mpsc::UnboundedReceiver<Duplex>) {
    let (give, given) = mpsc::unbounded_channel();
    let handler = move |mut request: Request<Body>, _: Arc<Peer>| {
        let give = give.clone();
        async move {
            assert_eq!((request.method().as_str(), request.version()), ("CONNECT", Version::HTTP_2));
            assert_eq!(request.uri().to_string(), "https://a.example/chat?x=1");
            assert_eq!(upgrade::extended(request.extensions()), Some(Extended::WebSocket));
            let granted = upgrade::take_request(&mut request).unwrap();
            tokio::spawn(async move { give.send(granted.await.unwrap()) });
            let granted = Response::builder().status(101).header("sec-websocket-accept", "x").header("upgrade", "x");
            granted.body("this is no body".into()).unwrap()
        }
    };
    let (far, served) = serve(handler, drain);
    (far, served, given)
}

fn asking() -> Request<Body> {
    let mut request = Request::get("https://a.example/chat?x=1").body(Body::empty()).unwrap();
    upgrade::extend(&mut request, Extended::WebSocket);
    request
}

/// Both ends of a granted stream.
async fn pair(drain: Drain) -> (Duplex, Duplex, Served) {
    let (far, served, mut given) = granting(drain);
    let mut streams = Streams::open(Box::new(far), true, &Limits::default()).await.unwrap();
    assert!(streams.takes_extended().await);
    let mut answer = streams.exchange(asking()).await.unwrap();
    assert_eq!((answer.status(), answer.headers().len()), (StatusCode::OK, 1), "only a date: {:?}", answer.headers());
    let near = upgrade::take_response(&mut answer).unwrap().await.unwrap();
    (near, given.recv().await.unwrap(), served)
}

/// A foreign client of our server, and whether that takes extended CONNECT.
async fn foreign(far: DuplexStream) -> SendRequest<Bytes> {
    let (sender, connection) = h2::client::handshake(far).await.unwrap();
    tokio::spawn(connection);
    while !sender.is_extended_connect_protocol_enabled() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    sender
}

async fn extend(sender: &SendRequest<Bytes>, protocol: &str) -> (Response<RecvStream>, SendStream<Bytes>) {
    let request = Request::builder().method("CONNECT").uri("https://a.example/chat?x=1");
    let request = request.extension(Protocol::from(protocol)).body(()).unwrap();
    let (answer, stream) = sender.clone().ready().await.unwrap().send_request(request, false).unwrap();
    (answer.await.unwrap(), stream)
}

#[tokio::test(start_paused = true)]
async fn octets_pass_both_ways_and_each_direction_ends_by_itself() {
    let (mut near, mut far, _served) = pair(Drain::default()).await;
    let sent: Vec<u8> = (0..500_000_u32).flat_map(u32::to_le_bytes).collect();
    for direction in 0..2 {
        let writing = async {
            near.write_all(&sent).await.unwrap();
            near.shutdown().await.unwrap();
        };
        let mut got = Vec::new();
        let ((), read) = tokio::join!(writing, far.read_to_end(&mut got));
        read.unwrap();
        assert!(got == sent, "{direction}");
        std::mem::swap(&mut near, &mut far);
    }
}

#[tokio::test(start_paused = true)]
async fn an_abrupt_end_is_no_clean_one_at_either_side() {
    for swapped in [false, true] {
        let (mut near, mut far, _served) = pair(Drain::default()).await;
        if swapped {
            std::mem::swap(&mut near, &mut far);
        }
        near.write_all(b"first words").await.unwrap();
        far.read_exact(&mut [0; 11]).await.unwrap();
        drop(near);
        let ended = far.read_to_end(&mut Vec::new()).await.map_err(|error| explain::io(&error, "the tunnel"));
        assert_eq!(ended, Err(NetError::ClosedEarly { what: "the tunnel" }));
        assert!(far.write_all(&[0; 1 << 20]).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_said_before_the_end_arrives_although_nobody_listens_any_more() {
    for swapped in [false, true] {
        let (mut near, mut far, _served) = pair(Drain::default()).await;
        if swapped {
            std::mem::swap(&mut near, &mut far);
        }
        near.write_all(b"last words").await.unwrap();
        near.shutdown().await.unwrap();
        drop(near);
        let mut got = Vec::new();
        far.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"last words", "{swapped}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_not_read_waits_and_then_gives_up() {
    for swapped in [false, true] {
        let (mut near, mut far, _served) = pair(Drain::default()).await;
        if swapped {
            std::mem::swap(&mut near, &mut far);
        }
        let mut written = 0;
        let error = loop {
            match near.write(&[7; 1000]).await {
                Ok(octets) => written += octets,
                Err(error) => break explain::io(&error, "the tunnel"),
            }
        };
        let limit = Limits::default().send_time;
        assert_eq!(error, NetError::Timeout { what: Wait::Write, limit });
        // A window at the reader, and what h2 holds for the writer.
        assert!(written <= (2 + 1) << 20, "{written}");
        assert!(far.read_to_end(&mut Vec::new()).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_in_use_keeps_its_connection_and_a_drain_waits_for_it() {
    let drain = Drain::default();
    let (mut near, mut far, served) = pair(drain.clone()).await;
    tokio::time::sleep(Limits::default().idle_time * 10).await;
    drain.start();
    tokio::time::sleep(Limits::default().idle_time * 10).await;
    near.write_all(b"still here").await.unwrap();
    let mut got = [0; 10];
    far.read_exact(&mut got).await.unwrap();
    assert_eq!((&got, served.is_finished()), (b"still here", false));
    near.shutdown().await.unwrap();
    far.shutdown().await.unwrap();
    assert_eq!(near.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    drop((near, far));
    assert_eq!(served.await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_success_without_an_upgrade_never_looks_like_one() {
    // What the handler answers, and what the client gets.
    let table = [(200, 501, ""), (204, 501, ""), (401, 401, "who are you?")];
    for (said, expected, text) in table {
        let handler = move |_: Request<Body>, _: Arc<Peer>| async move {
            Response::builder().status(said).body("who are you?".into()).unwrap()
        };
        let (far, _served) = serve(handler, Drain::default());
        let sender = foreign(far).await;
        let (answer, _stream) = extend(&sender, "websocket").await;
        assert_eq!(answer.status(), expected);
        let mut body = answer.into_body();
        let mut heard = Vec::new();
        while let Some(data) = body.data().await {
            heard.extend_from_slice(&data.unwrap());
        }
        assert_eq!(heard, text.as_bytes());
    }
}

#[tokio::test(start_paused = true)]
async fn other_protocols_are_not_for_handlers() {
    let (far, _served) = serve(|_, _| std::future::pending::<Response<Body>>(), Drain::default());
    let sender = foreign(far).await;
    for (protocol, expected) in [("connect-udp", 501), ("web socket", 400)] {
        assert_eq!(extend(&sender, protocol).await.0.status(), expected, "{protocol}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_granted_stream_that_nobody_takes_is_reset() {
    let (far, _served, mut given) = granting(Drain::default());
    let sender = foreign(far).await;
    let (answer, _stream) = extend(&sender, "websocket").await;
    drop(given.recv().await);
    let reset = answer.into_body().data().await.unwrap().unwrap_err();
    assert_eq!(reset.reason(), Some(Reason::CANCEL));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_take_it_is_not_asked() {
    let (near, far) = tokio::io::duplex(1 << 20);
    let serving = async {
        let mut connection = h2::server::handshake(far).await.unwrap();
        assert!(connection.accept().await.is_none(), "it was asked");
    };
    let asking = async {
        let mut streams = Streams::open(Box::new(near), true, &Limits::default()).await.unwrap();
        assert!(!streams.takes_extended().await);
        streams.exchange(asking()).await.map(drop).unwrap_err().error
    };
    let ((), error) = tokio::join!(serving, asking);
    assert_eq!(error, NetError::Request { detail: "the server takes no extended CONNECT".to_owned() });
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_an_answer_like_any_other() {
    let (near, far) = tokio::io::duplex(1 << 20);
    tokio::spawn(async move {
        let mut builder = h2::server::Builder::new();
        let mut connection = builder.enable_connect_protocol().handshake::<_, Bytes>(far).await.unwrap();
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            assert_eq!(request.extensions().get::<Protocol>().map(Protocol::as_str), Some("websocket"));
            let answer = Response::builder().status(403).body(()).unwrap();
            respond.send_response(answer, false).unwrap().send_data(Bytes::from_static(b"no"), true).unwrap();
        }
    });
    let mut streams = Streams::open(Box::new(near), true, &Limits::default()).await.unwrap();
    let mut answer = streams.exchange(asking()).await.unwrap();
    assert!(upgrade::take_response(&mut answer).is_none());
    assert_eq!(
        (answer.status(), answer.into_body().collect(9).await.unwrap().as_ref()),
        (StatusCode::FORBIDDEN, &b"no"[..])
    );
}
