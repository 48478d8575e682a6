//! An HTTP/1.1 connection between exchanges: its stream, what was read of it, and what can be used again.

use std::fmt;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::BytesMut;
use gatepost_http::scan::HeadLimits;
use gatepost_model::limits::Limits;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use crate::error::NetError;
use crate::explain;
use crate::http1::rewound::Rewound;
use crate::patience::Patience;
use crate::upgrade::Duplex;

/// What is read at once: a usual answer whole.
const READ: usize = 8 * 1024;
/// The same in the midst of a long body.
const READ_LONG: usize = 64 * 1024;

/// Takes a wire that can be used again.
pub(crate) type GiveBack = Box<dyn FnOnce(Box<Wire>) + Send>;

/// One connection.
pub(crate) struct Wire {
    pub(super) stream: Duplex,
    /// Read and not yet dropped.
    pub(super) buffer: BytesMut,
    /// Room for the head of the next request.
    pub(super) scratch: Vec<u8>,
    pub(super) patience: Patience,
    pub(super) limits: HeadLimits,
    last_read: usize,
}

impl Wire {
    pub(crate) fn new(stream: Duplex, limits: &Limits) -> Self {
        let patience = Patience::new(limits.answer_time);
        Self { stream, buffer: BytesMut::new(), scratch: Vec::new(), patience, limits: limits.into(), last_read: 0 }
    }

    /// How long an answer may take.
    pub(crate) fn answer_time(&self) -> Duration {
        self.patience.limit()
    }

    /// Whether an idle connection is still one: the other end has neither closed nor said anything.
    ///
    /// It asks what the reactor knows; there is no system call unless something has happened.
    pub(crate) fn is_alive(&mut self) -> bool {
        let mut octet = [0; 1];
        let mut octet = ReadBuf::new(&mut octet);
        let mut cx = Context::from_waker(Waker::noop());
        self.buffer.is_empty() && Pin::new(&mut self.stream).poll_read(&mut cx, &mut octet).is_pending()
    }

    /// Reads what is there; gives how much that was, 0 at the end. `left` is what the body still lacks,
    /// if that is known.
    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>, left: Option<u64>) -> Poll<Result<usize, NetError>> {
        let left = left.map_or(0, |left| usize::try_from(left).unwrap_or(usize::MAX));
        let room = if left.max(self.last_read) > READ / 2 { READ_LONG } else { READ };
        // Takes the old place again if nobody holds a piece of it.
        self.buffer.reserve(room);
        let read = ready!(pin!(self.stream.read_buf(&mut self.buffer)).poll(cx));
        self.last_read = *read.as_ref().unwrap_or(&0);
        Poll::Ready(read.map_err(|error| explain::io(&error, "the answer")))
    }

    /// Drops what an idle connection does not need.
    pub(super) fn rest(&mut self) {
        self.last_read = 0;
        if self.buffer.capacity() > READ {
            self.buffer = BytesMut::new();
        }
    }

    /// The stream for another protocol, with what was read of it.
    pub(super) fn into_duplex(mut self) -> Duplex {
        let stream = std::mem::replace(&mut self.stream, Box::new(tokio::io::empty()));
        if self.buffer.is_empty() {
            return stream;
        }
        Box::new(Rewound::new(std::mem::take(&mut self.buffer).freeze(), stream))
    }
}

impl Drop for Wire {
    /// Says that nothing follows, if there is room to say it: TLS wants a farewell (RFC 8446 §6.1). No
    /// request's body ends with its connection, so a cut one does not look whole.
    fn drop(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        let _ = Pin::new(&mut self.stream).poll_shutdown(&mut cx);
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not its octets: they may be a secret.
        f.write_str("Wire(..)")
    }
}
