//! A server's stream with what it holds: its place among the connections, a limit on blocked writes, and none on
//! reading unless memory has nearly run out.

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
    place: Place,
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
        Self { stream, limits, blocked: None, place }
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

impl<I: AsyncRead + Cut + Unpin> AsyncRead for Paced<I> {
    /// Whatever is read is kept somewhere. When there is hardly any memory left, whoever sends is cut: one after the
    /// other, until there is some again. The process's end would cut everybody.
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if buf.filled().len() > before && self.place.is_forfeit() {
            buf.set_filled(before);
            self.stream.reset_when_dropped();
            return Poll::Ready(Err(io::Error::other(NetError::Memory)));
        }
        Poll::Ready(Ok(()))
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

#[cfg(test)]
mod tests {
    use gatepost_model::bound::{Bound, Reached};
    use gatepost_model::gauge::Level;
    use http::{Request, Response};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;
    use crate::admission::Admission;
    use crate::body::Body;
    use crate::budget::Budget;
    use crate::drain::Drain;
    use crate::handler::{Answering, Handler, Peer};
    use crate::listen::Listener;
    use crate::serve::serve_admitted;

    struct Telling(tokio::sync::mpsc::UnboundedSender<Reached>);

    impl Handler for Telling {
        fn handle(self: Arc<Self>, _: Request<Body>, _: Arc<Peer>) -> Answering {
            Box::pin(async { Response::new(Body::empty()) })
        }

        fn bounded(&self, reached: &Reached) {
            self.0.send(reached.clone()).unwrap();
        }
    }

    /// Whether it answers.
    async fn answers(stream: &mut TcpStream) -> bool {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut answer = [0; 1024];
        stream.read(&mut answer).await.is_ok_and(|length| answer[..length].starts_with(b"HTTP/1.1 200 "))
    }

    #[tokio::test]
    async fn who_sends_when_there_is_hardly_any_memory_is_cut_and_who_is_silent_stays() {
        let (say, mut hear) = tokio::sync::mpsc::unbounded_channel();
        let (limits, memory) = (Arc::new(Limits::default()), Arc::new(Budget::default()));
        let admission = Admission::with_memory(&limits, Arc::clone(&memory));
        let listener = Listener::bind(([127, 0, 0, 1], 0).into(), 16).unwrap();
        let address = listener.local_addr();
        let serve = serve_admitted(listener, None, Arc::new(Telling(say)), limits, Drain::default(), admission);
        let serving = tokio::spawn(serve);
        let mut silent = TcpStream::connect(address).await.unwrap();
        let mut sends = TcpStream::connect(address).await.unwrap();
        assert!(answers(&mut silent).await && answers(&mut sends).await);
        memory.set(Level::Dire);
        assert!(!answers(&mut sends).await);
        let expected = Reached { bound: Bound::LastMemory, times: 1, peer: Some(address.ip()) };
        assert_eq!(hear.recv().await.unwrap(), expected);
        memory.set(Level::Ample);
        assert!(answers(&mut silent).await);
        serving.abort();
    }
}
