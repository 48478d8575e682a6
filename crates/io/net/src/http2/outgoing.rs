//! A body on its way out on a stream: the client's requests and the server's answers.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::{Reason, SendStream};
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame};
use tokio::time::Sleep;

use crate::body::Body;
use crate::error::{NetError, Wait};
use crate::explain;

/// Sends a body. Dropped before its end it resets the stream, so that it never looks complete.
pub(super) struct Outgoing {
    body: Body,
    stream: SendStream<Bytes>,
    /// What the body gave when it was asked whether the piece before is the last.
    ahead: Option<Next>,
    /// A piece that waits for the other end's window.
    waiting: Option<Piece>,
    /// Whether nothing was sent yet: the first piece goes to h2 without asking.
    fresh: bool,
    trailers: Option<HeaderMap>,
    stall: Stall,
    moved: u64,
}

/// What a body gives; `None` is its end.
type Next = Option<Result<Frame<Bytes>, NetError>>;

struct Piece {
    data: Bytes,
    last: bool,
}

/// How long the other end may keep its window shut.
struct Stall {
    limit: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Outgoing {
    /// Sends `body` on `stream`, whose head has gone and has not ended it; the other end may refuse to take
    /// more for `limit` at a time.
    pub(super) fn new(body: Body, stream: SendStream<Bytes>, limit: Duration) -> Self {
        let stall = Stall { limit, waiting: None };
        Self { body, stream, ahead: None, waiting: None, fresh: true, trailers: None, stall, moved: 0 }
    }

    /// How many pieces the body has given.
    pub(super) fn moved(&self) -> u64 {
        self.moved
    }

    /// Ready when all has been handed to h2. A body that fails resets the stream.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), NetError>> {
        loop {
            if self.waiting.is_some() {
                ready!(self.poll_room(cx))?;
            }
            if let Some(Piece { data, last }) = self.waiting.take() {
                self.send(data, last)?;
                if last {
                    return Poll::Ready(Ok(()));
                }
            }
            let Poll::Ready(next) = self.poll_next(cx) else { return self.poll_gone(cx) };
            match next {
                None => return Poll::Ready(self.end()),
                Some(Err(error)) => {
                    self.stream.send_reset(Reason::INTERNAL_ERROR);
                    return Poll::Ready(Err(error));
                }
                Some(Ok(frame)) => {
                    if self.take(frame, cx)? {
                        return Poll::Ready(Ok(()));
                    }
                }
            }
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        if let Some(next) = self.ahead.take() {
            return Poll::Ready(next);
        }
        let next = ready!(Pin::new(&mut self.body).poll_frame(cx));
        self.moved += 1;
        Poll::Ready(next)
    }

    /// Whether the piece that the body just gave was its last: then it ends the stream, and no frame
    /// of its own has to.
    fn is_last(&mut self, cx: &mut Context<'_>) -> bool {
        if self.body.is_end_stream() {
            return true;
        }
        match self.poll_next(cx) {
            Poll::Ready(None) => true,
            Poll::Ready(next) => {
                self.ahead = Some(next);
                false
            }
            Poll::Pending => false,
        }
    }

    /// Takes what the body gave; whether that was all.
    fn take(&mut self, frame: Frame<Bytes>, cx: &mut Context<'_>) -> Result<bool, NetError> {
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => {
                // They end the stream: so they wait for the end, which may yet be a failure.
                self.trailers = frame.into_trailers().ok();
                return Ok(false);
            }
        };
        let last = self.is_last(cx);
        if std::mem::take(&mut self.fresh) || (data.is_empty() && last) {
            self.send(data, last)?;
            return Ok(last);
        }
        if !data.is_empty() {
            self.waiting = Some(Piece { data, last });
        }
        Ok(false)
    }

    fn end(&mut self) -> Result<(), NetError> {
        let Some(trailers) = self.trailers.take() else { return self.send(Bytes::new(), true) };
        self.stream.reserve_capacity(0);
        self.stream.send_trailers(trailers).map_err(|error| gone(&error))
    }

    fn send(&mut self, data: Bytes, last: bool) -> Result<(), NetError> {
        self.stream.send_data(data, last).map_err(|error| gone(&error))
    }

    /// Ready when h2 would send something of the piece that waits. Room is asked for only then: what one
    /// stream reserves, the others cannot have.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), NetError>> {
        self.stream.reserve_capacity(1);
        while self.stream.capacity() == 0 {
            match self.stream.poll_capacity(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(gone(&error))),
                Poll::Ready(None) => return Poll::Ready(Err(NetError::ClosedEarly { what: "the body" })),
                Poll::Pending => {
                    if let Poll::Ready(error) = self.stall.poll_over(cx) {
                        self.stream.send_reset(Reason::CANCEL);
                        return Poll::Ready(Err(error));
                    }
                    return self.poll_gone(cx);
                }
            }
        }
        self.stall.waiting = None;
        Poll::Ready(Ok(()))
    }

    /// Ready with an error when the other end has reset the stream, or the connection is gone.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), NetError>> {
        let reset = ready!(self.stream.poll_reset(cx));
        Poll::Ready(Err(match reset {
            Ok(_) => NetError::ClosedEarly { what: "the body" },
            Err(error) => gone(&error),
        }))
    }
}

impl Stall {
    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<NetError> {
        let limit = self.limit;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        ready!(waiting.as_mut().poll(cx));
        Poll::Ready(explain::timeout(Wait::Write, limit))
    }
}

fn gone(error: &h2::Error) -> NetError {
    explain::h2(error, "the body")
}
