//! A body as it arrives on a stream, with its flow control.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::error::NetError;
use crate::explain;

/// What arrives as the body of `what`. Octets are acknowledged when they are given on, so that a reader
/// that waits makes the other end wait.
pub(super) struct Incoming {
    stream: RecvStream,
    /// What the head announced, less what came; h2 sees that it is true.
    left: Option<u64>,
    data_ended: bool,
    what: &'static str,
}

impl Incoming {
    /// The body that belongs to a head with these fields; `what` is the message.
    pub(super) fn new(stream: RecvStream, headers: &HeaderMap, what: &'static str) -> Self {
        let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        Self { stream, left: announced, data_ended: false, what }
    }

    /// The stream itself, for another protocol.
    pub(super) fn into_stream(self) -> RecvStream {
        self.stream
    }
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = NetError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, NetError>>> {
        let what = self.what;
        // A reset is an error here whatever its code: an end that came before it was kept by h2.
        let broken = |error: h2::Error| explain::h2(&error, what);
        if !self.data_ended {
            if let Some(data) = ready!(self.stream.poll_data(cx)) {
                let data = data.map_err(broken)?;
                // It can only fail for a stream that is gone.
                let _ = self.stream.flow_control().release_capacity(data.len());
                let size = u64::try_from(data.len()).unwrap_or(u64::MAX);
                self.left = self.left.map(|left| left.saturating_sub(size));
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
            self.data_ended = true;
        }
        let trailers = ready!(self.stream.poll_trailers(cx)).map_err(broken)?;
        Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
