//! What waits to be written: small things are copied behind one another, large payloads stay where they are.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncWrite;

use super::spare;

/// Pieces of one vectored write.
const PIECES: usize = 16;
/// Written octets in the front of the buffer from which on it is worth moving the rest.
const WORTH_MOVING: usize = 64 * 1024;

/// A queue of octets; owns no memory while it is empty.
#[derive(Default)]
pub(super) struct Outgoing {
    /// Heads, and payloads that were copied.
    copied: BytesMut,
    /// So much of it is written.
    written: usize,
    /// Payloads that go out by reference, each with the place in `copied` that it stands before.
    referred: VecDeque<(usize, Bytes)>,
    /// Octets of `referred`.
    referred_octets: usize,
    /// Something was written that the stream may hold back.
    unflushed: bool,
}

impl Outgoing {
    /// Octets that wait.
    pub(super) fn len(&self) -> usize {
        self.copied.len() - self.written + self.referred_octets
    }

    /// Nothing waits, neither here nor in the stream, and no memory is owned.
    pub(super) fn is_done(&self) -> bool {
        self.len() == 0 && !self.unflushed && self.copied.capacity() == 0
    }

    /// Where to append frames that are copied.
    pub(super) fn end(&mut self) -> &mut BytesMut {
        if self.copied.capacity() == 0 {
            self.copied = spare::to_write();
        }
        &mut self.copied
    }

    /// Appends a payload whose head was appended before.
    pub(super) fn refer(&mut self, payload: Bytes) {
        self.referred_octets += payload.len();
        self.referred.push_back((self.copied.len(), payload));
    }

    /// Drops what waits.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Writes and flushes all there is. Ready when nothing waits.
    pub(super) fn poll_drain<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.len() > 0 {
            match self.poll_write(stream, cx) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => self.advance(count),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.tighten();
                    return Poll::Pending;
                }
            }
            self.unflushed = true;
        }
        if self.copied.capacity() > 0 {
            spare::give_back_written(std::mem::take(&mut self.copied));
            self.written = 0;
            self.referred = VecDeque::new();
        }
        if self.unflushed {
            ready!(Pin::new(stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write<S: AsyncWrite + Unpin>(&self, stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.referred.is_empty() {
            return Pin::new(stream).poll_write(cx, self.copied.get(self.written..).unwrap_or_default());
        }
        let mut pieces = [IoSlice::new(&[]); PIECES];
        let mut count = 0;
        let mut put = |octets| {
            if let (false, Some(place)) = (<[u8]>::is_empty(octets), pieces.get_mut(count)) {
                *place = IoSlice::new(octets);
                count += 1;
            }
        };
        let mut from = self.written;
        for (place, payload) in self.referred.iter().take(PIECES / 2) {
            put(self.copied.get(from..*place).unwrap_or_default());
            put(payload.as_ref());
            from = *place;
        }
        if self.referred.len() < PIECES / 2 {
            put(self.copied.get(from..).unwrap_or_default());
        }
        let pieces = pieces.get(..count).unwrap_or_default();
        if stream.is_write_vectored() {
            return Pin::new(stream).poll_write_vectored(cx, pieces);
        }
        Pin::new(stream).poll_write(cx, pieces.first().map_or(&[], |piece| piece))
    }

    /// So many octets are written.
    fn advance(&mut self, mut count: usize) {
        while let Some((place, payload)) = self.referred.front_mut() {
            let before = count.min(place.saturating_sub(self.written));
            self.written += before;
            count -= before;
            let of_it = count.min(payload.len());
            if self.written < *place || (of_it == 0 && !payload.is_empty()) {
                return;
            }
            payload.advance(of_it);
            self.referred_octets -= of_it;
            count -= of_it;
            if payload.is_empty() {
                self.referred.pop_front();
            }
        }
        self.written = (self.written + count).min(self.copied.len());
        if self.written > WORTH_MOVING {
            self.move_up();
        }
    }

    /// Forgets what is written.
    fn move_up(&mut self) {
        self.copied.advance(self.written);
        for (place, _) in &mut self.referred {
            *place -= self.written;
        }
        self.written = 0;
    }

    /// Who waits for a slow reader keeps what waits, and not the memory of a whole buffer.
    fn tighten(&mut self) {
        let left = self.copied.len() - self.written;
        if left * 2 >= self.copied.capacity() {
            return;
        }
        let kept = BytesMut::from(self.copied.get(self.written..).unwrap_or_default());
        for (place, _) in &mut self.referred {
            *place -= self.written;
        }
        self.written = 0;
        spare::give_back_written(std::mem::replace(&mut self.copied, kept));
    }
}
