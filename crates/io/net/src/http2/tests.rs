//! Both ends of HTTP/2 against peers that behave as no peer of ours does, in virtual time.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use gatepost_model::limits::Limits;
use h2::client::SendRequest;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::task::JoinHandle;

use crate::body::Body;
use crate::drain::Drain;
use crate::error::{NetError, Wait};
use crate::handler::{Handler, Peer};
use crate::http2::client::Streams;
use crate::http2::drive::serve_http2;
use crate::upgrade::Stream;

type Served = JoinHandle<Result<(), NetError>>;

/// A server on one end of a pipe; the other end.
fn serve(handler: impl Handler, limits: Limits) -> (DuplexStream, Served) {
    let (near, far) = tokio::io::duplex(1 << 20);
    (far, serve_on(near, handler, limits))
}

fn serve_on(near: impl Stream + 'static, handler: impl Handler, limits: Limits) -> Served {
    let address: SocketAddr = ([127, 0, 0, 1], 1).into();
    let peer = Peer { protocol: "h2", ..Peer::new(address, address) };
    tokio::spawn(serve_http2(near, Arc::new(peer), Arc::new(handler), Arc::new(limits), Drain::default()))
}

/// A pipe that counts what is written to it at once.
struct Counted(DuplexStream, Arc<AtomicUsize>);

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.0).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// A foreign client of such a server.
async fn client(far: DuplexStream) -> SendRequest<Bytes> {
    let (sender, connection) = h2::client::handshake(far).await.unwrap();
    tokio::spawn(connection);
    sender
}

type Asked = (h2::client::ResponseFuture, SendStream<Bytes>);

async fn ask(sender: &SendRequest<Bytes>, method: &str, ends: bool) -> Asked {
    let request = Request::builder().method(method).uri("https://a.example/").body(()).unwrap();
    sender.clone().ready().await.unwrap().send_request(request, ends).unwrap()
}

async fn all(mut body: RecvStream) -> Result<(Vec<u8>, Option<HeaderMap>), h2::Error> {
    let mut octets = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len()).unwrap();
        octets.extend_from_slice(&data);
    }
    Ok((octets, body.trailers().await?))
}

/// A foreign server on one end of a pipe, and our client on the other.
async fn upstream<F>(serve: impl FnOnce(h2::server::Connection<DuplexStream, Bytes>) -> F) -> (Streams, JoinHandle<()>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let (near, far) = tokio::io::duplex(1 << 20);
    let limits = Limits::default();
    let open = Streams::open(Box::new(near), true, &limits);
    let (streams, connection) = tokio::join!(open, h2::server::handshake(far));
    (streams.unwrap(), tokio::spawn(serve(connection.unwrap())))
}

