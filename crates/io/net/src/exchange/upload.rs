//! The writing half of an exchange: a request's head and body, as fast as the other end takes them.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use gatepost_http::encoder::Encoder;
use gatepost_http::framing::Framing;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame};
use tokio::io::AsyncWrite;
use tokio::time::Sleep;

use crate::body::Body;
use crate::error::NetError;
use crate::explain;
use crate::upgrade::Duplex;

/// How long a body waits for 100 (Continue): RFC 9110 §10.1.1 lets nobody wait for ever.
const HOLD: Duration = Duration::from_secs(1);

/// A request on its way.
///
/// The head leaves together with the first piece of the body, if that is there.
pub(super) struct Upload {
    /// Head or framing; written from `at`.
    before: Vec<u8>,
    at: usize,
    piece: Bytes,
    after: Vec<u8>,
    after_at: usize,
    encoder: Encoder,
    body: Body,
    /// The body has been asked for its first frame.
    asked: bool,
    ended: bool,
    hold: Option<Pin<Box<Sleep>>>,
    /// What can be given back as long as nothing was written.
    first: Option<Bytes>,
    started: bool,
    moved: bool,
}

/// Why an upload stopped.
pub(super) enum Halt {
    /// The body cannot be produced.
    Source(NetError),
    /// The connection takes no more; what it still brings says why.
    Broken,
}

impl Upload {
    /// Of a written head and what follows it.
    pub(super) fn new(head: Vec<u8>, body: Body, framing: Framing) -> Self {
        Self {
            before: head,
            at: 0,
            piece: Bytes::new(),
            after: Vec::new(),
            after_at: 0,
            encoder: Encoder::new(framing),
            body,
            asked: false,
            ended: framing == Framing::Empty,
            hold: None,
            first: None,
            started: false,
            moved: false,
        }
    }

    /// Holds the body back until [`release`](Self::release), for a while.
    pub(super) fn hold(&mut self) {
        if !self.ended {
            self.hold = Some(Box::pin(tokio::time::sleep(HOLD)));
        }
    }

    /// Lets the body go.
    pub(super) fn release(&mut self) {
        self.hold = None;
    }

    pub(super) fn is_held(&self) -> bool {
        self.hold.is_some()
    }

    /// Whether anything of it may have left.
    pub(super) fn is_started(&self) -> bool {
        self.started
    }

    /// Whether it has moved since this was asked last.
    pub(super) fn has_moved(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }

    /// The body as it was, if nothing was written; `None` if that is no longer possible.
    pub(super) fn into_body(self) -> Option<Body> {
        match self.first {
            _ if self.started => None,
            // It gave an end or trailers, which cannot be put back.
            None if self.asked && self.ended => None,
            None => Some(self.body),
            Some(first) if self.body.is_end_stream() => Some(first.into()),
            Some(first) => Some(self.body.preceded_by(first)),
        }
    }

    /// The room that the head took.
    pub(super) fn into_scratch(self) -> Vec<u8> {
        self.before
    }

    /// Goes on; ready when all of it has left.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, stream: &mut Duplex) -> Poll<Result<(), Halt>> {
        if !self.asked && self.hold.is_none() && !self.ended {
            let _ = self.poll_stage(cx)?;
        }
        loop {
            ready!(self.poll_write(cx, stream)).map_err(|_| Halt::Broken)?;
            if self.ended {
                return Pin::new(stream).poll_flush(cx).map_err(|_| Halt::Broken);
            }
            if let Some(hold) = &mut self.hold {
                if hold.as_mut().poll(cx).is_ready() {
                    self.hold = None;
                    continue;
                }
            } else if self.poll_stage(cx)?.is_ready() {
                continue;
            }
            let _ = Pin::new(stream).poll_flush(cx).map_err(|_| Halt::Broken)?;
            return Poll::Pending;
        }
    }

    /// Takes the next frame of the body into the places that were written out.
    fn poll_stage(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, Halt> {
        let first = !std::mem::replace(&mut self.asked, true);
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else { return Ok(Poll::Pending) };
        self.moved = true;
        match frame.transpose().map_err(Halt::Source)?.map(Frame::into_data) {
            None => self.stage_end(None)?,
            Some(Ok(data)) => {
                if first {
                    self.first = Some(data.clone());
                }
                self.stage(data)?;
            }
            Some(Err(frame)) => self.stage_end(frame.into_trailers().ok().as_ref())?,
        }
        Ok(Poll::Ready(()))
    }

    fn stage(&mut self, data: Bytes) -> Result<(), Halt> {
        self.encoder.before(data.len(), &mut self.before).map_err(unwritable)?;
        if self.encoder.is_chunked() && !data.is_empty() {
            self.after.extend_from_slice(Encoder::AFTER_CHUNK);
        }
        self.piece = data;
        if self.body.is_end_stream() {
            self.stage_end(None)?;
        }
        Ok(())
    }

    fn stage_end(&mut self, trailers: Option<&HeaderMap>) -> Result<(), Halt> {
        self.ended = true;
        self.encoder.end(trailers, &mut self.after).map_err(unwritable)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, stream: &mut Duplex) -> Poll<io::Result<()>> {
        loop {
            let before = self.before.get(self.at..).unwrap_or_default();
            let after = self.after.get(self.after_at..).unwrap_or_default();
            let slices = [IoSlice::new(before), IoSlice::new(&self.piece), IoSlice::new(after)];
            if slices.iter().all(|slice| slice.is_empty()) {
                break;
            }
            let stream = Pin::new(&mut *stream);
            // For the system one piece is cheaper than a list of one.
            let written = match (before.is_empty(), self.piece.is_empty(), after.is_empty()) {
                (false, true, true) => ready!(stream.poll_write(cx, before))?,
                (true, false, true) => ready!(stream.poll_write(cx, &self.piece))?,
                _ => ready!(stream.poll_write_vectored(cx, &slices))?,
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written(written);
        }
        self.before.clear();
        self.after.clear();
        (self.at, self.after_at) = (0, 0);
        // Even an empty rest would keep whoever reads from using the piece's memory again.
        self.piece = Bytes::new();
        Poll::Ready(Ok(()))
    }

    fn written(&mut self, octets: usize) {
        (self.started, self.moved, self.first) = (true, true, None);
        let before = octets.min(self.before.len().saturating_sub(self.at));
        self.at = self.at.saturating_add(before);
        let piece = octets.saturating_sub(before).min(self.piece.len());
        self.piece.advance(piece);
        self.after_at = self.after_at.saturating_add(octets.saturating_sub(before).saturating_sub(piece));
    }
}

fn unwritable(error: gatepost_http::error::HttpError) -> Halt {
    Halt::Source(explain::http1(error))
}
