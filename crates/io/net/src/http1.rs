//! The server's HTTP/1.1 driver: one connection from its first octet to its last.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use gatepost_model::limits::Limits;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::body::Body;
use crate::drain::Drain;
use crate::error::NetError;
use crate::explain;
use crate::handler::{Handler, Peer};
use crate::upgrade;

/// The least that hyper takes as its buffer.
const LEAST_BUFFER: usize = 8 * 1024;

/// Serves HTTP/1.1 on `io` until either end is done, or the drain has started and the request in hand is answered.
pub(crate) async fn serve_http1<I>(
    io: I,
    peer: Arc<Peer>,
    handler: Arc<dyn Handler>,
    limits: Arc<Limits>,
    drain: Drain,
) -> Result<(), NetError>
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(|request| {
        let answering = Arc::clone(&handler).handle(admit(request, &limits), Arc::clone(&peer));
        async move { Ok::<_, Infallible>(answering.await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .half_close(true)
        .max_headers(limits.head_fields)
        .max_header_size(limits.head_bytes)
        .max_buf_size(limits.head_bytes.max(LEAST_BUFFER))
        .serve_connection(TokioIo::new(io), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = drain.started() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    ended.map_err(|error| explain::hyper(&error, "http/1.1", "the request"))
}

/// The request as handlers see it.
fn admit(mut request: Request<Incoming>, limits: &Limits) -> Request<Body> {
    let asked = request.headers().contains_key(http::header::UPGRADE) || request.method() == http::Method::CONNECT;
    let upgrade = asked.then(|| hyper::upgrade::on(&mut request));
    let mut request = request.map(|body| {
        let body = Body::incoming(body, "http/1.1", "the request").paced(limits.idle_time);
        match limits.body_bytes {
            Some(limit) => body.limited(limit),
            None => body,
        }
    });
    if let Some(upgrade) = upgrade {
        upgrade::offer(request.extensions_mut(), upgrade);
    }
    request
}
