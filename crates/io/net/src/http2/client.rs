//! The client's HTTP/2 driver: many requests at once on one connection.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use gatepost_http::frame_watch::FrameWatch;
use gatepost_model::limits::Limits;
use h2::client::{Builder, Connection, ResponseFuture, SendRequest};
use http::header::{CONTENT_LENGTH, HOST, HeaderValue, TE};
use http::{Method, Request, Response, Uri};
use http_body::Body as _;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep};

use crate::body::Body;
use crate::error::{NetError, Wait};
use crate::failed::Failed;
use crate::http2::heads::strip_connection;
use crate::http2::heart::{Beat, Heart};
use crate::http2::incoming::Incoming;
use crate::http2::line::{Inner, Outer, line};
use crate::http2::outgoing::Outgoing;
use crate::upgrade::{self, Duplex};
use crate::{explain, request};

/// Octets that a server may send on one stream before we have read them.
const STREAM_WINDOW: u32 = 2 * 1024 * 1024;
/// The same for a whole connection.
const CONNECTION_WINDOW: u32 = 5 * 1024 * 1024;
/// Requests' octets that wait to be sent, a stream.
const SEND_BUFFER: usize = 1024 * 1024;
/// Requests at once on a server that has not said how many it takes.
const STREAMS: usize = 100;
/// Streams that we may have to reset because of a server's errors.
const LOCAL_RESETS: usize = 1024;

/// A handle on a connection; clones are further handles on the same.
#[derive(Debug, Clone)]
pub(crate) struct Streams {
    pub(super) sender: SendRequest<Bytes>,
    pub(super) answer_time: Duration,
    pub(super) send_time: Duration,
    /// Whether TLS lies beneath.
    pub(super) secure: bool,
    pub(super) busy: Busy,
    /// Whether the server's SETTINGS have come; it ends with the connection.
    pub(super) greeted: watch::Receiver<bool>,
}

impl Streams {
    /// Starts the protocol on `stream`.
    pub(crate) async fn open(stream: Duplex, secure: bool, limits: &Limits) -> Result<Self, NetError> {
        let (inner, outer) = line(stream, FrameWatch::of_server());
        let mut builder = Builder::new();
        builder
            .enable_push(false)
            .initial_max_send_streams(STREAMS)
            .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
            .max_local_error_reset_streams(Some(LOCAL_RESETS))
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buffer_size(SEND_BUFFER);
        let handshake = builder.handshake(inner).await;
        let (sender, mut connection) = handshake.map_err(|error| explain::h2(&error, "the connection"))?;
        let busy = Busy::default();
        let (greeting, greeted) = watch::channel(false);
        let driver = Driver {
            heart: Heart::new(connection.ping_pong()),
            connection,
            outer,
            sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
            busy: busy.clone(),
            greeting,
        };
        // Its error comes back through the requests in hand.
        tokio::spawn(driver);
        Ok(Self { sender, answer_time: limits.answer_time, send_time: limits.send_time, secure, busy, greeted })
    }

    pub(crate) fn is_ready(&self) -> bool {
        !self.is_closed()
    }

    /// Whether it is over, or the server wants it to be.
    pub(crate) fn is_closed(&self) -> bool {
        // A fresh handle waits for nothing, so that it is either ready or has failed.
        let ready = self.sender.clone().poll_ready(&mut Context::from_waker(Waker::noop()));
        matches!(ready, Poll::Ready(Err(_)))
    }

    /// Makes a request one of HTTP/2, and waits until the connection takes one more. Beside it, what it was before.
    pub(super) async fn prepare(&mut self, mut request: Request<Body>) -> Result<(Before, Request<Body>), Failed> {
        let before = Before::of(&request);
        request::for_http2(&mut request, self.secure)?;
        let ready = tokio::time::timeout(self.answer_time, poll_fn(|cx| self.sender.poll_ready(cx))).await;
        match ready {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(Failed::unsent(before.restore(request))),
            Err(_) => return Err(explain::timeout(Wait::Answer, self.answer_time).into()),
        }
        Ok((before, request))
    }

