//! A server's stream with what it holds: its place among the connections, and a limit on blocked writes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use gatepost_model::limits::Limits;
use gatepost_model::pace::Pace;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::cut::Cut;
use crate::door::Place;
use crate::error::{NetError, Wait};

/// A stream that fails when its peer reads nothing for too long, or too little, and that gives its place back
/// when it is dropped: as a connection or as the tunnel it became.
pub(crate) struct Paced<I> {
    stream: I,
    limits: Arc<Limits>,
    /// `None` as long as it never had to wait.
    blocked: Option<Box<Blocked>>,
    _place: Place,
}

/// How a peer reads that has let us wait.
struct Blocked {
    /// While we wait.
    timer: Option<Pin<Box<Sleep>>>,
    since: Instant,
    pace: Pace,
}

impl<I: Cut> Paced<I> {
    pub(crate) fn new(stream: I, limits: Arc<Limits>, place: Place) -> Self {
        Self { stream, limits, blocked: None, _place: place }
    }

    /// `progress`, of so many octets, unless the peer lets us wait for too long.
    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        progress: Poll<io::Result<T>>,
        octets: impl FnOnce(&T) -> usize,
    ) -> Poll<io::Result<T>> {
        let moved = match &progress {
            Poll::Ready(Ok(moved)) => u64::try_from(octets(moved)).unwrap_or(u64::MAX),
            Poll::Ready(Err(_)) => return progress,
            Poll::Pending => return self.wait(cx),
        };
        let Some(blocked) = &mut self.blocked else { return progress };
        let time = if blocked.timer.take().is_some() { blocked.since.elapsed() } else { Duration::ZERO };
        blocked.pace.waited(time, moved);
        if blocked.pace.is_too_slow() {
            return Poll::Ready(Err(self.cut()));
        }
        progress
    }

    fn wait<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        let Limits { send_time, read_rate, rate_grace, .. } = *self.limits;
        let blocked = self.blocked.get_or_insert_with(|| {
            Box::new(Blocked { timer: None, since: Instant::now(), pace: Pace::new(read_rate, rate_grace) })
        });
        if blocked.timer.is_none() {
            blocked.since = Instant::now();
        }
        let timer = blocked.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(send_time)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(self.cut()))
    }

    fn cut(&self) -> io::Error {
        self.stream.reset_when_dropped();
        let error = NetError::Timeout { what: Wait::Write, limit: self.limits.send_time };
        io::Error::new(io::ErrorKind::TimedOut, error)
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Paced<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<I: AsyncWrite + Cut + Unpin> AsyncWrite for Paced<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watch(cx, progress, |octets| *octets)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watch(cx, progress, |octets| *octets)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch(cx, progress, |()| 0)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.watch(cx, progress, |()| 0)
    }
}
