//! A body on its way out on a stream: the client's requests and the server's answers.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use gatepost_model::pace::Pace;
use h2::{Reason, SendStream};
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame};
use tokio::time::{Instant, Sleep};

use crate::body::Body;
use crate::error::{NetError, Wait};
use crate::explain;

/// A first piece goes to h2 without asking if it is no longer than this: most are, and are all there is.
const FRESH: usize = 16 * 1024;

/// So much room is asked for at a time.
const ROOM: usize = 64 * 1024;

/// Sends a body. What the other end has no room for stays here, so that somebody looks after it until it has gone: h2
/// would keep it for as long as the connection lives. Dropped before its end it resets the stream, so that it never looks complete.
pub(super) struct Outgoing {
    body: Body,
    stream: SendStream<Bytes>,
    /// What the body gave when it was asked whether the piece before is the last.
    ahead: Option<Next>,
    /// A piece that waits for the other end's window.
    waiting: Option<Piece>,
    /// Whether nothing was sent yet.
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

/// How long the other end may keep its window shut, and how little it may open it.
struct Stall {
    limit: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
    since: Option<Instant>,
    pace: Pace,
    exit: Exit,
}

/// Whether what is sent leaves the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Exit {
    #[default]
    Open,
    /// The connection takes no more; no stream is to blame for it.
    Blocked,
}

impl Outgoing {
    /// Sends `body` on `stream`, whose head has gone and has not ended it; the other end may refuse to take
    /// more for `limit` at a time.
    pub(super) fn new(body: Body, stream: SendStream<Bytes>, limit: Duration) -> Self {
        let pace = Pace::new(0, Duration::ZERO);
        let stall = Stall { limit, waiting: None, since: None, pace, exit: Exit::Open };
        Self { body, stream, ahead: None, waiting: None, fresh: true, trailers: None, stall, moved: 0 }
    }

    /// The other end has to keep this pace while it is waited for.
    pub(super) fn at_least(mut self, pace: Pace) -> Self {
        self.stall.pace = pace;
        self
    }

    /// Whether what is sent leaves now.
    pub(super) fn leaves_by(&mut self, exit: Exit) {
        self.stall.exit = exit;
    }

    /// How many pieces the body has given, and have gone in parts.
    pub(super) fn moved(&self) -> u64 {
        self.moved
    }

    /// Ready when all has been handed to h2. A body that fails resets the stream.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), NetError>> {
        loop {
            while let Some(Piece { data, last }) = self.waiting.take() {
                if ready!(self.poll_part(cx, data, last))? {
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
        if (std::mem::take(&mut self.fresh) && data.len() <= FRESH) || (data.is_empty() && last) {
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

    /// Sends of a piece what there is room for; the rest waits. Whether that was the last of the body.
    fn poll_part(&mut self, cx: &mut Context<'_>, mut data: Bytes, last: bool) -> Poll<Result<bool, NetError>> {
        let room = match self.poll_room(cx, data.len().min(ROOM)) {
            Poll::Ready(room) => room?,
            Poll::Pending => {
                self.waiting = Some(Piece { data, last });
                return Poll::Pending;
            }
        };
        let part = data.split_to(room.min(data.len()));
        if let Err(error) = self.stall.passed(part.len()) {
            self.stream.send_reset(Reason::CANCEL);
            return Poll::Ready(Err(error));
        }
        self.moved += 1;
        let ends = last && data.is_empty();
        self.send(part, ends)?;
        if !data.is_empty() {
            self.waiting = Some(Piece { data, last });
        }
        Poll::Ready(Ok(ends))
    }

    /// Ready when h2 would send something at once; gives how much. Room is asked for only for what is there: what one
    /// stream reserves, the others cannot have.
    fn poll_room(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<Result<usize, NetError>> {
        self.stream.reserve_capacity(wanted);
        loop {
            let room = self.stream.capacity();
            if room > 0 {
                return Poll::Ready(Ok(room));
            }
            match self.stream.poll_capacity(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(gone(&error))),
                Poll::Ready(None) => return Poll::Ready(Err(NetError::ClosedEarly { what: "the body" })),
                Poll::Pending => {
                    if let Poll::Ready(error) = self.stall.poll_over(cx) {
                        self.stream.send_reset(Reason::CANCEL);
                        return Poll::Ready(Err(error));
                    }
                    return self.poll_gone(cx).map_ok(|()| 0);
                }
            }
        }
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
        self.since.get_or_insert_with(Instant::now);
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        ready!(waiting.as_mut().poll(cx));
        Poll::Ready(explain::timeout(Wait::Write, limit))
    }

    /// So many octets found room; an error if there has been too little in all that time.
    fn passed(&mut self, octets: usize) -> Result<(), NetError> {
        self.waiting = None;
        let waited = self.since.take().filter(|_| self.exit == Exit::Open);
        let time = waited.map_or(Duration::ZERO, |since| since.elapsed());
        self.pace.waited(time, u64::try_from(octets).unwrap_or(u64::MAX));
        if self.pace.is_too_slow() {
            return Err(explain::timeout(Wait::Write, self.limit));
        }
        Ok(())
    }
}

fn gone(error: &h2::Error) -> NetError {
    explain::h2(error, "the body")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_who_keeps_its_own_window_shut_is_too_slow() {
        let (minute, second) = (Duration::from_secs(60), Duration::from_secs(1));
        let slow = Err(explain::timeout(Wait::Write, minute));
        for (exit, expected) in [(Exit::Open, slow), (Exit::Blocked, Ok(()))] {
            let mut stall =
                Stall { limit: minute, waiting: None, since: None, pace: Pace::new(240, 10 * second), exit };
            let waits = std::future::poll_fn(|cx| Poll::Ready(stall.poll_over(cx).is_pending())).await;
            assert!(waits);
            tokio::time::advance(11 * second).await;
            assert_eq!(stall.passed(100), expected, "{exit:?}");
        }
    }
}
