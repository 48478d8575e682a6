//! A connection to a server that takes requests.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use gatepost_http::framing;
use gatepost_model::limits::Limits;
use http::header::{HOST, HeaderValue};
use http::{Request, Response, StatusCode, Uri};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::time::Instant;

use crate::body::Body;
use crate::error::{NetError, Wait};
use crate::upgrade::{self, Duplex};
use crate::{explain, request};

/// How often a quiet HTTP/2 server is asked whether it still lives, and how long it may take to say so.
const PING: Duration = Duration::from_secs(20);
/// The least that hyper takes as its buffer.
const LEAST_BUFFER: usize = 8 * 1024;

/// What stands behind a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionFacts {
    /// The address that was reached.
    pub address: SocketAddr,
    /// `TLSv1.3`, `TLSv1.2`, or `None` in the clear.
    pub tls: Option<&'static str>,
    /// `http/1.1` or `h2`.
    pub protocol: &'static str,
}

/// An open connection that takes requests: one after the other (HTTP/1.1) or many at once (HTTP/2).
///
/// Dropping it closes it as soon as the answers in hand have been read or dropped.
#[derive(Debug)]
pub struct Connection {
    facts: ConnectionFacts,
    sender: Sender,
    answer_time: Duration,
}

#[derive(Debug)]
enum Sender {
    Http1(http1::SendRequest<Outgoing>),
    Http2(http2::SendRequest<Outgoing>),
}

impl Connection {
    /// Starts the protocol of `facts` on `stream`.
    pub(crate) async fn open(stream: Duplex, facts: ConnectionFacts, limits: &Limits) -> Result<Self, NetError> {
        let protocol = facts.protocol;
        let broken = |error: hyper::Error| explain::hyper(&error, protocol, "the connection");
        let sender = if protocol == "h2" {
            let handshake = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
                .keep_alive_interval(PING)
                .keep_alive_timeout(PING)
                .handshake(TokioIo::new(stream));
            let (sender, driver) = handshake.await.map_err(broken)?;
            // Its error comes back through the requests in hand.
            tokio::spawn(driver);
            Sender::Http2(sender)
        } else {
            let handshake = http1::Builder::new()
                .max_headers(limits.head_fields)
                .max_header_size(limits.head_bytes)
                .max_buf_size(limits.head_bytes.max(LEAST_BUFFER))
                .handshake(TokioIo::new(stream));
            let (sender, driver) = handshake.await.map_err(broken)?;
            tokio::spawn(driver.with_upgrades());
            Sender::Http1(sender)
        };
        Ok(Self { facts, sender, answer_time: limits.answer_time })
    }

    /// Where it leads and what it speaks.
    #[must_use]
    pub fn facts(&self) -> &ConnectionFacts {
        &self.facts
    }

    /// Whether it takes many requests at once; then [`share`](Self::share) gives more handles.
    #[must_use]
    pub fn is_multiplexed(&self) -> bool {
        matches!(self.sender, Sender::Http2(_))
    }

    /// Another handle on the same connection, if it is multiplexed.
    #[must_use]
    pub fn share(&self) -> Option<Self> {
        match &self.sender {
            Sender::Http1(_) => None,
            Sender::Http2(sender) => Some(Self {
                facts: self.facts.clone(),
                sender: Sender::Http2(sender.clone()),
                answer_time: self.answer_time,
            }),
        }
    }

