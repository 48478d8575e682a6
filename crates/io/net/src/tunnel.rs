//! Octets from one end to the other, both ways, until both have said enough.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::error::{NetError, Wait};
use crate::explain;
use crate::upgrade::Duplex;

/// Octets that are carried at once, on the stack of the thread that carries them.
const CARRIED: usize = 64 * 1024;

/// Turns that one direction may have before others get theirs.
const TURNS: usize = 32;

/// Carries octets both ways until both directions have ended; gives how many went from `a` to `b` and back.
///
/// The end of one direction is passed on (half-close), and the other goes on. A slow reader slows its
/// writer down: of each direction not more than 64 KiB is held, and nothing while nobody has to wait.
///
/// # Errors
/// Whatever broke either end: both are dropped then.
pub async fn tunnel(a: Duplex, b: Duplex) -> Result<(u64, u64), NetError> {
    carry(a, b, None).await
}

/// As [`tunnel`], but not for longer than `idle` without an octet that goes either way.
///
/// # Errors
/// As there, and [`NetError::Timeout`].
pub async fn tunnel_unless_idle(a: Duplex, b: Duplex, idle: Duration) -> Result<(u64, u64), NetError> {
    let end = Instant::now().checked_add(idle);
    let watch = end.map(|end| Watch { idle, end, timer: Box::pin(sleep_until(end)), carried: 0 });
    carry(a, b, watch).await
}

async fn carry(mut a: Duplex, mut b: Duplex, mut watch: Option<Watch>) -> Result<(u64, u64), NetError> {
    let (mut there, mut back) = (Direction::default(), Direction::default());
    let broken = |error: io::Error| explain::io(&error, "the tunnel");
    std::future::poll_fn(|cx| {
        let gone = there.poll(cx, &mut a, &mut b).map_err(broken)?;
        let come = back.poll(cx, &mut b, &mut a).map_err(broken)?;
        if gone.is_ready() && come.is_ready() {
            return Poll::Ready(Ok((there.carried, back.carried)));
        }
        match &mut watch {
            Some(watch) => watch.poll(cx, there.carried.wrapping_add(back.carried)).map(Err),
            None => Poll::Pending,
        }
    })
    .await
}

/// Who sees that nothing goes any more.
struct Watch {
    idle: Duration,
    /// When it has been too long.
    end: Instant,
    /// It is set anew only when it fires.
    timer: Pin<Box<Sleep>>,
    /// Octets that had gone either way.
    carried: u64,
}

impl Watch {
    /// Ready once it has been too long, with the error that it is.
    fn poll(&mut self, cx: &mut Context<'_>, carried: u64) -> Poll<NetError> {
        if carried != self.carried {
            self.carried = carried;
            self.end = Instant::now() + self.idle;
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            if self.end <= Instant::now() {
                return Poll::Ready(explain::timeout(Wait::Idle, self.idle));
            }
            self.timer.as_mut().reset(self.end);
        }
        Poll::Pending
    }
}

/// One direction.
#[derive(Default)]
struct Direction {
    /// What the reader has not taken yet; no memory if there is none.
    held: Vec<u8>,
    /// So much of it has left.
    left: usize,
    carried: u64,
    /// The writer has written something that may not have left yet.
    unflushed: bool,
    state: State,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    /// The writer has said enough; the reader has to be told.
    Ending,
    Ended,
}

