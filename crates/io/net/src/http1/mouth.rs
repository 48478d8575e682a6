//! The writing half of a connection: pieces are queued, and leave together.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::Poll;

use bytes::{Buf, Bytes};
use gatepost_http::encoder::Encoder;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame};
use tokio::io::{AsyncWrite, AsyncWriteExt, WriteHalf};

use crate::body::Body;
use crate::error::NetError;
use crate::explain;

/// So much is queued at most before it is written.
const QUEUED: usize = 64 * 1024;

/// So many pieces go into one write.
const SLICES: usize = 32;

/// Speaks on one connection.
pub(super) struct Mouth<I> {
    writer: WriteHalf<I>,
    queue: VecDeque<Bytes>,
    queued: usize,
}

/// What a body gave when it was asked without waiting; `None` if it gave nothing yet.
pub(super) type First = Option<Option<Result<Frame<Bytes>, NetError>>>;

/// Asks a body for its next frame without waiting.
pub(super) async fn poll_now(body: &mut Body) -> First {
    poll_fn(|cx| match Pin::new(&mut *body).poll_frame(cx) {
        Poll::Ready(frame) => Poll::Ready(Some(frame)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

impl<I: AsyncWrite> Mouth<I> {
    pub(super) fn new(writer: WriteHalf<I>) -> Self {
        Self { writer, queue: VecDeque::new(), queued: 0 }
    }

    /// Queues octets.
    pub(super) fn push(&mut self, octets: impl Into<Bytes>) {
        let octets = octets.into();
        if !octets.is_empty() {
            self.queued += octets.len();
            self.queue.push_back(octets);
        }
    }

    /// Writes all that is queued, and sees it off.
    pub(super) async fn flush(&mut self) -> Result<(), NetError> {
        self.write().await?;
        self.writer.flush().await.map_err(|error| explain::io(&error, "the answer"))
    }

    /// Sends a body in its framing, after what is queued; `first` is what it gave already.
    ///
    /// Pieces that are ready leave together; what is queued leaves before the body is waited for.
    pub(super) async fn send(&mut self, mut body: Body, first: First, mut encoder: Encoder) -> Result<(), NetError> {
        let mut trailers: Option<HeaderMap> = None;
        let mut next = first;
        loop {
            let frame = match next.take() {
                Some(frame) => frame,
                None => match poll_now(&mut body).await {
                    Some(frame) => frame,
                    None => {
                        self.flush().await?;
                        poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await
                    }
                },
            };
            let Some(frame) = frame else { break };
            match frame?.into_data() {
                Ok(data) => self.push_piece(data, &mut encoder)?,
                Err(frame) => trailers = frame.into_trailers().ok(),
            }
            if self.queued >= QUEUED {
                self.write().await?;
            }
        }
        let mut end = Vec::new();
        encoder.end(trailers.as_ref(), &mut end).map_err(explain::http1)?;
        self.push(end);
        self.flush().await
    }

    /// Says that nothing follows.
    pub(super) async fn shutdown(&mut self) -> Result<(), NetError> {
        self.flush().await?;
        self.writer.shutdown().await.map_err(|error| explain::io(&error, "the answer"))
    }

    pub(super) fn into_writer(self) -> WriteHalf<I> {
        self.writer
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
            self.push(Encoder::AFTER_CHUNK);
        }
        Ok(())
    }

    async fn write(&mut self) -> Result<(), NetError> {
        while !self.queue.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let mut count = 0;
            for (slice, piece) in slices.iter_mut().zip(&self.queue) {
                *slice = IoSlice::new(piece);
                count += 1;
            }
            let written = self.writer.write_vectored(slices.get(..count).unwrap_or_default()).await;
            let written = match written {
                Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                other => other,
            };
            self.drop_front(written.map_err(|error| explain::io(&error, "the answer"))?);
        }
        Ok(())
    }

    fn drop_front(&mut self, mut written: usize) {
        self.queued = self.queued.saturating_sub(written);
        while let Some(piece) = self.queue.front_mut() {
            if written < piece.len() {
                piece.advance(written);
                return;
            }
            written -= piece.len();
            self.queue.pop_front();
        }
    }
}