    /// Sends a request and waits for the head of its answer.
    pub(crate) async fn exchange(&mut self, request: Request<Body>) -> Result<Response<Body>, Failed> {
        if let Some(protocol) = upgrade::extended(request.extensions()) {
            return Box::pin(self.extended(request, protocol)).await;
        }
        let (origin, request) = self.prepare(request).await?;
        let (head, body) = fit(request);
        let ends = body.is_end_stream();
        // A request without a body can be given back whole if the server says that it has not touched it.
        let again = ends.then(|| head.clone());
        let in_hand = self.busy.begin();
        let (answer, stream) = self.sender.send_request(head, ends).map_err(|error| match explain::h2(&error, "") {
            NetError::ClosedEarly { .. } if !error.is_io() => request::wrong(&error.to_string()),
            other => other,
        })?;
        let upload = (!ends).then(|| Outgoing::new(body, stream, self.send_time));
        let mut exchange = Exchange { answer, upload, answer_time: self.answer_time };
        let answer = exchange.head().await.map_err(|error| {
            let unsent = again.filter(|_| error == NetError::Unsent).map(|head| head.map(|()| Body::empty()));
            Failed { error, unsent: unsent.map(|request| Box::new(origin.restore(request))) }
        })?;
        if let Some(mut upload) = exchange.upload {
            // It ends with its body, or when the server does not want it any more.
            tokio::spawn(async move { poll_fn(|cx| upload.poll(cx)).await });
        }
        let (head, stream) = answer.into_parts();
        if stream.is_end_stream() {
            return Ok(Response::from_parts(head, Body::empty()));
        }
        let body = Incoming::new(stream, &head.headers, "the answer");
        Ok(Response::from_parts(head, Body::streaming(body).holding(in_hand)))
    }
}

/// A request as HTTP/2 sends it.
pub(super) fn fit(mut request: Request<Body>) -> (Request<()>, Body) {
    strip_connection(request.headers_mut());
    // RFC 9113 §8.2.2: of the fields that speak of a connection the one that may stay, with this value.
    if request.headers().get(TE).is_some_and(|te| te != "trailers") {
        request.headers_mut().remove(TE);
    }
    let expects = [Method::POST, Method::PUT, Method::PATCH].contains(request.method());
    // RFC 9110 §8.6.
    if let Some(length) = request.body().size_hint().exact().filter(|length| *length > 0 || expects) {
        request.headers_mut().entry(CONTENT_LENGTH).or_insert_with(|| length.into());
    }
    let (head, body) = request.into_parts();
    (Request::from_parts(head, ()), body)
}

/// A request that has no answer yet.
pub(super) struct Exchange {
    pub(super) answer: ResponseFuture,
    pub(super) upload: Option<Outgoing>,
    pub(super) answer_time: Duration,
}

impl Exchange {
    /// The head of the answer. The answer time counts from when the request last moved, so that a long
    /// upload is not cut.
    pub(super) async fn head(&mut self) -> Result<Response<h2::RecvStream>, NetError> {
        let limit = self.answer_time;
        let mut sleep = pin!(tokio::time::sleep(limit));
        let mut moved = 0;
        poll_fn(|cx| {
            let broken = self.poll_upload(cx);
            let now = self.upload.as_ref().map_or(moved, Outgoing::moved);
            if std::mem::replace(&mut moved, now) != now {
                sleep.as_mut().reset(Instant::now() + limit);
            }
            if let Poll::Ready(answer) = Pin::new(&mut self.answer).poll(cx) {
                return Poll::Ready(answer.map_err(|error| broken.unwrap_or_else(|| refused(&error))));
            }
            if let Some(broken) = broken {
                return Poll::Ready(Err(broken));
            }
            sleep.as_mut().poll(cx).map(|()| Err(explain::timeout(Wait::Answer, limit)))
        })
        .await
    }

