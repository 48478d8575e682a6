//! The rest of an exchange, as the body of its answer.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::body::Body;
use crate::error::NetError;
use crate::exchange::under_way::{Exchange, Part};

/// Reads the answer, and sends what the request still has to say. Dropping it closes the connection,
/// unless the answer was read to its end.
pub(super) struct Incoming {
    /// `None` once it is over.
    under_way: Option<Box<Exchange>>,
}

impl Incoming {
    /// The body of the answer whose head was read last.
    pub(super) fn of(exchange: Box<Exchange>) -> Body {
        let is_done = exchange.reader.is_done();
        let mut incoming = Self { under_way: Some(exchange) };
        if is_done {
            incoming.finish();
            return Body::empty();
        }
        Body::streaming(incoming)
    }

    /// The answer is whole. The wire can be used again if the request is, too, and the server has not
    /// said more than it was asked.
    fn finish(&mut self) {
        let Some(exchange) = self.under_way.take() else { return };
        let Exchange { mut wire, upload, keeps, give_back, .. } = *exchange;
        if keeps && upload.is_none() && wire.buffer.is_empty() {
            wire.rest();
            give_back(wire);
        }
    }
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = NetError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, NetError>>> {
        let Some(exchange) = &mut self.under_way else { return Poll::Ready(None) };
        let part = ready!(exchange.poll_part(cx));
        let is_done = exchange.reader.is_done();
        match part {
            Ok(Part::Data(data)) => {
                if is_done {
                    self.finish();
                }
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            Ok(Part::End(trailers)) => {
                self.finish();
                Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
            }
            Err(error) => {
                self.under_way = None;
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.under_way.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.under_way {
            None => SizeHint::with_exact(0),
            Some(exchange) => exchange.reader.left().map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}
