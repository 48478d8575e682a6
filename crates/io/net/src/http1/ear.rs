//! The reading half of a connection: octets in, requests out.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use gatepost_http::error::HttpError;
use gatepost_http::framing::Framing;
use gatepost_http::head::RequestHead;
use gatepost_http::request_reader::{RequestEvent, RequestReader};
use gatepost_http::scan::HeadLimits;
use http::HeaderMap;
use tokio::io::{AsyncRead, ReadBuf, ReadHalf};

use crate::error::NetError;
use crate::explain;

/// How much is read at once.
const READ: usize = 16 * 1024;

/// How much may wait unread behind a request that is being answered.
const AHEAD: usize = 16 * 1024;

/// Hears one connection.
///
/// Its futures may be dropped at any time: what was read stays, and nothing is heard twice.
pub(super) struct Ear<I> {
    reader: ReadHalf<I>,
    buffer: BytesMut,
    requests: RequestReader,
    ended: bool,
}

/// What is heard next.
pub(super) enum Heard {
    /// A request begins.
    Head {
        /// Line and fields.
        head: Box<RequestHead>,
        /// Where its body ends.
        framing: Framing,
        /// Whether the client waits for 100 (Continue).
        expects_continue: bool,
    },
    /// A piece of its body.
    Data(Bytes),
    /// It is over.
    End(Option<HeaderMap>),
    /// The client will send no further request.
    Closed,
}

/// Why nothing more is heard.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Deaf {
    /// The client broke the rules; it can still be told so.
    Faulty(HttpError),
    /// The connection is gone.
    Broken(NetError),
}

impl<I: AsyncRead> Ear<I> {
    pub(super) fn new(reader: ReadHalf<I>, limits: HeadLimits) -> Self {
        // Bodies are bounded where they are read, so that the handler answers for it.
        Self { reader, buffer: BytesMut::new(), requests: RequestReader::new(limits, None), ended: false }
    }

    /// Whether the request heard last is over.
    pub(super) fn is_between(&self) -> bool {
        self.requests.is_between()
    }

    /// Whether the client has broken the rules.
    pub(super) fn is_faulty(&self) -> bool {
        self.requests.is_failed()
    }

    /// Octets of its body still to come, where that is known.
    pub(super) fn left(&self) -> Option<u64> {
        self.requests.left()
    }

    /// Whether octets wait that nobody has looked at.
    pub(super) fn has_more(&self) -> bool {
        !self.buffer.is_empty()
    }

    pub(super) async fn next(&mut self) -> Result<Heard, Deaf> {
        loop {
            match self.requests.read(&self.buffer).map_err(Deaf::Faulty)? {
                RequestEvent::Need { used } => self.buffer.advance(used),
                RequestEvent::Head { used, head, framing, expects_continue } => {
                    self.buffer.advance(used);
                    return Ok(Heard::Head { head, framing, expects_continue });
                }
                RequestEvent::Data(range) => {
                    let mut piece = self.buffer.split_to(range.end);
                    piece.advance(range.start);
                    return Ok(Heard::Data(piece.freeze()));
                }
                RequestEvent::End { used, trailers } => {
                    self.buffer.advance(used);
                    return Ok(Heard::End(trailers));
                }
            }
            if self.ended {
                let whole = self.requests.end_of_input(&self.buffer);
                return whole.map(|()| Heard::Closed).map_err(Deaf::Faulty);
            }
            self.fill().await.map_err(Deaf::Broken)?;
        }
    }

    /// Reads what is there, or waits for it: on the stack, so that whoever waits owns no buffer.
    pub(super) async fn fill(&mut self) -> Result<(), NetError> {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        let read = poll_fn(|cx| {
            let mut space = [MaybeUninit::uninit(); READ];
            let mut space = ReadBuf::uninit(&mut space);
            ready!(Pin::new(&mut self.reader).poll_read(cx, &mut space))?;
            self.buffer.extend_from_slice(space.filled());
            Poll::Ready(Ok(space.filled().len()))
        });
        self.ended |= read.await.map_err(|error: io::Error| explain::io(&error, "the request"))? == 0;
        Ok(())
    }

    /// Reads ahead a little, and ends only when the connection breaks. That the client has said its
    /// last is no break: it may still read.
    pub(super) async fn watch(&mut self) -> NetError {
        while !self.ended && self.buffer.len() < AHEAD {
            if let Err(error) = self.fill().await {
                return error;
            }
        }
        std::future::pending().await
    }

    /// Skips the rest of a request that nobody wants, if it is not more than `bound` octets.
    pub(super) async fn skip(&mut self, bound: usize) -> bool {
        let mut left = bound;
        while !self.is_between() {
            match self.next().await {
                Ok(Heard::Data(data)) => match left.checked_sub(data.len()) {
                    Some(rest) => left = rest,
                    None => return false,
                },
                Ok(Heard::End(_)) => {}
                _ => return false,
            }
        }
        true
    }

    /// Reads and drops up to `bound` octets, whatever they are, until the client closes.
    pub(super) async fn exhaust(&mut self, bound: usize) {
        let mut left = bound;
        while !self.ended && left > 0 {
            left = left.saturating_sub(self.buffer.len());
            self.buffer.clear();
            if self.fill().await.is_err() {
                return;
            }
        }
    }

    /// The half, and what was read of whatever follows.
    pub(super) fn into_parts(self) -> (ReadHalf<I>, Bytes) {
        (self.reader, self.buffer.freeze())
    }
}
