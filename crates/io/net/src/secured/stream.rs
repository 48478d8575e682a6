//! A TLS stream over a socket.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use gatepost_tls::handshake::Established;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::state::{State, Writing};

/// A stream behind its TLS handshake.
///
/// Its end is the peer's close_notify; an end without one is [`io::ErrorKind::UnexpectedEof`], because what was read
/// may not be all. What breaks the rules of TLS is [`io::ErrorKind::InvalidData`], and the peer gets the alert.
///
/// What was written goes to the socket at once as far as it takes it; the rest goes with the next write or
/// flush, so whoever waits for an answer flushes first. Shutting down sends a close_notify; reading can go on.
pub struct Secured<S> {
    socket: S,
    pub(super) state: Box<State>,
}

impl<S> Secured<S> {
    pub(super) fn new(socket: S, established: Established) -> Self {
        Self { socket, state: Box::new(State::new(established)) }
    }

    /// The socket below.
    pub fn socket(&self) -> &S {
        &self.socket
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Secured<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { socket, state } = &mut *self;
        state.poll_read(socket, cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Secured<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self { socket, state } = &mut *self;
        state.poll_write(socket, cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { socket, state } = &mut *self;
        ready!(state.poll_drain(socket, cx))?;
        Pin::new(socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { socket, state } = &mut *self;
        ready!(state.poll_close(socket, cx))?;
        if state.writing == Writing::Broken {
            return Poll::Ready(Ok(()));
        }
        match ready!(Pin::new(socket).poll_shutdown(cx)) {
            // The peer was faster.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            done => Poll::Ready(done),
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for Secured<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secured").field("socket", &self.socket).finish_non_exhaustive()
    }
}
