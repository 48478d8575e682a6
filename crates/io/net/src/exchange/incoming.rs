//! The rest of an exchange, as the body of its answer.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use gatepost_http::response_reader::ResponseEvent;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::body::Body;
use crate::error::NetError;
use crate::exchange::drive::{Exchange, GiveBack};
use crate::explain;

/// Reads the answer, and sends what the request still has to say. Dropping it closes the connection,
/// unless the answer was read to its end.
pub(super) struct Incoming {
    /// `None` once it is over.
    under_way: Option<(Exchange, GiveBack)>,
}

impl Incoming {
    /// The body of the answer whose head was read last.
    pub(super) fn of(exchange: Exchange, give_back: GiveBack) -> Body {
        let is_done = exchange.reader.is_done();
        let mut incoming = Self { under_way: Some((exchange, give_back)) };
        if is_done {
            incoming.finish();
            return Body::empty();
        }
        Body::streaming(incoming)
    }

    /// The answer is whole. The wire can be used again if the request is, too, and the server has not
    /// said more than it was asked.
    fn finish(&mut self) {
        let Some((mut exchange, give_back)) = self.under_way.take() else { return };
        if exchange.keeps && exchange.upload.is_none() && exchange.wire.buffer.is_empty() {
            exchange.wire.rest();
            give_back(exchange.wire);
        }
    }
}

impl Exchange {
    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Result<Part, NetError>> {
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

enum Part {
    Data(Bytes),
    End(Option<HeaderMap>),
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = NetError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, NetError>>> {
        let Some((exchange, _)) = &mut self.under_way else { return Poll::Ready(None) };
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
            Some((exchange, _)) => exchange.reader.left().map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}