    /// Whether it takes a request now, as far as we know: the other end may close it at any time.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        match &self.sender {
            Sender::Http1(sender) => sender.is_ready(),
            Sender::Http2(sender) => sender.is_ready(),
        }
    }

    /// Whether it is over: it will never take a request again.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        match &self.sender {
            Sender::Http1(sender) => sender.is_closed(),
            Sender::Http2(sender) => sender.is_closed(),
        }
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// The URI is absolute; each protocol gets the form that it needs, and Host where there is none. A
    /// Host that is set stays (HTTP/1.1) or becomes the authority (HTTP/2). The answer's body fails with
    /// [`NetError::ClosedEarly`] if it is cut short. Over HTTP/2 nothing can be upgraded.
    ///
    /// # Errors
    /// [`NetError::Unsent`] if nothing of it went out; [`NetError::Timeout`] if for the answer time
    /// neither the request's body nor the answer made progress; whatever else breaks the exchange.
    pub async fn send(&mut self, request: Request<Body>) -> Result<Response<Body>, NetError> {
        Ok(self.try_send(request).await?)
    }

    /// As [`send`](Self::send), but gives an unsent request back.
    ///
    /// # Errors
    /// [`Failed`], with the request if nothing of it went out.
    pub async fn try_send(&mut self, mut request: Request<Body>) -> Result<Response<Body>, Failed> {
        let (origin, method) = (Before::of(&request), request.method().clone());
        match &self.sender {
            Sender::Http1(_) => request::for_http1(&mut request)?,
            Sender::Http2(_) => request::for_http2(&mut request, self.facts.tls.is_some())?,
        }
        let progress = Arc::new(Progress::new());
        let request = request.map(|body| Outgoing { body, progress: Arc::clone(&progress) });
        let answer = progress.within(self.answer_time, self.sender.exchange(request)).await?;
        let protocol = self.facts.protocol;
        let mut answer = answer.map_err(|failure| {
            let error = explain::hyper(failure.error(), protocol, "the answer");
            let unsent = failure.into_unsent().map(|request| Box::new(origin.restore(request.map(|out| out.body))));
            Failed { error: if unsent.is_some() { NetError::Unsent } else { error }, unsent }
        })?;
        if protocol == "http/1.1" {
            // hyper reads what two readers could frame differently; such an answer is an error.
            framing::response(&method, answer.status(), answer.version(), answer.headers()).map_err(explain::http1)?;
        }
        let granted = (answer.status() == StatusCode::SWITCHING_PROTOCOLS).then(|| hyper::upgrade::on(&mut answer));
        let mut answer = answer.map(|body| Body::incoming(body, protocol, "the answer"));
        if let Some(granted) = granted {
            // Granted already: there is nothing left to refuse.
            drop(upgrade::offer(answer.extensions_mut(), granted));
        }
        Ok(answer)
    }
}

/// A request that got no answer.
#[derive(Debug)]
pub struct Failed {
    /// Why.
    pub error: NetError,
    /// The request as it was given, if nothing of it went out: it may be sent again elsewhere.
    pub unsent: Option<Box<Request<Body>>>,
}

impl From<NetError> for Failed {
    fn from(error: NetError) -> Self {
        Self { error, unsent: None }
    }
}

impl From<Failed> for NetError {
    fn from(failed: Failed) -> Self {
        failed.error
    }
}

/// What each protocol changes of a request: kept, so that an unsent one can be given back whole.
struct Before {
    uri: Uri,
    host: Option<HeaderValue>,
}

impl Before {
    fn of(request: &Request<Body>) -> Self {
        Self { uri: request.uri().clone(), host: request.headers().get(HOST).cloned() }
    }

    fn restore(self, mut request: Request<Body>) -> Request<Body> {
        *request.uri_mut() = self.uri;
        match self.host {
            Some(host) => request.headers_mut().insert(HOST, host),
            None => request.headers_mut().remove(HOST),
        };
        request
    }
}

/// hyper's failure, with the request if it never left.
enum Failure {
    Before(hyper::Error, Request<Outgoing>),
    Within(hyper::client::conn::TrySendError<Request<Outgoing>>),
}

impl Failure {
    fn error(&self) -> &hyper::Error {
        match self {
            Self::Before(error, _) => error,
            Self::Within(failure) => failure.error(),
        }
    }

    fn into_unsent(self) -> Option<Request<Outgoing>> {
        match self {
            Self::Before(_, request) => Some(request),
            Self::Within(mut failure) => failure.take_message(),
        }
    }
}

impl Sender {
    async fn exchange(&mut self, request: Request<Outgoing>) -> Result<Response<Incoming>, Box<Failure>> {
        let ready = match self {
            Self::Http1(sender) => sender.ready().await,
            Self::Http2(sender) => sender.ready().await,
        };
        if let Err(error) = ready {
            return Err(Box::new(Failure::Before(error, request)));
        }
        let answer = match self {
            Self::Http1(sender) => sender.try_send_request(request).await,
            Self::Http2(sender) => sender.try_send_request(request).await,
        };
        answer.map_err(|failure| Box::new(Failure::Within(failure)))
    }
}

/// When a request last moved: the answer time counts from there, so that a long upload is not cut.
#[derive(Debug)]
struct Progress(Mutex<Instant>);

impl Progress {
    fn new() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    fn made(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` until it is done or nothing has moved for `limit`.
    async fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Result<T, NetError> {
        let mut work = pin!(work);
        loop {
            let end = self.last() + limit;
            if let Ok(done) = tokio::time::timeout_at(end, work.as_mut()).await {
                return Ok(done);
            }
            if self.last() + limit <= end {
                return Err(explain::timeout(Wait::Answer, limit));
            }
        }
    }
}

/// A request's body that notes its progress.
#[derive(Debug)]
struct Outgoing {
    body: Body,
    progress: Arc<Progress>,
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = NetError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, NetError>>> {
        let next = Pin::new(&mut self.body).poll_frame(cx);
        if next.is_ready() {
            self.progress.made();
        }
        next
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
