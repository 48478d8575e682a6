//! What is left of a request's body when its answer came before its end.
//!
//! To drop it resets the stream at once, and many clients then throw the answer away that they have
//! just received, the 401 or 413 included (RFC 9113 §8.1 asks them not to). So it is kept until the
//! answer is out, and then for a moment in which the client can see that nobody wants the rest.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Sleep;

use crate::error::NetError;
use crate::http2::incoming::Incoming;

/// So much is read to let a short body end by itself.
const SKIPPED: usize = 64 * 1024;
/// So long the stream stays open for a client that does not notice.
const LINGER: Duration = Duration::from_secs(1);

/// Where a body that nobody wants waits for its answer to be sent.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<Option<Incoming>>>);

/// A request's body as the handler reads it.
pub(super) struct Wanted {
    body: Option<Incoming>,
    shelf: Shelf,
}

/// Held by the request: when its answer has been sent, sees to what is left.
pub(super) struct Leftover(Shelf);

/// What is left, until it ends or its time is over.
pub(super) struct Lingering {
    body: Incoming,
    left: usize,
    until: Pin<Box<Sleep>>,
}

/// Splits the care for a body between its reader and its answer.
pub(super) fn keep(body: Incoming) -> (Wanted, Leftover) {
    let shelf = Shelf::default();
    (Wanted { body: Some(body), shelf: shelf.clone() }, Leftover(shelf))
}

/// Keeps a body that no handler reads.
pub(super) fn shelve(body: Incoming) -> Leftover {
    Leftover(Shelf(Arc::new(Mutex::new(Some(body)))))
}

impl Leftover {
    /// The body, if it is there.
    pub(super) fn take(&self) -> Option<Incoming> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What the reader left, if it has left.
    pub(super) fn linger(self) -> Option<Lingering> {
        let body = self.take()?;
        Some(Lingering { body, left: SKIPPED, until: Box::pin(tokio::time::sleep(LINGER)) })
    }
}

impl Lingering {
    /// Reads a short rest to its end; of a long one so much, and then waits for the client to stop.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.left > 0 {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.left = self.left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => break,
            }
        }
        self.until.as_mut().poll(cx)
    }
}

impl HttpBody for Wanted {
    type Data = Bytes;
    type Error = NetError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, NetError>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(HttpBody::size_hint).unwrap_or_default()
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        if !self.is_end_stream() {
            *self.shelf.0.lock().unwrap_or_else(PoisonError::into_inner) = self.body.take();
        }
    }
}
