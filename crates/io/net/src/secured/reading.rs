//! From the socket to the reader: one read, as many records as fit, no copy of what fits.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use gatepost_tls::handshake::Protection;
use gatepost_tls::record::fault::RecordFault;
use gatepost_tls::record::layout::{HEADER, MAX_PLAINTEXT, OVERHEAD};
use gatepost_tls::record::traffic::{Content, Traffic};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::remains::Remains;
use super::scratch::{SIZE, Scratch};
use super::state::{Failure, Reading, State, Writing};

/// What opening some records came to.
struct Opened {
    /// Octets of records that are used up.
    used: usize,
    /// `true` at the peer's close_notify.
    end: Result<bool, RecordFault>,
}

impl State {
    /// Reads plaintext into `buf`.
    pub(super) fn poll_read<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        socket: &mut S,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            if !self.unread.is_empty() {
                let taken = self.unread.left().len().min(buf.remaining());
                buf.put_slice(self.unread.left().get(..taken).unwrap_or_default());
                self.unread.consume(taken);
            }
            if buf.filled().len() > before {
                self.is_spoken_to = true;
                return Poll::Ready(Ok(()));
            }
            match &self.reading {
                Reading::Open => {}
                Reading::Ended => return Poll::Ready(Ok(())),
                Reading::Failed(failure) => return Poll::Ready(Err(failure.into())),
            }
            let mut scratch = Scratch::lend();
            let read = self.poll_fill(socket, cx, &mut scratch, buf.remaining());
            if read.is_pending() && self.greets && !self.is_spoken_to {
                // Nobody writes before the peer has spoken, so what the handshake left goes now. Not later: then it
                // goes with the answer, and a writer may wait with a waker of its own.
                let _ = self.poll_drain(socket, cx);
            }
            let read = ready!(read);
            if read.is_err() {
                self.writing = Writing::Broken;
            }
            if !read? {
                self.reading = Reading::Failed(Failure::Cut);
                continue;
            }
            if let Err(failure) = self.take_in(&mut scratch, buf) {
                drop(scratch);
                self.fail(socket, cx, failure);
            }
        }
    }

    /// Puts the records that wait, and if none of them is whole what the socket has, into `scratch`; whether
    /// the socket goes on.
    fn poll_fill<S: AsyncRead + Unpin>(
        &self,
        socket: &mut S,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        wanted: usize,
    ) -> Poll<io::Result<bool>> {
        scratch.put(&self.received);
        if is_whole(&self.received) {
            return Poll::Ready(Ok(true));
        }
        // As many full records as the reader has room for, so that few are cut in two.
        let full = MAX_PLAINTEXT + OVERHEAD;
        let records = (wanted / MAX_PLAINTEXT).clamp(1, SIZE / full);
        let limit = full.saturating_mul(records).max(self.begun());
        let limit = limit.saturating_sub(self.received.len()).max(HEADER);
        let mut room = ReadBuf::new(scratch.room(limit));
        ready!(Pin::new(socket).poll_read(cx, &mut room))?;
        let count = room.filled().len();
        scratch.advance(count);
        Poll::Ready(Ok(count > 0))
    }

    /// The length of the record that has begun, as far as it is known.
    fn begun(&self) -> usize {
        Traffic::measure(&self.received).ok().flatten().unwrap_or_default()
    }

    /// Opens what is in `scratch` into `buf`, and keeps what is not opened.
    fn take_in(&mut self, scratch: &mut Scratch, buf: &mut ReadBuf<'_>) -> Result<(), Failure> {
        let traffic = match &mut self.protection {
            Protection::Traffic(traffic) => traffic,
            Protection::Legacy(legacy) => {
                let received = legacy.receive(scratch.filled());
                self.received = Vec::new();
                self.unread.keep(&received.plaintext);
                self.unsent.keep(&received.output);
                let ended = received.closed.map_err(|error| Failure::Legacy(Box::new(error)))?;
                if ended {
                    self.reading = Reading::Ended;
                }
                return Ok(());
            }
        };
        let opened = open(traffic, scratch.filled_mut(), buf, &mut self.unread);
        let left = scratch.filled().get(opened.used..).unwrap_or_default();
        if opened.used == 0 {
            // The beginning of a record that has grown.
            self.received.extend_from_slice(left.get(self.received.len()..).unwrap_or_default());
        } else {
            self.received = left.to_vec();
        }
        if opened.end.map_err(Failure::Record)? {
            self.reading = Reading::Ended;
            // RFC 8446 §6.1: what comes behind a close_notify is ignored.
            self.received = Vec::new();
        }
        Ok(())
    }
}

/// Opens records into `buf` as long as they fit; the first one goes to `unread` if it does not.
fn open(traffic: &mut Traffic, records: &mut [u8], buf: &mut ReadBuf<'_>, unread: &mut Remains) -> Opened {
    let mut used = 0;
    let end = loop {
        let rest = records.get_mut(used..).unwrap_or_default();
        let length = match Traffic::measure(rest) {
            Ok(Some(length)) => length,
            Ok(None) => break Ok(false),
            Err(fault) => break Err(fault),
        };
        let Some(record) = rest.get_mut(..length) else { break Ok(false) };
        let room = Traffic::room_for(length);
        let content = if buf.remaining() >= room {
            let content = traffic.open(record, buf.initialize_unfilled_to(room));
            if let Ok(Content::Data(count)) = content {
                buf.advance(count);
            }
            content
        } else if buf.remaining() + 1 < room && (used > 0 || buf.remaining() == 0) {
            // The next call opens it into the reader's memory.
            break Ok(false);
        } else {
            // Its data may fit, but its type does not; or nothing has been read yet.
            let content = traffic.open_in_place(record);
            if let Ok(Content::Data(count)) = content {
                let data = record.get(HEADER..HEADER + count).unwrap_or_default();
                let (fits, does_not) = data.split_at(buf.remaining().min(data.len()));
                buf.put_slice(fits);
                unread.keep(does_not);
            }
            content
        };
        used += length;
        match content {
            Ok(Content::End) => break Ok(true),
            Ok(_) => {}
            Err(fault) => break Err(fault),
        }
    };
    Opened { used, end }
}

/// Whether `octets` begin with a whole record, or with something that is none.
fn is_whole(octets: &[u8]) -> bool {
    match Traffic::measure(octets) {
        Ok(Some(length)) => octets.len() >= length,
        Ok(None) => false,
        Err(_) => true,
    }
}
