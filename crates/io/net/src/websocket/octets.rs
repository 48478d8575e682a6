//! A WebSocket as a stream of octets: binary messages without their bounds.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use gatepost_ws::close::{Close, CloseCode};
use gatepost_ws::message::Kind;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::ending::normal;
use super::socket::MessageSocket;
use crate::error::NetError;
use crate::upgrade::Duplex;

/// Octets both ways over the binary messages of a WebSocket.
///
/// - A message is read in pieces as it comes, and none is kept in memory. Its bound is
///   [`Limits::message`](gatepost_ws::limits::Limits::message), as ever.
/// - One write is one message, of at most [`Settings::high_water`](super::settings::Settings::high_water) octets.
/// - A text is an error: the peer is told 1003, and the reader [`io::ErrorKind::InvalidData`].
/// - The end is the peer's Close. A stream that just stops is [`io::ErrorKind::UnexpectedEof`]. Other errors hold
///   the [`NetError`].
/// - Shutting down sends a Close; reading goes on until the peer's.
pub struct StreamSocket<S = Duplex> {
    socket: MessageSocket<S>,
    /// Of the part that came last.
    unread: Bytes,
}

impl<S: AsyncRead + AsyncWrite + Unpin> StreamSocket<S> {
    /// A stream over the messages of this socket.
    #[must_use]
    pub fn new(socket: MessageSocket<S>) -> Self {
        Self { socket, unread: Bytes::new() }
    }

    /// The socket below.
    #[must_use]
    pub fn socket(&self) -> &MessageSocket<S> {
        &self.socket
    }

    /// Ready when there is something unread; `false` at the end.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, NetError>> {
        while self.unread.is_empty() {
            match ready!(self.socket.poll_part(cx))? {
                Some(part) if part.kind == Kind::Binary => self.unread = part.data,
                Some(_) => self.refuse_text(),
                None => return Poll::Ready(Ok(false)),
            }
        }
        Poll::Ready(Ok(true))
    }

    fn refuse_text(&mut self) {
        let reason = "only binary messages are taken";
        let close = Close { code: CloseCode::UNSUPPORTED, reason: reason.to_owned() };
        let error = NetError::Protocol { protocol: "websocket", detail: format!("a text came, and {reason}") };
        self.socket.engine().refuse(&close, error);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for StreamSocket<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        if ready!(self.poll_more(cx)).map_err(io_error)? {
            let count = self.unread.len().min(buf.remaining());
            buf.put_slice(self.unread.get(..count).unwrap_or_default());
            self.unread.advance(count);
            if self.unread.is_empty() {
                // What it was a piece of may go.
                self.unread = Bytes::new();
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for StreamSocket<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let engine = self.socket.engine();
        ready!(engine.poll_ready(cx)).map_err(io_error)?;
        let count = buf.len().min(engine.settings.high_water.max(1));
        engine.start_copy(Kind::Binary, buf.get(..count).unwrap_or_default()).map_err(io_error)?;
        // Many who write to a socket never flush it. An error shows at the next call.
        let _ = engine.poll_flush(cx);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.engine().poll_flush(cx).map_err(io_error)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let engine = self.socket.engine();
        engine.start_close(Some(&normal())).map_err(io_error)?;
        engine.poll_flush(cx).map_err(io_error)
    }
}

impl<S> fmt::Debug for StreamSocket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamSocket")
    }
}

fn io_error(error: NetError) -> io::Error {
    let kind = match &error {
        NetError::Abrupt => io::ErrorKind::UnexpectedEof,
        NetError::Timeout { .. } => io::ErrorKind::TimedOut,
        NetError::WebSocket(gatepost_ws::error::WsError::Closed) => io::ErrorKind::BrokenPipe,
        NetError::WebSocket(_) | NetError::Protocol { .. } => io::ErrorKind::InvalidData,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}