    /// Goes on with the request's body; gives why it could not be produced.
    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Option<NetError> {
        let Poll::Ready(sent) = self.upload.as_mut()?.poll(cx) else { return None };
        self.upload = None;
        // That the server does not want it is for its answer to say.
        sent.err().filter(|error| !matches!(error, NetError::ClosedEarly { what: "the body" } | NetError::Unsent))
    }
}

/// Why there is no answer.
fn refused(error: &h2::Error) -> NetError {
    // RFC 9113 §6.8: what is above the last stream that the server names was not and will not be processed.
    if error.is_go_away() && error.is_remote() {
        return NetError::Unsent;
    }
    explain::h2(error, "the answer")
}

/// What the protocol changes of a request: kept, so that an unsent one can be given back whole.
pub(super) struct Before {
    uri: Uri,
    host: Option<HeaderValue>,
}

impl Before {
    pub(super) fn of(request: &Request<Body>) -> Self {
        Self { uri: request.uri().clone(), host: request.headers().get(HOST).cloned() }
    }

    pub(super) fn restore(self, mut request: Request<Body>) -> Request<Body> {
        *request.uri_mut() = self.uri;
        match self.host {
            Some(host) => request.headers_mut().insert(HOST, host),
            None => request.headers_mut().remove(HOST),
        };
        request
    }
}

/// Counts the requests of a connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Busy(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    in_hand: AtomicUsize,
    /// Begun since the driver last looked.
    begun: AtomicU64,
}

/// One that is in hand.
pub(super) struct InHand(Busy);

impl Busy {
    pub(super) fn begin(&self) -> InHand {
        self.0.in_hand.fetch_add(1, Ordering::Relaxed);
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        InHand(self.clone())
    }

    fn is_busy(&self) -> bool {
        self.0.in_hand.load(Ordering::Relaxed) > 0
    }

    fn take_begun(&self) -> u64 {
        self.0.begun.swap(0, Ordering::Relaxed)
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.0.in_hand.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What reads and writes.
struct Driver<I> {
    connection: Connection<Inner<I>, Bytes>,
    outer: Outer<I>,
    sleep: Pin<Box<Sleep>>,
    heart: Heart,
    busy: Busy,
    greeting: watch::Sender<bool>,
}

impl Future for Driver<Duplex> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let ended = Pin::new(&mut self.connection).poll(cx).is_ready();
        let flushed = self.outer.poll_flush(cx, self.busy.take_begun());
        // Whatever ends here breaks the requests in hand: dropping the connection does.
        if ended || matches!(flushed, Poll::Ready(Err(_))) || self.outer.flood().is_some() {
            return Poll::Ready(());
        }
        if !*self.greeting.borrow() && self.outer.is_greeted() {
            // What has been read has been obeyed.
            let _ = self.greeting.send(true);
        }
        while self.sleep.as_mut().poll(cx).is_ready() {
            let (heard, busy) = (self.outer.heard(), self.busy.is_busy());
            match self.heart.beat(heard, Instant::now(), busy) {
                Beat::At(next) => self.sleep.as_mut().reset(next),
                Beat::Dead => return Poll::Ready(()),
            }
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_what_http2_lets_it_say() {
        let table = [
            ("GET", "te", "trailers", "", "te: trailers"),
            ("GET", "te", "trailers, gzip", "", ""),
            ("GET", "keep-alive", "1", "", ""),
            ("GET", "x", "y", "ab", "x: y|content-length: 2"),
            ("POST", "x", "y", "", "x: y|content-length: 0"),
            ("GET", "connection", "x", "", ""),
        ];
        for (method, name, value, body, expected) in table {
            let request = Request::builder().method(method).header(name, value).body(Body::from(body)).unwrap();
            let (head, _) = fit(request);
            let fields = head.headers().iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
            assert_eq!(fields.collect::<Vec<_>>().join("|"), expected, "{method} {name}: {value}");
        }
    }
}
