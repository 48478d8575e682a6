//! Beside hyper: whatever our driver lets through, hyper reads as the very same requests.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use gatepost_model::limits::Limits;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use crate::body::Body;
use crate::drain::{Drain, Sleepers};
use crate::handler::Peer;
use crate::http1::drive::{House, serve_http1};
use crate::reports::Reports;

/// Whole requests as `METHOD uri body`, in order; one that broke off is not there.
type Record = Arc<Mutex<Vec<String>>>;

fn note<B>(record: &Record, parts: &http::request::Parts, body: Result<http_body_util::Collected<Bytes>, B>) {
    let body = body.map(|body| body.to_bytes().escape_ascii().to_string());
    let line = body.map_or_else(|_| "broken".to_owned(), |body| format!("{} {} {body}", parts.method, parts.uri));
    record.lock().unwrap().push(line);
}

/// Says `octets` in pieces of `step`, and that this was all; gives the answers.
async fn say(mut stream: DuplexStream, octets: &[u8], step: usize) -> Vec<u8> {
    for piece in octets.chunks(step) {
        // A server that has refused does not read on.
        if stream.write_all(piece).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    let _ = stream.shutdown().await;
    let mut answers = Vec::new();
    let _ = stream.read_to_end(&mut answers).await;
    answers
}

async fn ours(octets: &[u8], step: usize) -> (Vec<String>, Vec<u8>) {
    let record = Record::default();
    let seen = Arc::clone(&record);
    let handler = move |request: Request<Body>, _: Arc<Peer>| {
        let seen = Arc::clone(&seen);
        async move {
            let (parts, body) = request.into_parts();
            note(&seen, &parts, BodyExt::collect(body).await);
            Response::new(Body::empty())
        }
    };
    let address = "127.0.0.1:1".parse().unwrap();
    let peer = Peer::new(address, address);
    let (near, far) = duplex(1 << 16);
    let (limits, drain, sleepers) = (Arc::new(Limits::default()), Drain::default(), Sleepers::default());
    let (memory, reports) = (Arc::default(), Reports::new(Box::new(|_| ())));
    let house = House { handler: Arc::new(handler), limits, drain, sleepers, memory, reports };
    let serving = serve_http1(near, Arc::new(peer), Arc::new(house));
    let (_, answers) = tokio::join!(serving, say(far, octets, step));
    (taken(&record), answers)
}

async fn hypers(octets: &[u8]) -> Vec<String> {
    let record = Record::default();
    let service = service_fn(|request: Request<hyper::body::Incoming>| {
        let seen = Arc::clone(&record);
        async move {
            let (parts, body) = request.into_parts();
            note(&seen, &parts, body.collect().await);
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    let (near, far) = duplex(1 << 16);
    let connection =
        hyper::server::conn::http1::Builder::new().half_close(true).serve_connection(TokioIo::new(near), service);
    let _ = tokio::join!(connection, say(far, octets, 1 << 16));
    taken(&record)
}

fn taken(record: &Record) -> Vec<String> {
    std::mem::take(&mut *record.lock().unwrap())
}

fn compare(octets: &[u8], step: usize) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let (ours, answers) = ours(octets, step).await;
        let hypers = hypers(octets).await;
        let whole: Vec<_> = ours.iter().filter(|request| *request != "broken").collect();
        prop_assert!(whole.len() >= ours.len().saturating_sub(1), "after a broken request: {:?}", ours);
        prop_assert!(hypers.iter().take(whole.len()).eq(whole.iter().copied()), "{:?} {:?}", ours, hypers);
        let said = answers.windows(9).filter(|window| window == b"HTTP/1.1 ").count();
        prop_assert!(said >= ours.len(), "{} answers to {:?}", said, ours);
        Ok(())
    })
}

const PIECES: &[&str] = &[
    "GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /b HTTP/1.1\r\nHost: a\r\n",
    "POST /c HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n",
    "POST /d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    "GET /e HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "Content-Length: 3\r\n",
    "Content-Length: +3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: x\r\n",
    "Connection: close\r\n",
    "Expect: 100-continue\r\n",
    " folded\r\n",
    "\r\n",
    "\r\n",
    "\n",
    "\r",
    "\0",
    "0\r\n\r\n",
    "3\r\nabc\r\n",
    "3;x=y\r\n",
    "abc",
    "G",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn what_we_let_through_hyper_reads_alike(
        pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..12),
        step in 1_usize..40,
    ) {
        compare(pieces.concat().as_bytes(), step)?;
    }

    #[test]
    fn no_octets_hang_or_panic(octets in prop::collection::vec(any::<u8>(), 0..300), step in 1_usize..40) {
        compare(&octets, step)?;
    }
}
