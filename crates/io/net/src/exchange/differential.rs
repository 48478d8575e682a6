//! Beside hyper: a well-formed answer is the same to both clients, and what is whole to us is whole to it.

use bytes::Bytes;
use gatepost_model::limits::Limits;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use crate::body::Body;
use crate::exchange::drive::Asking;
use crate::exchange::wire::Wire;

/// Status, fields and body; `None` if the answer is not whole.
type Seen = Option<(u16, HeaderMap, Vec<u8>)>;

/// Waits for the request, says `octets` in pieces of `step`, and that this was all.
async fn say(mut stream: DuplexStream, octets: &[u8], step: usize) {
    let mut request = [0; 1024];
    let _ = stream.read(&mut request).await;
    for piece in octets.chunks(step) {
        // A client that has refused does not read on.
        if stream.write_all(piece).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    let _ = stream.shutdown().await;
    while stream.read(&mut request).await.is_ok_and(|read| read > 0) {}
}

fn request<B>(method: &Method, body: B) -> Request<B> {
    Request::builder().method(method).uri("http://a.example/").body(body).unwrap()
}

async fn whole<B>(answer: http::Response<B>) -> Seen
where
    B: http_body::Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.ok()?.to_bytes().to_vec();
    Some((parts.status.as_u16(), parts.headers, body))
}

/// What we see, and whether the connection came back.
async fn ours(method: &Method, octets: &[u8], step: usize) -> (Seen, bool) {
    let (near, far) = duplex(1 << 16);
    let wire = Box::new(Wire::new(Box::new(near), &Limits::default()));
    let (give, given) = tokio::sync::oneshot::channel();
    let asking = async {
        let answer = Asking::new(wire, request(method, Body::empty()), Box::new(move |wire| drop(give.send(wire))))
            .await
            .ok()?;
        whole(answer).await
    };
    // What does not come back is closed, or the other end would wait.
    let asking = async { (asking.await, given.await.is_ok()) };
    let (seen, ()) = tokio::join!(asking, say(far, octets, step));
    seen
}

async fn hypers(method: &Method, octets: &[u8]) -> Seen {
    let (near, far) = duplex(1 << 16);
    let asking = async {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(near)).await.ok()?;
        let asking = async {
            let answer = sender.send_request(request(method, Empty::<Bytes>::new())).await.ok()?;
            let seen = whole(answer).await;
            drop(sender);
            seen
        };
        tokio::join!(asking, connection).0
    };
    tokio::join!(asking, say(far, octets, 1 << 16)).0
}

/// Compares both; gives what we saw.
fn compare(method: &Method, octets: &[u8], step: usize) -> Result<(Seen, bool), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let (ours, returned) = ours(method, octets, step).await;
        let hypers = hypers(method, octets).await;
        prop_assert!(ours.is_none() || ours == hypers, "{:?} {:?}", ours, hypers);
        Ok((ours, returned))
    })
}

/// An answer that nobody could misread.
fn well_formed() -> impl Strategy<Value = (String, bool)> {
    let interim =
        prop::sample::select(vec!["", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n"]);
    let status = prop::sample::select(vec!["200 OK", "206 Partial Content", "404 Not Found", "500 No", "299 "]);
    let field = prop::sample::select(vec!["", "X-A: 1\r\n", "Set-Cookie: a\r\nSet-Cookie: b\r\n", "X-B:\tb \t\r\n"]);
    let close = prop::sample::select(vec!["", "Connection: close\r\n", "Connection: keep-alive\r\n"]);
    let pieces = prop::collection::vec("[a-z\r\n0]{1,9}", 0..4);
    (interim, status, field, close, pieces, 0_u8..3).prop_map(|(interim, status, field, close, pieces, framing)| {
        let head = format!("{interim}HTTP/1.1 {status}\r\n{field}{close}");
        let all = pieces.concat();
        let octets = match framing {
            0 => format!("{head}Content-Length: {}\r\n\r\n{all}", all.len()),
            1 => {
                let chunks = pieces.iter().map(|piece| format!("{:X};a=b\r\n{piece}\r\n", piece.len()));
                format!("{head}Transfer-Encoding: chunked\r\n\r\n{}0\r\nX-T: 1\r\n\r\n", chunks.collect::<String>())
            }
            _ => format!("{head}\r\n{all}"),
        };
        (octets, framing < 2 && !close.contains("close"))
    })
}

const PIECES: &[&str] = &[
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 204 No Content\r\n",
    "Content-Length: 3\r\n",
    "Content-Length: +3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: x\r\n",
    "Connection: close\r\n",
    " folded\r\n",
    "\r\n",
    "\r\n",
    "\n",
    "\0",
    "0\r\n\r\n",
    "3\r\nabc\r\n",
    "abc",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn a_well_formed_answer_is_the_same_to_both((octets, persists) in well_formed(), step in 1_usize..40) {
        let (seen, returned) = compare(&Method::GET, octets.as_bytes(), step)?;
        prop_assert!(seen.is_some(), "{octets:?}");
        prop_assert_eq!(returned, persists);
    }

    #[test]
    fn what_is_whole_to_us_is_whole_to_hyper(
        pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..9),
        head in any::<bool>(),
        step in 1_usize..40,
    ) {
        let method = if head { Method::HEAD } else { Method::GET };
        compare(&method, pieces.concat().as_bytes(), step)?;
    }

    #[test]
    fn no_octets_hang_or_panic(octets in prop::collection::vec(any::<u8>(), 0..300), step in 1_usize..40) {
        compare(&Method::GET, &octets, step)?;
    }
}
