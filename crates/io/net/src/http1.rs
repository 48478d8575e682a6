//! The server's HTTP/1.1 driver: one connection from its first octet to its last.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use gatepost_model::limits::Limits;
use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;

use crate::body::Body;
use crate::drain::Drain;
use crate::error::{NetError, Wait};
use crate::explain;
use crate::handler::{Handler, Peer};
use crate::in_hand::InHand;
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
    let in_hand = InHand::new();
    let service = service_fn(|request| {
        let taken = in_hand.take();
        let (request, refuse) = admit(request, &limits);
        let answering = Arc::clone(&handler).handle(request, Arc::clone(&peer));
        async move {
            let answer = answering.await;
            if let Some(refuse) = refuse.filter(|_| answer.status() != StatusCode::SWITCHING_PROTOCOLS) {
                // Nobody hears it if the upgrade was not taken.
                let _ = refuse.send(());
            }
            Ok::<_, Infallible>(answer.map(|body| body.holding(taken)))
        }
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
    in_hand.judge(ended.map_err(|error| match error.is_timeout() {
        true => explain::timeout(Wait::Head, limits.head_time),
        false => explain::hyper(&error, "http/1.1", "the request"),
    }))
}

/// The request as handlers see it, and how to refuse the upgrade that it asks for. CONNECT is not offered
/// as one: Gatepost is no forward proxy.
fn admit(mut request: Request<Incoming>, limits: &Limits) -> (Request<Body>, Option<oneshot::Sender<()>>) {
    let asked = request.headers().contains_key(http::header::UPGRADE);
    let upgrade = asked.then(|| hyper::upgrade::on(&mut request));
    let mut request = request.map(|body| {
        let body = Body::incoming(body, "http/1.1", "the request").paced(limits.idle_time);
        match limits.body_bytes {
            Some(limit) => body.limited(limit),
            None => body,
        }
    });
    let refuse = upgrade.map(|upgrade| upgrade::offer(request.extensions_mut(), upgrade));
    (request, refuse)
}
