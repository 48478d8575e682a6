//! The writing half of a connection: pieces are queued, and leave together.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use gatepost_http::encoder::Encoder;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame};
use tokio::io::AsyncWrite;

use crate::body::Body;
use crate::error::NetError;
use crate::explain;

/// So much is queued at most before it is written.
const QUEUED: usize = 64 * 1024;

/// So many pieces go into one write.
const SLICES: usize = 32;

/// Room for so many is kept from answer to answer.
const KEPT: usize = 8;

/// Speaks on one connection. The stream is lent to each call, so that it can be read in between.
#[derive(Default)]
pub(super) struct Mouth {
    queue: VecDeque<Bytes>,
    queued: usize,
    /// Octets that the stream has ever taken.
    taken: u64,
    /// The stream has taken something that may not have left yet.
    unflushed: bool,
}

/// What a body gave when it was asked without waiting; `None` if it gave nothing yet.
pub(super) type First = Option<Option<Result<Frame<Bytes>, NetError>>>;

/// A body on its way out, in its framing.
pub(super) struct Speech {
    body: Body,
    first: First,
    encoder: Encoder,
    /// All of it is queued.
    ended: bool,
    /// Why there is no more of it.
    failure: Option<NetError>,
}

impl Speech {
    /// `first` is what the body gave already.
    pub(super) fn new(body: Body, first: First, encoder: Encoder) -> Self {
        Self { body, first, encoder, ended: false, failure: None }
    }

    /// Whether it was the body that failed, and not the connection.
    pub(super) fn is_broken(&self) -> bool {
        self.failure.is_some()
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, NetError>>> {
        let frame = match self.first.take() {
            Some(frame) => frame,
            None => ready!(Pin::new(&mut self.body).poll_frame(cx)),
        };
        if let Some(Err(error)) = &frame {
            self.failure = Some(error.clone());
        }
        Poll::Ready(frame)
    }
}

impl Mouth {
    /// Queues octets.
    pub(super) fn push(&mut self, octets: impl Into<Bytes>) {
        let octets = octets.into();
        if !octets.is_empty() {
            self.queued = self.queued.saturating_add(octets.len());
            self.queue.push_back(octets);
        }
    }

    /// How much of what was said may have left, ever.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Takes back what is queued. Only where none of it may have left by half.
    pub(super) fn take_back(&mut self) {
        self.queue.clear();
        self.queued = 0;
    }

    /// Whether all that was said has left.
    pub(super) fn is_silent(&self) -> bool {
        self.queue.is_empty() && !self.unflushed
    }

    /// Writes all that is queued, and sees it off.
    pub(super) fn poll_flush<I>(&mut self, cx: &mut Context<'_>, stream: &mut I) -> Poll<Result<(), NetError>>
    where
        I: AsyncWrite + Unpin,
    {
        ready!(self.poll_write(cx, stream))?;
        ready!(Pin::new(stream).poll_flush(cx)).map_err(|error| explain::io(&error, "the answer"))?;
        self.unflushed = false;
        Poll::Ready(Ok(()))
    }

    /// Sends a body after what is queued.
    ///
    /// Pieces that are ready leave together; what is queued leaves before the body is waited for.
    pub(super) fn poll_say<I>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut I,
        speech: &mut Speech,
    ) -> Poll<Result<(), NetError>>
    where
        I: AsyncWrite + Unpin,
    {
        while !speech.ended {
            if self.queued >= QUEUED {
                ready!(self.poll_write(cx, stream))?;
            }
            let Poll::Ready(frame) = speech.poll_frame(cx) else {
                // What is there leaves now; whichever of the two moves first goes on.
                let _ = self.poll_flush(cx, stream)?;
                return Poll::Pending;
            };
            match frame.transpose()?.map(Frame::into_data) {
                Some(Ok(data)) => self.push_piece(data, &mut speech.encoder)?,
                Some(Err(frame)) => self.push_end(speech, frame.into_trailers().ok().as_ref())?,
                None => self.push_end(speech, None)?,
            }
        }
        self.poll_flush(cx, stream)
    }

    /// Says that nothing follows.
    pub(super) fn poll_shutdown<I>(&mut self, cx: &mut Context<'_>, stream: &mut I) -> Poll<Result<(), NetError>>
    where
        I: AsyncWrite + Unpin,
    {
        ready!(self.poll_flush(cx, stream))?;
        Pin::new(stream).poll_shutdown(cx).map_err(|error| explain::io(&error, "the answer"))
    }

    fn push_piece(&mut self, data: Bytes, encoder: &mut Encoder) -> Result<(), NetError> {
        if data.is_empty() {
            return Ok(());
        }
        let mut before = Vec::new();
        encoder.before(data.len(), &mut before).map_err(explain::http1)?;
        self.push(before);
        self.push(data);
        if encoder.is_chunked() {
            self.push(Bytes::from_static(Encoder::AFTER_CHUNK));
        }
        Ok(())
    }

    fn push_end(&mut self, speech: &mut Speech, trailers: Option<&HeaderMap>) -> Result<(), NetError> {
        let mut end = Vec::new();
        speech.encoder.end(trailers, &mut end).map_err(explain::http1)?;
        self.push(end);
        speech.ended = true;
        Ok(())
    }

    fn poll_write<I>(&mut self, cx: &mut Context<'_>, stream: &mut I) -> Poll<Result<(), NetError>>
    where
        I: AsyncWrite + Unpin,
    {
        while let Some(front) = self.queue.front() {
            let written = if self.queue.len() == 1 {
                // Cheaper for the system than a list of one.
                Pin::new(&mut *stream).poll_write(cx, front)
            } else {
                let mut slices = [IoSlice::new(&[]); SLICES];
                let mut count = 0_usize;
                for (slice, piece) in slices.iter_mut().zip(&self.queue) {
                    *slice = IoSlice::new(piece);
                    count = count.saturating_add(1);
                }
                Pin::new(&mut *stream).poll_write_vectored(cx, slices.get(..count).unwrap_or_default())
            };
            let written = match ready!(written) {
                Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                other => other,
            };
            self.unflushed = true;
            self.drop_front(written.map_err(|error| explain::io(&error, "the answer"))?);
        }
        // A connection that idles owns no queue.
        if self.queue.capacity() > KEPT {
            self.queue = VecDeque::new();
        }
        Poll::Ready(Ok(()))
    }

    fn drop_front(&mut self, mut written: usize) {
        self.queued = self.queued.saturating_sub(written);
        self.taken = self.taken.saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
        while let Some(piece) = self.queue.front_mut() {
            if written < piece.len() {
                piece.advance(written);
                return;
            }
            written = written.saturating_sub(piece.len());
            self.queue.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// Takes all, as a TLS stream does, and lets nothing leave until it is told.
    struct Stuck(bool);

    impl AsyncWrite for Stuck {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(octets.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            if self.0 { Poll::Pending } else { Poll::Ready(Ok(())) }
        }

        fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.poll_flush(cx)
        }
    }

    #[test]
    fn what_was_taken_and_has_not_left_is_still_to_be_said() {
        let (mut mouth, mut stream) = (Mouth::default(), Stuck(true));
        let mut cx = Context::from_waker(Waker::noop());
        mouth.push("HTTP/1.1 100 Continue\r\n\r\n");
        assert!(mouth.poll_flush(&mut cx, &mut stream).is_pending());
        assert!(!mouth.is_silent());
        stream.0 = false;
        assert_eq!(mouth.poll_flush(&mut cx, &mut stream), Poll::Ready(Ok(())));
        assert!(mouth.is_silent());
    }
}