impl Direction {
    /// Carries what there is; ready once the end has been passed on.
    fn poll(&mut self, cx: &mut Context<'_>, from: &mut Duplex, to: &mut Duplex) -> Poll<io::Result<()>> {
        for _ in 0..TURNS {
            ready!(self.poll_held(cx, to))?;
            match self.state {
                State::Ended => return Poll::Ready(Ok(())),
                State::Ending => {
                    ready!(Pin::new(&mut *to).poll_shutdown(cx))?;
                    self.state = State::Ended;
                    return Poll::Ready(Ok(()));
                }
                State::Open => {}
            }
            if self.poll_carry(cx, from, to)?.is_pending() {
                if self.unflushed {
                    self.unflushed = Pin::new(&mut *to).poll_flush(cx)?.is_pending();
                }
                return Poll::Pending;
            }
        }
        // There is more, perhaps for ever: who else waits in this thread goes first.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads once and writes once; what is not taken is held.
    fn poll_carry(&mut self, cx: &mut Context<'_>, from: &mut Duplex, to: &mut Duplex) -> Poll<io::Result<()>> {
        let mut space = [MaybeUninit::uninit(); CARRIED];
        let mut space = ReadBuf::uninit(&mut space);
        ready!(Pin::new(from).poll_read(cx, &mut space))?;
        let octets = space.filled();
        if octets.is_empty() {
            self.state = State::Ending;
            return Poll::Ready(Ok(()));
        }
        self.carried = self.carried.saturating_add(u64::try_from(octets.len()).unwrap_or(u64::MAX));
        self.unflushed = true;
        let taken = match Pin::new(to).poll_write(cx, octets)? {
            Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Poll::Ready(taken) => taken,
            Poll::Pending => 0,
        };
        self.held.extend_from_slice(octets.get(taken..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }

    /// Writes what is held.
    fn poll_held(&mut self, cx: &mut Context<'_>, to: &mut Duplex) -> Poll<io::Result<()>> {
        while let Some(octets) = self.held.get(self.left..).filter(|octets| !octets.is_empty()) {
            let taken = ready!(Pin::new(&mut *to).poll_write(cx, octets))?;
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.left = self.left.saturating_add(taken);
        }
        if !self.held.is_empty() {
            (self.held, self.left) = (Vec::new(), 0);
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    type Carrying = tokio::task::JoinHandle<Result<(u64, u64), NetError>>;

    /// A tunnel between two pipes of this size, and its far ends.
    fn between(size: usize) -> (DuplexStream, DuplexStream, Carrying) {
        let ((near_a, far_a), (near_b, far_b)) = (duplex(size), duplex(size));
        (far_a, far_b, tokio::spawn(tunnel(Box::new(near_a), Box::new(near_b))))
    }

    #[tokio::test]
    async fn all_arrives_in_order_through_pipes_of_any_size() {
        let sent: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        for size in [1000, 16_384, 1 << 20] {
            let (mut a, mut b, tunnel) = between(size);
            let expected = sent.clone();
            let writing = async {
                a.write_all(&expected).await.unwrap();
                a.shutdown().await.unwrap();
            };
            let mut got = Vec::new();
            let (_, read) = tokio::join!(writing, b.read_to_end(&mut got));
            read.unwrap();
            assert!(got == sent, "{size}");
            // The other direction is still open.
            b.write_all(b"still here").await.unwrap();
            drop(b);
            let mut back = String::new();
            a.read_to_string(&mut back).await.unwrap();
            assert_eq!((back.as_str(), tunnel.await.unwrap()), ("still here", Ok((800_000, 10))));
        }
    }

    #[tokio::test]
    async fn a_slow_reader_slows_its_writer_down() {
        let (mut a, mut b, _tunnel) = between(1000);
        let mut written = 0;
        while tokio::time::timeout(std::time::Duration::from_millis(50), a.write_all(&[7; 1000])).await.is_ok() {
            written += 1000;
        }
        assert!(written < CARRIED * 2, "{written}");
        let mut octets = vec![0; written];
        b.read_exact(&mut octets).await.unwrap();
        assert!(octets.iter().all(|octet| *octet == 7));
    }

    #[tokio::test]
    async fn a_broken_end_breaks_the_tunnel() {
        let (a, mut b, tunnel) = between(1000);
        drop(a);
        b.read_to_end(&mut Vec::new()).await.unwrap();
        let _ = b.write_all(&[0; 10_000]).await;
        assert_eq!(tunnel.await.unwrap(), Err(NetError::ClosedEarly { what: "the tunnel" }));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_either_way_ends_it_and_a_word_does_not() {
        let idle = Duration::from_secs(60);
        let ((near_a, mut a), (near_b, mut b)) = (duplex(64), duplex(64));
        let tunnel = tokio::spawn(tunnel_unless_idle(Box::new(near_a), Box::new(near_b), idle));
        let begun = Instant::now();
        tokio::time::sleep(Duration::from_secs(50)).await;
        a.write_all(b"x").await.unwrap();
        b.read_exact(&mut [0]).await.unwrap();
        tokio::time::sleep(Duration::from_secs(50)).await;
        b.write_all(b"x").await.unwrap();
        a.read_exact(&mut [0]).await.unwrap();
        assert_eq!(tunnel.await.unwrap(), Err(NetError::Timeout { what: Wait::Idle, limit: idle }));
        assert_eq!(begun.elapsed().as_secs(), 160);
    }
}