fn get() -> Request<Body> {
    Request::get("https://a.example/x").header("host", "b.example").body(Body::empty()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn bodies_and_trailers_pass_both_ways() {
    let echo = |request: Request<Body>, _: Arc<Peer>| async move { Response::new(request.into_body()) };
    let (far, _served) = serve(echo, Limits::default());
    let mut streams = Streams::open(Box::new(far), true, &Limits::default()).await.unwrap();
    let (feed, body) = Body::channel(1);
    let mut request = get().map(|_| body);
    *request.method_mut() = http::Method::POST;
    let mut answer = streams.exchange(request).await.unwrap().into_body();
    let piece = Bytes::from(vec![7; 300_000]);
    let sending = async {
        for _ in 0..4 {
            feed.send(piece.clone()).await.unwrap();
        }
        let trailers = HeaderMap::from_iter([("x-sum".parse().unwrap(), "1".parse().unwrap())]);
        feed.trailers(trailers).await.unwrap();
        feed.finish().await.unwrap();
    };
    let reading = async {
        let (mut size, mut trailers) = (0, None);
        while let Some(frame) = answer.frame().await {
            match frame.unwrap().into_data() {
                Ok(data) => size += data.len(),
                Err(frame) => trailers = frame.into_trailers().ok(),
            }
        }
        (size, trailers.unwrap()["x-sum"].clone())
    };
    let ((), heard) = tokio::join!(sending, reading);
    assert_eq!(heard, (1_200_000, "1".parse().unwrap()));
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_ready_together_leave_together() {
    let meet = Arc::new(tokio::sync::Barrier::new(20));
    let handler = move |_: Request<Body>, _: Arc<Peer>| {
        let meet = Arc::clone(&meet);
        async move {
            meet.wait().await;
            Response::new(Body::from(vec![b'x'; 1500]))
        }
    };
    let ((near, far), writes) = (tokio::io::duplex(1 << 20), Arc::new(AtomicUsize::new(0)));
    let _served = serve_on(Counted(near, Arc::clone(&writes)), handler, Limits::default());
    let sender = client(far).await;
    let mut asked = Vec::new();
    for _ in 0..19 {
        asked.push(ask(&sender, "GET", true).await.0);
    }
    // Virtual time passes only when nobody has anything to do.
    tokio::time::sleep(Duration::from_millis(1)).await;
    let before = writes.load(Ordering::Relaxed);
    asked.push(ask(&sender, "GET", true).await.0);
    for answer in asked {
        assert_eq!(all(answer.await.unwrap().into_body()).await.unwrap().0.len(), 1500);
    }
    assert_eq!(writes.load(Ordering::Relaxed) - before, 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_silent_is_asked_and_then_cut() {
    let (mut far, served) = serve(|_, _| std::future::pending::<Response<Body>>(), Limits::default());
    // A preface, empty SETTINGS, and GET / on stream 1; then nothing more, not even an answer to PING.
    let request = [0, 0, 14, 1, 5, 0, 0, 0, 1, 0x82, 0x87, 0x84, 0x41, 9];
    let greeting = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[0, 0, 0, 4, 0, 0, 0, 0, 0][..], &request, b"a.example"];
    far.write_all(&greeting.concat()).await.unwrap();
    assert_eq!(served.await.unwrap(), Err(NetError::ClosedEarly { what: "the request" }));
    let mut heard = Vec::new();
    far.read_to_end(&mut heard).await.unwrap();
    let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0];
    assert!(heard.windows(9).any(|head| head == ping));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_at_all_is_cut_in_time() {
    let start = tokio::time::Instant::now();
    let (_far, served) = serve(|_, _| std::future::pending::<Response<Body>>(), Limits::default());
    let limit = Limits::default().head_time;
    assert_eq!(served.await.unwrap(), Err(NetError::Timeout { what: Wait::Head, limit }));
    assert!(start.elapsed() < limit + Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_ends_in_good_order_even_if_nobody_says_goodbye() {
    let (mut far, served) = serve(|_, _| async { Response::new(Body::empty()) }, Limits::default());
    far.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    // It sends something now and then, but neither asks for anything nor answers.
    let talking = tokio::spawn(async move {
        while far.write_all(b"\0\0\x08\x06\x01\0\0\0\0........").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    });
    assert_eq!(served.await.unwrap(), Ok(()));
    talking.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_cut_and_named() {
    let (mut far, served) = serve(|_, _| async { Response::new(Body::empty()) }, Limits::default());
    let flood = b"\0\0\x08\x06\0\0\0\0\0........".repeat(10_000);
    far.write_all(&[&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"[..], &flood].concat()).await.unwrap();
    let error = NetError::Protocol { protocol: "h2", detail: "too many PING frames".to_owned() };
    assert_eq!(served.await.unwrap(), Err(error));
    let mut heard = Vec::new();
    far.read_to_end(&mut heard).await.unwrap();
    let (goaway, calm) = ([7, 0, 0, 0, 0, 0], [0, 0, 0, 11]);
    assert!(heard.windows(14).any(|frame| frame.starts_with(&goaway) && frame.ends_with(&calm)));
}

#[tokio::test(start_paused = true)]
async fn a_window_that_stays_shut_is_waited_for_so_long() {
    let endless = |_: Request<Body>, _: Arc<Peer>| async {
        let (feed, body) = Body::channel(1);
        tokio::spawn(async move { while feed.send(vec![0; 16 * 1024]).await.is_ok() {} });
        Response::new(body)
    };
    let (far, _served) = serve(endless, Limits::default());
    let sender = client(far).await;
    let (answer, _body) = ask(&sender, "GET", true).await;
    let mut body = answer.await.unwrap().into_body();
    let reset = loop {
        if let Err(error) = body.data().await.unwrap() {
            break error.reason();
        }
    };
    assert_eq!(reset, Some(Reason::CANCEL));
}

#[tokio::test(start_paused = true)]
async fn an_early_answer_reaches_a_client_that_goes_on_sending() {
    let refuse = |_: Request<Body>, _: Arc<Peer>| async {
        Response::builder().status(StatusCode::PAYLOAD_TOO_LARGE).body("no".into()).unwrap()
    };
    for rest in [1000, 10_000_000] {
        let (far, _served) = serve(refuse, Limits::default());
        let sender = client(far).await;
        let (answer, mut body) = ask(&sender, "POST", false).await;
        let _ = body.send_data(Bytes::from(vec![0; rest]), true);
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), 413);
        assert_eq!(all(answer.into_body()).await.unwrap().0, b"no", "{rest}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_takes_no_other_request_along() {
    let handler = |request: Request<Body>, _: Arc<Peer>| async move {
        tokio::task::yield_now().await;
        assert_eq!(request.method(), "GET", "this is the panic of the test");
        Response::new("fine".into())
    };
    let (far, _served) = serve(handler, Limits::default());
    let sender = client(far).await;
    let (bad, good) = (ask(&sender, "DELETE", true).await.0, ask(&sender, "GET", true).await.0);
    let (bad, good) = tokio::join!(bad, good);
    assert_eq!(bad.unwrap_err().reason(), Some(Reason::INTERNAL_ERROR));
    assert_eq!(all(good.unwrap().into_body()).await.unwrap().0, b"fine");
}

#[tokio::test(start_paused = true)]
async fn what_a_server_has_not_touched_is_given_back() {
    for refuses in [true, false] {
        let (mut streams, _server) = upstream(move |mut connection| async move {
            if let Some(Ok((_, mut respond))) = connection.accept().await {
                match refuses {
                    true => respond.send_reset(Reason::REFUSED_STREAM),
                    false => respond.send_response(Response::new(()), true).map(drop).unwrap(),
                }
            }
            if !refuses {
                connection.graceful_shutdown();
            }
            while connection.accept().await.is_some() {}
        })
        .await;
        let mut failed = streams.exchange(get()).await.map(drop);
        if !refuses {
            assert!(failed.is_ok());
            while !streams.is_closed() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            failed = streams.exchange(get()).await.map(drop);
        }
        let failed = failed.unwrap_err();
        assert_eq!(failed.error, NetError::Unsent, "{refuses}");
        let again = *failed.unsent.unwrap();
        let host = again.headers()["host"].clone();
        assert_eq!((again.uri().to_string(), host), ("https://a.example/x".to_owned(), "b.example".parse().unwrap()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_answer_is_never_whole() {
    for reason in [Reason::NO_ERROR, Reason::CANCEL, Reason::INTERNAL_ERROR] {
        let (mut streams, _server) = upstream(move |mut connection| async move {
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                let mut body = respond.send_response(Response::new(()), false).unwrap();
                body.send_data(Bytes::from_static(b"par"), false).unwrap();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    body.send_reset(reason);
                });
            }
        })
        .await;
        let answer = streams.exchange(get()).await.unwrap();
        let got = answer.into_body().collect(100).await;
        assert_eq!(got, Err(NetError::ClosedEarly { what: "the answer" }), "{reason:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_silent_is_given_up() {
    let (near, mut far) = tokio::io::duplex(1 << 20);
    let mut streams = Streams::open(Box::new(near), true, &Limits::default()).await.unwrap();
    far.write_all(b"\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let failed = streams.exchange(get()).await.unwrap_err();
    assert_eq!(failed.error, NetError::ClosedEarly { what: "the answer" });
    assert!(streams.is_closed());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_is_a_timeout_unless_the_request_moves() {
    let limit = Limits::default().answer_time;
    let (mut streams, _server) = upstream(|mut connection| async move {
        let mut held = Vec::new();
        while let Some(Ok((request, respond))) = connection.accept().await {
            held.push(respond);
            tokio::spawn(all(request.into_body()));
        }
    })
    .await;
    let start = tokio::time::Instant::now();
    let (feed, body) = Body::channel(1);
    let slow = tokio::spawn(async move {
        for _ in 0..3 {
            tokio::time::sleep(limit - Duration::from_secs(1)).await;
            feed.send("x").await.unwrap();
        }
        feed
    });
    let mut request = get().map(|_| body);
    *request.method_mut() = http::Method::POST;
    let failed = streams.exchange(request).await.unwrap_err();
    assert_eq!(failed.error, NetError::Timeout { what: Wait::Answer, limit });
    assert!(start.elapsed() > limit * 3);
    slow.await.unwrap();
}
