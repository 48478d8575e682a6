//! The client's HTTP/2 driver, on hyper: many requests at once on one connection.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use gatepost_model::limits::Limits;
use http::header::{HOST, HeaderValue};
use http::{Request, Response, Uri};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::time::Instant;

use crate::body::Body;
use crate::connection::Failed;
use crate::error::{NetError, Wait};
use crate::upgrade::Duplex;
use crate::{explain, request};

/// How often a quiet server is asked whether it still lives, and how long it may take to say so.
const PING: Duration = Duration::from_secs(20);

/// A handle on a connection; clones are further handles on the same.
#[derive(Debug, Clone)]
pub(crate) struct Streams {
    sender: http2::SendRequest<Outgoing>,
    answer_time: Duration,
    /// Whether TLS lies beneath.
    secure: bool,
}

impl Streams {
    /// Starts the protocol on `stream`.
    pub(crate) async fn open(stream: Duplex, secure: bool, limits: &Limits) -> Result<Self, NetError> {
        let handshake = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING)
            .handshake(TokioIo::new(stream));
        let (sender, driver) = handshake.await.map_err(|error| explain::hyper(&error, "h2", "the connection"))?;
        // Its error comes back through the requests in hand.
        tokio::spawn(driver);
        Ok(Self { sender, answer_time: limits.answer_time, secure })
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Sends a request and waits for the head of its answer.
    pub(crate) async fn exchange(&mut self, mut request: Request<Body>) -> Result<Response<Body>, Failed> {
        let origin = Before::of(&request);
        request::for_http2(&mut request, self.secure)?;
        let progress = Arc::new(Progress::new());
        let request = request.map(|body| Outgoing { body, progress: Arc::clone(&progress) });
        let answer = progress.within(self.answer_time, self.send(request)).await?;
        let answer = answer.map_err(|failure| {
            let error = explain::hyper(failure.error(), "h2", "the answer");
            let unsent = failure.into_unsent().map(|request| Box::new(origin.restore(request.map(|out| out.body))));
            Failed { error: if unsent.is_some() { NetError::Unsent } else { error }, unsent }
        })?;
        Ok(answer.map(|body| Body::incoming(body, "h2", "the answer")))
    }

    async fn send(&mut self, request: Request<Outgoing>) -> Result<Response<Incoming>, Box<Failure>> {
        if let Err(error) = self.sender.ready().await {
            return Err(Box::new(Failure::Before(error, request)));
        }
        self.sender.try_send_request(request).await.map_err(|failure| Box::new(Failure::Within(failure)))
    }
}

/// What the protocol changes of a request: kept, so that an unsent one can be given back whole.
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
