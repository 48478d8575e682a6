//! The stream beneath HTTP/2: what arrives is watched, what leaves is gathered.
//!
//! h2 flushes after every DATA frame that it does not copy. So its end of the line only gathers; the
//! connection's task flushes when all parts have said what they have to say, and one write (one TLS
//! record, one packet) carries the heads and bodies of many streams.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use gatepost_http::frame_watch::{Flood, FrameWatch};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// So much is gathered before it has to leave.
const GATHERED: usize = 64 * 1024;

/// The end that h2 reads and writes.
pub(crate) struct Inner<I>(Arc<Mutex<Line<I>>>);

/// The end of the connection's task.
pub(crate) struct Outer<I>(Arc<Mutex<Line<I>>>);

struct Line<I> {
    io: I,
    out: Vec<u8>,
    /// How much of `out` has left.
    left: usize,
    /// Whether something was written since the last flush.
    dirty: bool,
    watch: FrameWatch,
    since: Instant,
    heard: Instant,
    flood: Option<Flood>,
    greeting: Greeting,
}

/// The first frame of a server, which is SETTINGS (RFC 9113 §3.4): how much of it has come.
#[derive(Default)]
struct Greeting {
    head: [u8; 3],
    come: usize,
}

/// Octets of a frame's head, of which the first three are the length of what follows (RFC 9113 §4.1).
const FRAME_HEAD: usize = 9;

impl Greeting {
    fn feed(&mut self, octets: &[u8]) {
        let missing = self.head.iter_mut().skip(self.come);
        for (place, octet) in missing.zip(octets) {
            *place = *octet;
        }
        self.come = self.come.saturating_add(octets.len());
    }

    fn is_whole(&self) -> bool {
        let length = self.head.iter().fold(0, |length: usize, octet| length << 8 | usize::from(*octet));
        self.come >= length.saturating_add(FRAME_HEAD)
    }
}

/// The two ends of a line over `io`, whose other end is watched.
pub(crate) fn line<I>(io: I, watch: FrameWatch) -> (Inner<I>, Outer<I>) {
    let now = Instant::now();
    let line = Line {
        io,
        out: Vec::new(),
        left: 0,
        dirty: false,
        watch,
        since: now,
        heard: now,
        flood: None,
        greeting: Greeting::default(),
    };
    let line = Arc::new(Mutex::new(line));
    (Inner(Arc::clone(&line)), Outer(line))
}

impl<I: AsyncWrite + Unpin> Outer<I> {
    /// Sends what was gathered; `messages` says how many answers, or requests, began since the last call.
    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>, messages: u64) -> Poll<io::Result<()>> {
        let mut line = lock(&self.0);
        line.watch.answered(messages);
        line.poll_flush(cx)
    }

    /// What the other end sent too much of: from there on nothing of it is read.
    pub(crate) fn flood(&self) -> Option<Flood> {
        lock(&self.0).flood
    }

    /// Whether the first frame of the other end, a server, has come whole.
    pub(crate) fn is_greeted(&self) -> bool {
        lock(&self.0).greeting.is_whole()
    }

    /// When the other end was last heard.
    pub(crate) fn heard(&self) -> Instant {
        lock(&self.0).heard
    }

    /// Gives back what an idle connection has no use for.
    pub(crate) fn rest(&self) {
        let mut line = lock(&self.0);
        if line.out.is_empty() {
            line.out = Vec::new();
        }
    }
}

impl<I: AsyncWrite + Unpin> Line<I> {
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.out.get(self.left..).filter(|rest| !rest.is_empty()) {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.left += written;
            self.dirty = true;
        }
        self.left = 0;
        self.out.clear();
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        if self.dirty {
            ready!(Pin::new(&mut self.io).poll_flush(cx))?;
            self.dirty = false;
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Inner<I> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut line = lock(&self.0);
        if line.flood.is_some() {
            return Poll::Pending;
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut line.io).poll_read(cx, buf))?;
        let Some(octets) = buf.filled().get(before..).filter(|octets| !octets.is_empty()) else {
            return Poll::Ready(Ok(()));
        };
        line.heard = Instant::now();
        line.greeting.feed(octets);
        let since = line.heard - line.since;
        if let Err(flood) = line.watch.feed(octets, since) {
            line.flood = Some(flood);
            buf.set_filled(before);
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Inner<I> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let mut line = lock(&self.0);
        if line.out.len().saturating_add(octets.len()) > GATHERED && !line.out.is_empty() {
            ready!(line.poll_drain(cx))?;
        }
        line.watch.sent(octets.len());
        line.out.extend_from_slice(octets);
        Poll::Ready(Ok(octets.len()))
    }

    /// Only gathers: see the module.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut line = lock(&self.0);
        ready!(line.poll_flush(cx))?;
        Pin::new(&mut line.io).poll_shutdown(cx)
    }
}

fn lock<I>(line: &Mutex<Line<I>>) -> MutexGuard<'_, Line<I>> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn what_is_said_in_pieces_leaves_together() {
        let (near, mut far) = tokio::io::duplex(1 << 20);
        let (mut inner, outer) = line(near, FrameWatch::of_server());
        for piece in ["one ", "two ", "three"] {
            inner.write_all(piece.as_bytes()).await.unwrap();
            inner.flush().await.unwrap();
        }
        let mut heard = [0; 32];
        tokio::select! {
            biased;
            _ = far.read(&mut heard) => panic!("it left before its time"),
            () = tokio::task::yield_now() => {}
        }
        std::future::poll_fn(|cx| outer.poll_flush(cx, 0)).await.unwrap();
        assert_eq!(far.read(&mut heard).await.unwrap(), 13);
        inner.write_all(&[0; GATHERED + 1]).await.unwrap();
        inner.write_all(b"more").await.unwrap();
        let mut all = vec![0; GATHERED + 1];
        far.read_exact(&mut all).await.unwrap();
        inner.shutdown().await.unwrap();
        all.clear();
        far.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"more");
    }

    #[test]
    fn a_greeting_is_whole_with_its_last_octet() {
        let settings = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 1];
        for step in 1..=settings.len() {
            let mut greeting = Greeting::default();
            let whole: Vec<bool> = settings
                .chunks(step)
                .map(|piece| {
                    greeting.feed(piece);
                    greeting.is_whole()
                })
                .collect();
            let (last, before) = whole.split_last().unwrap();
            assert!(*last && !before.contains(&true), "{step}");
        }
    }

    #[tokio::test]
    async fn nothing_of_a_flood_is_read() {
        let (near, mut far) = tokio::io::duplex(1 << 20);
        let (mut inner, outer) = line(near, FrameWatch::of_server());
        let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        far.write_all(&ping).await.unwrap();
        let mut buffer = vec![0; 1 << 20];
        assert_eq!(inner.read(&mut buffer).await.unwrap(), ping.len());
        far.write_all(&ping.repeat(1000)).await.unwrap();
        tokio::select! {
            biased;
            _ = inner.read(&mut buffer) => panic!("it was read"),
            () = tokio::task::yield_now() => {}
        }
        assert_eq!(outer.flood(), Some(Flood::Ping));
    }
}
