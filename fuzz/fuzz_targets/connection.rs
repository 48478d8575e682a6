//! Whole connections: however the octets are split, the requests are the same, and each that we let
//! through hyper reads as the very same. The first octet says how to split the rest.
#![no_main]

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

use bytes::Bytes;
use gatepost_http::error::HttpError;
use gatepost_http::framing;
use gatepost_http::request_reader::{RequestEvent, RequestReader};
use gatepost_http::scan::HeadLimits;
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let Some((step, octets)) = octets.split_first() else { return };
    let whole = ours(octets, octets.len().max(1));
    assert_eq!(ours(octets, usize::from(*step) + 1), whole);
    assert_eq!(ours(octets, 1), whole);
    if whole.0.is_empty() {
        return;
    }
    let theirs = hypers(octets);
    assert!(theirs.starts_with(&whole.0), "ours {:?}\nhyper {theirs:?}", whole.0);
});

/// Whole requests as `METHOD target body`, up to one after which there is no next, and the error.
fn ours(octets: &[u8], step: usize) -> (Vec<String>, Option<HttpError>) {
    let mut reader = RequestReader::new(HeadLimits::default(), None);
    let (mut seen, mut now, mut last) = (Vec::new(), String::new(), false);
    let (mut buffer, mut fed) = (Vec::new(), 0);
    loop {
        match reader.read(&buffer) {
            Err(error) => return (seen, Some(error)),
            Ok(RequestEvent::Head { used, head, .. }) => {
                let line = buffer.strip_prefix(b"\r\n").unwrap_or(&buffer);
                let target = String::from_utf8_lossy(line.split(|b| *b == b' ').nth(1).unwrap()).into_owned();
                // Our driver refuses what is no URI to the crate that names it; so does hyper.
                if target.parse::<Uri>().is_err() {
                    return (seen, None);
                }
                last = !framing::persists(head.version, &head.headers) || head.method == Method::CONNECT;
                now = format!("{} {target} ", head.method);
                if head.method == Method::CONNECT {
                    return (seen, None);
                }
                buffer.drain(..used);
            }
            Ok(RequestEvent::Data(data)) => {
                now.push_str(&buffer[data.clone()].escape_ascii().to_string());
                buffer.drain(..data.end);
            }
            Ok(RequestEvent::End { used, .. }) => {
                seen.push(std::mem::take(&mut now));
                buffer.drain(..used);
                if last {
                    return (seen, None);
                }
            }
            Ok(RequestEvent::Need { used }) => {
                buffer.drain(..used);
                if fed == octets.len() {
                    return (seen, None);
                }
                let end = octets.len().min(fed + step);
                buffer.extend_from_slice(&octets[fed..end]);
                fed = end;
            }
        }
    }
}

fn hypers(octets: &[u8]) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let record = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&record);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let seen = Rc::clone(&seen);
        async move {
            let (parts, body) = request.into_parts();
            if let Ok(body) = body.collect().await {
                let body = body.to_bytes().escape_ascii().to_string();
                seen.borrow_mut().push(format!("{} {} {body}", parts.method, parts.uri));
            }
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    runtime.block_on(async {
        let (near, far) = duplex(1 << 16);
        let (mut reader, mut writer) = tokio::io::split(far);
        let serving =
            hyper::server::conn::http1::Builder::new().half_close(true).serve_connection(TokioIo::new(near), service);
        let saying = async {
            let _ = writer.write_all(octets).await;
            let _ = writer.shutdown().await;
        };
        let hearing = async {
            let mut answers = Vec::new();
            let _ = reader.read_to_end(&mut answers).await;
        };
        let (_, (), ()) = tokio::join!(serving, saying, hearing);
    });
    let seen = record.borrow().clone();
    seen
}
