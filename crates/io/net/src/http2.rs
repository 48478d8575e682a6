//! The server's HTTP/2 driver: one connection, many streams, and the bounds that keep floods cheap.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use gatepost_http::{fields, framing};
use gatepost_model::limits::Limits;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::body::Body;
use crate::drain::Drain;
use crate::error::NetError;
use crate::explain;
use crate::handler::{Handler, Peer};
use crate::in_hand::InHand;
use crate::leftover::{self, Leftover};

/// Octets that a client may send on one stream before we have read them.
const STREAM_WINDOW: u32 = 64 * 1024;
/// The same for a whole connection.
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Answers' octets that wait to be sent, a stream.
const SEND_BUFFER: usize = 64 * 1024;
/// Streams that a client may open and reset before we have seen them (rapid reset, CVE-2023-44487).
const PENDING_RESETS: usize = 20;
/// Streams that we may have to reset because of a client's errors (MadeYouReset, CVE-2025-8671).
const LOCAL_RESETS: usize = 128;
/// How often a quiet peer is asked whether it still lives, and how long it may take to say so.
const PING: Duration = Duration::from_secs(20);

/// Serves HTTP/2 on `io` until either end is done, it has idled for too long, or the drain has started
/// and the streams in hand are answered.
pub(crate) async fn serve_http2<I>(
    io: I,
    peer: Arc<Peer>,
    handler: Arc<dyn Handler>,
    limits: Arc<Limits>,
    drain: Drain,
) -> Result<(), NetError>
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let in_hand = InHand::new();
    let service = service_fn(|request: Request<Incoming>| {
        let taken = in_hand.take();
        let checked = check(&request, &limits);
        let (request, leftover) = admit(request, &limits);
        let answering = checked.map(|()| Arc::clone(&handler).handle(request, Arc::clone(&peer)));
        async move {
            let answer = match answering {
                Ok(answering) => answering.await,
                Err(status) => refusal(status),
            };
            Ok::<_, Infallible>(answer.map(|body| body.holding((taken, leftover))))
        }
    });
    let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(LOCAL_RESETS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .serve_connection(TokioIo::new(io), service);
    let mut connection = pin!(connection);
    let enough = async {
        tokio::select! {
            () = drain.started() => {}
            () = in_hand.none_for(limits.idle_time) => {}
        }
    };
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = enough => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    in_hand.judge(ended.map_err(|error| explain::hyper(&error, "h2", "the request")))
}

/// The request as handlers see it, and what its answer has to see to.
fn admit(mut request: Request<Incoming>, limits: &Limits) -> (Request<Body>, Option<Leftover>) {
    join_cookies(request.headers_mut());
    if request.body().is_end_stream() {
        return (request.map(|_| Body::empty()), None);
    }
    let (head, body) = request.into_parts();
    let (wanted, leftover) = leftover::keep(body);
    let body = Body::incoming(wanted, "h2", "the request").paced(limits.idle_time);
    let body = match limits.body_bytes {
        Some(limit) => body.limited(limit),
        None => body,
    };
    (Request::from_parts(head, body), Some(leftover))
}

/// RFC 9113 §8.2.3: a client may send its cookies in crumbs; whoever is not HTTP/2 gets one field.
fn join_cookies(headers: &mut HeaderMap) {
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() < 2 {
        return;
    }
    // Values joined by what a value may hold make a value.
    if let Ok(whole) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        headers.insert(COOKIE, whole);
    }
}

/// What hyper lets pass and our HTTP/1.1 core does not: a request may go on in either protocol, and must
/// mean one thing in both.
fn check<B>(request: &Request<B>, limits: &Limits) -> Result<(), StatusCode> {
    // RFC 6585 §5. hyper bounds the octets of a head, not the number of its fields.
    if request.headers().len() > limits.head_fields {
        return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    framing::request(Version::HTTP_11, request.headers()).map_err(|error| error.status())?;
    framing::expects_continue(Version::HTTP_11, request.headers()).map_err(|error| error.status())?;
    if request.headers().keys().any(|name| fields::masks_framing(name.as_str())) {
        return Err(StatusCode::BAD_REQUEST);
    }
    Ok(())
}

fn refusal(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fields, and the status that they are refused with.
    type Case = (&'static [(&'static str, &'static str)], Result<(), u16>);

    #[test]
    fn a_head_that_http1_would_refuse_is_refused() {
        let table: &[Case] = &[
            (&[], Ok(())),
            (&[("content-length", "3"), ("expect", "100-continue")], Ok(())),
            (&[("content-length", "3"), ("content-length", "3")], Err(400)),
            (&[("content-length", "03")], Err(400)),
            (&[("transfer_encoding", "chunked")], Err(400)),
            (&[("content.length", "3")], Err(400)),
            (&[("expect", "200-maybe")], Err(417)),
            (&[("a", "1"), ("b", "1"), ("c", "1")], Err(431)),
        ];
        let limits = Limits { head_fields: 2, ..Limits::default() };
        for (fields, expected) in table {
            let request =
                fields.iter().fold(Request::builder(), |builder, (name, value)| builder.header(*name, *value));
            let checked = check(&request.body(()).unwrap(), &limits).map_err(|status| status.as_u16());
            assert_eq!(checked, *expected, "{fields:?}");
        }
    }
}
