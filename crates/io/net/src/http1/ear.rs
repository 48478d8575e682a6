//! The reading half of a connection: octets in, requests out.

use std::cell::Cell;
use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use gatepost_http::error::HttpError;
use gatepost_http::framing::Framing;
use gatepost_http::head::RequestHead;
use gatepost_http::request_reader::{RequestEvent, RequestReader};
use gatepost_http::scan::HeadLimits;
use http::HeaderMap;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use crate::error::NetError;
use crate::explain;

/// How much is read at once: several heads, or a usual body.
const READ: usize = 16 * 1024;

/// The same in the midst of a long body: every piece costs the upstream a waking.
const READ_LONG: usize = 128 * 1024;

thread_local! {
    /// Room of this thread for a long piece, while no connection reads one. It is empty: what others left in it
    /// can be read by nobody before something has been read over it.
    static SPARE: Cell<Option<BytesMut>> = const { Cell::new(None) };
}

/// How much may wait unread behind a request that is being answered.
const AHEAD: usize = 16 * 1024;

/// Hears one connection. The stream is lent to each call, so that it can be written to in between.
///
/// Whoever waits may stop at any time: what was read stays, and nothing is heard twice.
pub(super) struct Ear {
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
    /// There is no room to hear it out.
    Shed,
}

impl Ear {
    pub(super) fn new(limits: HeadLimits) -> Self {
        // Bodies are bounded where they are read, so that the handler answers for it.
        Self { buffer: BytesMut::new(), requests: RequestReader::new(limits, None), ended: false }
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

    /// What comes next.
    pub(super) fn poll_next<I>(&mut self, cx: &mut Context<'_>, stream: &mut I) -> Poll<Result<Heard, Deaf>>
    where
        I: AsyncRead + Unpin,
    {
        loop {
            match self.requests.read(&self.buffer).map_err(Deaf::Faulty)? {
                RequestEvent::Need { used } => self.buffer.advance(used),
                RequestEvent::Head { used, head, framing, expects_continue } => {
                    self.buffer.advance(used);
                    return Poll::Ready(Ok(Heard::Head { head, framing, expects_continue }));
                }
                RequestEvent::Data(range) => {
                    let mut piece = self.buffer.split_to(range.end);
                    piece.advance(range.start);
                    return Poll::Ready(Ok(Heard::Data(piece.freeze())));
                }
                RequestEvent::End { used, trailers } => {
                    self.buffer.advance(used);
                    return Poll::Ready(Ok(Heard::End(trailers)));
                }
            }
            if self.ended {
                let whole = self.requests.end_of_input(&self.buffer);
                return Poll::Ready(whole.map(|()| Heard::Closed).map_err(Deaf::Faulty));
            }
            ready!(self.poll_fill(cx, stream)).map_err(Deaf::Broken)?;
        }
    }

    /// Reads what is there.
    fn poll_fill<I: AsyncRead + Unpin>(&mut self, cx: &mut Context<'_>, stream: &mut I) -> Poll<Result<(), NetError>> {
        let left = self.left().map_or(0, |left| usize::try_from(left).unwrap_or(usize::MAX));
        let read = if left > READ { self.poll_read_long(cx, stream) } else { self.poll_read(cx, stream) };
        let read = ready!(read).map_err(|error| explain::io(&error, "the request"))?;
        self.ended |= read == 0;
        Poll::Ready(Ok(()))
    }

    /// By way of the stack, so that whoever waits owns no buffer.
    fn poll_read<I>(&mut self, cx: &mut Context<'_>, stream: &mut I) -> Poll<std::io::Result<usize>>
    where
        I: AsyncRead + Unpin,
    {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        let mut space = [MaybeUninit::uninit(); READ];
        let mut space = ReadBuf::uninit(&mut space);
        ready!(Pin::new(stream).poll_read(cx, &mut space))?;
        self.buffer.extend_from_slice(space.filled());
        Poll::Ready(Ok(space.filled().len()))
    }

    /// Straight into the place of which the body's pieces are made; lent to others where nothing has come.
    fn poll_read_long<I>(&mut self, cx: &mut Context<'_>, stream: &mut I) -> Poll<std::io::Result<usize>>
    where
        I: AsyncRead + Unpin,
    {
        if self.buffer.capacity() == 0 {
            self.buffer = SPARE.take().unwrap_or_default();
        }
        self.buffer.reserve(READ_LONG);
        let mut read = 0_usize;
        // As much as there is: a TLS stream gives some records at a time.
        while self.buffer.len() < READ_LONG {
            match pin!(stream.read_buf(&mut self.buffer)).poll(cx) {
                Poll::Ready(Ok(0)) if read > 0 => break,
                Poll::Ready(Ok(count)) => read = read.saturating_add(count),
                // What was read comes first; an error comes again.
                Poll::Ready(Err(_)) if read > 0 => break,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if read > 0 => break,
                Poll::Pending => {
                    if self.buffer.is_empty() {
                        SPARE.set(Some(std::mem::take(&mut self.buffer)));
                    }
                    return Poll::Pending;
                }
            }
            if read == 0 {
                break;
            }
        }
        Poll::Ready(Ok(read))
    }

    /// Reads ahead a little, and is ready only when the connection breaks. That the client has said its
    /// last is no break: it may still read.
    pub(super) fn poll_broken<I>(&mut self, cx: &mut Context<'_>, stream: &mut I) -> Poll<NetError>
    where
        I: AsyncRead + Unpin,
    {
        while !self.ended && self.buffer.len() < AHEAD {
            if let Err(error) = ready!(self.poll_fill(cx, stream)) {
                return Poll::Ready(error);
            }
        }
        Poll::Pending
    }

    /// Skips the rest of a request that nobody wants, if it is not more than `bound` octets.
    pub(super) async fn skip<I: AsyncRead + Unpin>(&mut self, stream: &mut I, bound: usize) -> bool {
        let mut left = bound;
        while !self.is_between() {
            match poll_fn(|cx| self.poll_next(cx, stream)).await {
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

    /// Drops what was read, and up to `bound` octets more, whatever they are, until the client closes. It keeps
    /// nothing: who is read out may be one of many for whom there was no room.
    pub(super) async fn exhaust<I: AsyncRead + Unpin>(&mut self, stream: &mut I, bound: usize) {
        self.buffer = BytesMut::new();
        let mut left = bound;
        while !self.ended && left > 0 {
            let read = poll_fn(|cx| poll_drop(cx, stream)).await.unwrap_or(0);
            self.ended = read == 0;
            left = left.saturating_sub(read);
        }
    }

    /// What was read of whatever follows.
    pub(super) fn into_rest(self) -> Bytes {
        self.buffer.freeze()
    }
}

/// Reads what is there for nobody.
fn poll_drop<I: AsyncRead + Unpin>(cx: &mut Context<'_>, stream: &mut I) -> Poll<std::io::Result<usize>> {
    let mut space = [MaybeUninit::uninit(); READ];
    let mut space = ReadBuf::uninit(&mut space);
    ready!(Pin::new(stream).poll_read(cx, &mut space))?;
    Poll::Ready(Ok(space.filled().len()))
}
