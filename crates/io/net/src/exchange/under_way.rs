//! An exchange under way: both directions at once, without a wait.

use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use gatepost_http::framing::Framing;
use gatepost_http::head::ResponseHead;
use gatepost_http::response_reader::{ResponseEvent, ResponseReader};
use http::{HeaderMap, Request, StatusCode, request};

use crate::error::{NetError, Wait};
use crate::exchange::upload::{Halt, Upload};
use crate::exchange::wire::{GiveBack, Wire};
use crate::explain;
use crate::failed::Failed;

/// An exchange under way.
pub(super) struct Exchange {
    pub(super) wire: Box<Wire>,
    /// What still has to be sent.
    pub(super) upload: Option<Upload>,
    pub(super) reader: ResponseReader,
    /// Whether the wire may be used again.
    pub(super) keeps: bool,
    /// By whom.
    pub(super) give_back: GiveBack,
    /// The request's head, until its answer is there: an unsent one is given back.
    pub(super) asked: Option<request::Parts>,
}

/// Why there is no answer.
pub(super) enum NoAnswer {
    /// The wire ended or broke.
    Wire(NetError),
    /// Anything else.
    Other(NetError),
}

/// A piece of the answer's body.
pub(super) enum Part {
    Data(Bytes),
    End(Option<HeaderMap>),
}

impl Exchange {
    /// What is left of it: the request, if the wire took nothing of that.
    pub(super) fn give_up(self, error: NoAnswer) -> Failed {
        let error = match error {
            NoAnswer::Other(error) => return error.into(),
            NoAnswer::Wire(error) => error,
        };
        match (self.upload.and_then(Upload::into_body), self.asked) {
            (Some(body), Some(asked)) => Failed::unsent(Request::from_parts(asked, body)),
            _ => error.into(),
        }
    }

    /// Goes on with both directions until the head of the final answer is there.
    pub(super) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<(ResponseHead, Framing), NoAnswer>> {
        loop {
            self.poll_upload(cx).map_err(NoAnswer::Other)?;
            match self.reader.read(&self.wire.buffer).map_err(|error| NoAnswer::Other(explain::answer(error)))? {
                ResponseEvent::Interim { used, status } => {
                    self.wire.buffer.advance(used);
                    self.wire.patience.renew();
                    if let (StatusCode::CONTINUE, Some(upload)) = (status, &mut self.upload) {
                        upload.release();
                    }
                    continue;
                }
                ResponseEvent::Head { used, head, framing, persists } => {
                    self.wire.buffer.advance(used);
                    self.keeps &= persists;
                    self.settle_hold(head.status);
                    return Poll::Ready(Ok((head, framing)));
                }
                ResponseEvent::Need { .. } | ResponseEvent::Data(_) | ResponseEvent::End { .. } => {}
            }
            let read = match self.wire.poll_fill(cx, None) {
                Poll::Ready(read) => read.map_err(NoAnswer::Wire)?,
                Poll::Pending => {
                    ready!(self.wire.patience.poll_over(cx));
                    let limit = self.wire.patience.limit();
                    return Poll::Ready(Err(NoAnswer::Other(explain::timeout(Wait::Answer, limit))));
                }
            };
            if read == 0 {
                return Poll::Ready(Err(NoAnswer::Wire(NetError::ClosedEarly { what: "the answer" })));
            }
            // A piece of a head is no progress: it could come octet by octet for ever.
        }
    }

    /// Goes on with the upload, if there is one. A wire that takes no more may still bring an answer
    /// (RFC 9112 §9.5), but is of no use after it.
    ///
    /// # Errors
    /// What keeps the body from being produced.
    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Result<(), NetError> {
        let Some(upload) = &mut self.upload else { return Ok(()) };
        let polled = upload.poll(cx, &mut self.wire.stream);
        if upload.has_moved() {
            self.wire.patience.renew();
        }
        match polled {
            Poll::Pending => Ok(()),
            Poll::Ready(Ok(())) => {
                self.wire.scratch = self.upload.take().map(Upload::into_scratch).unwrap_or_default();
                Ok(())
            }
            Poll::Ready(Err(Halt::Source(error))) => Err(error),
            Poll::Ready(Err(Halt::Broken)) => {
                self.keeps = false;
                // One that has not begun can still be given back.
                if self.upload.as_ref().is_some_and(Upload::is_started) {
                    self.upload = None;
                }
                Ok(())
            }
        }
    }

    /// A final answer came while the body was held back: the server either refuses it, or does not know
    /// of 100 (Continue) and waits (RFC 9110 §10.1.1).
    fn settle_hold(&mut self, status: StatusCode) {
        let Some(upload) = self.upload.as_mut().filter(|upload| upload.is_held()) else { return };
        if status.is_success() {
            upload.release();
            return;
        }
        self.upload = None;
        self.keeps = false;
    }

    /// Goes on with both directions until the next piece of the answer's body is there.
    pub(super) fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Result<Part, NetError>> {
        loop {
            self.poll_upload(cx)?;
            match self.reader.read(&self.wire.buffer).map_err(explain::answer)? {
                ResponseEvent::Need { used } => self.wire.buffer.advance(used),
                ResponseEvent::Data(range) => {
                    let mut piece = self.wire.buffer.split_to(range.end);
                    piece.advance(range.start);
                    return Poll::Ready(Ok(Part::Data(piece.freeze())));
                }
                ResponseEvent::End { used, trailers } => {
                    self.wire.buffer.advance(used);
                    return Poll::Ready(Ok(Part::End(trailers)));
                }
                // They come before a body only.
                ResponseEvent::Interim { .. } | ResponseEvent::Head { .. } => {
                    return Poll::Ready(Err(NetError::ClosedEarly { what: "the answer" }));
                }
            }
            if ready!(self.wire.poll_fill(cx, self.reader.left()))? == 0 {
                self.reader.end_of_input().map_err(explain::answer)?;
                // Only now is an answer over that lasts until the connection ends.
                return Poll::Ready(Ok(Part::End(None)));
            }
        }
    }
}
