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
                    if let Some(error) = self.break_in_sight(cx, framing) {
                        return Poll::Ready(Err(NoAnswer::Other(error)));
                    }
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

    /// How the answer whose head was just read breaks off, if what is here already tells: whoever asked can still be
    /// told, instead of being given a head whose body will not come.
    fn break_in_sight(&mut self, cx: &mut Context<'_>, framing: Framing) -> Option<NetError> {
        let held = u64::try_from(self.wire.buffer.len()).unwrap_or(u64::MAX);
        let is_here = self.reader.left().is_some_and(|left| left <= held);
        if is_here || framing == Framing::Tunnel {
            return None;
        }
        let error = match self.wire.poll_fill(cx, self.reader.left()) {
            Poll::Pending | Poll::Ready(Ok(1..)) => return None,
            Poll::Ready(Ok(0)) => None,
            Poll::Ready(Err(error)) => Some(error),
        };
        match (self.is_whole(), error) {
            (Ok(true), _) => None,
            // Only now is an answer over that lasts until the connection ends.
            (Ok(false), None) => self.reader.clone().end_of_input().map_err(explain::answer).err(),
            (Ok(false), Some(error)) => Some(error),
            (Err(error), _) => Some(error),
        }
    }

    /// Whether the rest of the answer is here, without taking it.
    fn is_whole(&self) -> Result<bool, NetError> {
        let (mut reader, mut rest) = (self.reader.clone(), &*self.wire.buffer);
        loop {
            let used = match reader.read(rest).map_err(explain::answer)? {
                ResponseEvent::End { .. } => return Ok(true),
                ResponseEvent::Data(range) => range.end,
                ResponseEvent::Need { .. } | ResponseEvent::Interim { .. } | ResponseEvent::Head { .. } => {
                    return Ok(false);
                }
            };
            rest = rest.get(used..).unwrap_or_default();
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
