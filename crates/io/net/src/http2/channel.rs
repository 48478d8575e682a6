//! The stream of an extended CONNECT (RFC 8441), as octets both ways.

use std::any::Any;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use h2::{Reason, RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use crate::error::{NetError, Wait};

/// Octets of one DATA frame that are handed to h2 at once.
const PIECE: usize = 64 * 1024;

/// So long a stream stays open that has said its end and is dropped before it has heard the other's.
const LINGER: Duration = Duration::from_secs(1);

/// Both directions of one stream. What is not read is not acknowledged, and h2 holds not more than one
/// send buffer of what the other end has no window for.
///
/// The end of either direction is END_STREAM. Dropped before its own end was said, the stream is reset with CANCEL
/// (RFC 8441 §5: a TCP reset), and what had not left is lost: an abrupt end never looks like a clean one. Dropped
/// after, it stays for a moment, so that what was said last arrives.
pub(super) struct Channel {
    /// `None` once it is dropped.
    incoming: Option<RecvStream>,
    outgoing: SendStream<Bytes>,
    /// Came, and is not read yet.
    ahead: Bytes,
    heard_all: bool,
    said_all: bool,
    /// How long the other end may keep its window shut.
    send_time: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
    /// Dropped with it: whoever waits for its end hears of it.
    _held: Box<dyn Any + Send>,
}

impl Channel {
    /// Over a stream whose heads have passed; the other end may refuse to take more for `send_time` at a time.
    pub(super) fn new(
        incoming: RecvStream,
        outgoing: SendStream<Bytes>,
        send_time: Duration,
        held: impl Send + 'static,
    ) -> Self {
        let (incoming, ahead, held) = (Some(incoming), Bytes::new(), Box::new(held));
        Self { incoming, outgoing, ahead, heard_all: false, said_all: false, send_time, waiting: None, _held: held }
    }

    /// Ready when h2 would send something of `wanted` octets; gives of how many.
    fn poll_room(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<io::Result<usize>> {
        self.outgoing.reserve_capacity(wanted);
        while self.outgoing.capacity() == 0 {
            match self.outgoing.poll_capacity(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(broken(&error))),
                Poll::Ready(None) => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
                Poll::Pending => return self.poll_stalled(cx),
            }
        }
        self.waiting = None;
        Poll::Ready(Ok(wanted.min(self.outgoing.capacity())))
    }

    /// Ready when waiting for room has no use any more.
    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(reset) = self.outgoing.poll_reset(cx) {
            let error = reset.map_or_else(|error| broken(&error), |_| io::ErrorKind::ConnectionReset.into());
            return Poll::Ready(Err(error));
        }
        let limit = self.send_time;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        ready!(waiting.as_mut().poll(cx));
        self.reset();
        let error = NetError::Timeout { what: Wait::Write, limit };
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, error)))
    }

    fn reset(&mut self) {
        self.outgoing.send_reset(Reason::CANCEL);
        (self.heard_all, self.said_all) = (true, true);
    }
}

impl AsyncRead for Channel {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.ahead.is_empty() {
            if self.heard_all {
                return Poll::Ready(Ok(()));
            }
            let next = match &mut self.incoming {
                Some(incoming) => ready!(incoming.poll_data(cx)),
                None => None,
            };
            match next {
                Some(Ok(data)) => self.ahead = data,
                // A reset is an error whatever its code.
                Some(Err(error)) => return Poll::Ready(Err(broken(&error))),
                None => self.heard_all = true,
            }
        }
        let length = self.ahead.len().min(buf.remaining());
        buf.put_slice(self.ahead.get(..length).unwrap_or_default());
        self.ahead.advance(length);
        if let Some(incoming) = &mut self.incoming {
            // Only what was read makes room for more. It can only fail for a stream that is gone.
            let _ = incoming.flow_control().release_capacity(length);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Channel {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        if self.said_all {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if octets.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let room = ready!(self.poll_room(cx, octets.len().min(PIECE)))?;
        let piece = Bytes::copy_from_slice(octets.get(..room).unwrap_or_default());
        self.outgoing.send_data(piece, false).map_err(|error| broken(&error))?;
        // What one stream reserves, the others cannot have.
        self.outgoing.reserve_capacity(0);
        Poll::Ready(Ok(room))
    }

    /// What was written leaves with the connection's next write.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !std::mem::replace(&mut self.said_all, true) {
            self.outgoing.reserve_capacity(0);
            // RFC 8441 §5: the orderly end of a TCP connection is END_STREAM.
            self.outgoing.send_data(Bytes::new(), true).map_err(|error| broken(&error))?;
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for Channel {
    /// h2 resets a stream that nobody holds. A client's reset throws away what it has not sent yet, even its end: so
    /// who has said that keeps hold of the stream until the other end has had time to hear it.
    fn drop(&mut self) {
        let Some(mut incoming) = self.incoming.take() else { return };
        if !self.said_all || self.heard_all || incoming.is_end_stream() {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(tokio::time::timeout(LINGER, async move {
            // What comes now is not acknowledged: it ends, or the window does.
            while let Some(Ok(_)) = incoming.data().await {}
        }));
    }
}

/// What a stream's error is to a reader or writer.
fn broken(error: &h2::Error) -> io::Error {
    let kind = error.get_io().map_or(io::ErrorKind::ConnectionReset, io::Error::kind);
    io::Error::new(kind, error.to_string())
}
