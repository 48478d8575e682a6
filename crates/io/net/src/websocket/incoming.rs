//! From the stream to messages, with as few copies as can be.
//!
//! One read takes what there is into a buffer that is lent by the thread. A message that lies in it whole is handed
//! out as a piece of it. Of a large message that does not, the rest is read straight behind its beginning. Only small
//! messages that are cut by the end of a read, fragments, and what was compressed are copied.

use std::io;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use gatepost_ws::connection::Connection;
use gatepost_ws::error::WsError;
use gatepost_ws::event::Event;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::assembly::{Assembly, Found};
use super::heard::{Heard, SocketEvent, Wanted};
use super::lent;
use super::spare::{self, LARGE, SMALL};

/// What was read and not given out yet; owns no memory while nothing is.
#[derive(Default)]
pub(super) struct Incoming {
    /// Read, and not yet taken by the connection.
    input: BytesMut,
    /// The connection has nothing left to tell before it is given more.
    is_hungry: bool,
    /// The connection has taken a part of a message, and not its end.
    is_amid: bool,
    assembly: Assembly,
    /// Reads that are to have more room, since much came lately.
    large: u8,
    /// Octets of the last large frame: the next one will lie in its buffer whole.
    frame: usize,
}

/// Small reads after which a connection counts as one of small messages again.
const LATELY: u8 = 16;

impl Incoming {
    /// The next thing in what was read; `None` if more has to be read.
    ///
    /// # Errors
    /// What the peer did wrong.
    pub(super) fn next(
        &mut self,
        connection: &mut Connection,
        wanted: Wanted,
        now: Duration,
    ) -> Result<Option<Heard>, WsError> {
        if self.assembly.is_unchecked()
            && let Some(message) = self.assembly.check(connection, now)?
        {
            self.is_amid = false;
            return Ok(Some(message));
        }
        if wanted == Wanted::Parts && !self.assembly.is_empty() {
            return Ok(self.assembly.give_kept());
        }
        if self.is_hungry && self.input.is_empty() {
            return Ok(None);
        }
        lent::with(|lent| {
            loop {
                let received = connection.receive(&mut self.input, &mut lent.scratch, &mut lent.contexts, now)?;
                let taken = received.taken;
                let heard = match received.event {
                    None => {
                        self.is_amid |= !self.input.is_empty();
                        self.is_hungry = true;
                        self.input.clear();
                        return Ok(None);
                    }
                    Some(Event::Part(part)) if part.in_place => {
                        let found = Found::of(&part);
                        (self.is_amid, self.is_hungry) = (!found.last, taken == self.input.len());
                        let mut piece = self.input.split_to(taken);
                        piece.advance(taken.saturating_sub(found.length));
                        self.assembly.add_piece(&found, piece, &mut self.input, wanted)
                    }
                    Some(Event::Part(part)) => {
                        (self.is_amid, self.is_hungry) = (!part.last, false);
                        let heard = self.assembly.add(&Found::of(&part), part.data, wanted);
                        self.input.advance(taken);
                        heard
                    }
                    Some(Event::Ping(payload)) => {
                        let heard = control(payload, wanted, SocketEvent::Ping);
                        self.input.advance(taken);
                        heard
                    }
                    Some(Event::Pong(payload)) => {
                        let heard = control(payload, wanted, SocketEvent::Pong);
                        self.input.advance(taken);
                        heard
                    }
                    Some(Event::Close(close)) => {
                        self.input.clear();
                        Some(Heard::Close(close))
                    }
                };
                if heard.is_some() {
                    return Ok(heard);
                }
            }
        })
    }

    /// Reads once. The octets that were read, 0 at the end of the stream.
    pub(super) fn poll_fill<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
        expected: u64,
    ) -> Poll<io::Result<usize>> {
        let expected = usize::try_from(expected).unwrap_or(usize::MAX);
        if expected >= SMALL {
            (self.large, self.frame) = (LATELY, self.assembly.frame(expected));
            if !self.assembly.is_empty() {
                return self.assembly.poll_fill(stream, cx, expected);
            }
        }
        let least = if self.large > 0 { self.frame.clamp(LARGE / 4, LARGE) } else { SMALL / 4 };
        let mut buffer = spare::roomy(std::mem::take(&mut self.input), least);
        let room = buffer.capacity();
        let read = pin!(stream.read_buf(&mut buffer)).poll(cx);
        match read {
            Poll::Ready(Ok(count)) if count > 0 => {
                if count == room {
                    self.large = LATELY;
                } else if count < SMALL / 2 {
                    self.large = self.large.saturating_sub(1);
                }
                self.input = buffer;
            }
            _ => spare::give_back_read(buffer),
        }
        read
    }

    /// Reads once and forgets what was read: the end is near, and nothing that comes is of interest.
    pub(super) fn poll_discard<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.forget();
        let mut buffer = spare::to_read(SMALL / 4);
        let read = pin!(stream.read_buf(&mut buffer)).poll(cx);
        spare::give_back_read(buffer);
        read
    }

    /// Forgets what was read.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Whether the clock has to be looked at before the connection goes on: for frames whose number is bounded.
    pub(super) fn needs_clock(&self) -> bool {
        // Not for the whole messages of which almost all traffic consists (RFC 6455 §5.2, RFC 7692 §6).
        self.is_amid || !matches!(self.input.first(), None | Some(0x81 | 0x82 | 0xC1 | 0xC2))
    }

    /// Whether a whole frame lies in front of what was read, so that whoever receives on will not wait.
    pub(super) fn has_whole_frame(&self) -> bool {
        !self.assembly.is_unchecked() && is_whole_frame(&self.input)
    }

    /// Whether no memory is held.
    #[cfg(test)]
    pub(super) fn owns_nothing(&self) -> bool {
        self.input.capacity() == 0 && self.assembly.is_empty()
    }

    /// Whether the beginning of a message was given out as parts, but not its end.
    pub(super) fn is_parted(&self) -> bool {
        self.assembly.is_parted()
    }
}

fn control(payload: &[u8], wanted: Wanted, event: fn(Bytes) -> SocketEvent) -> Option<Heard> {
    let event = (wanted == Wanted::Events).then(|| event(Bytes::copy_from_slice(payload)));
    Some(Heard::Control(event))
}

/// Whether octets begin with a whole frame (RFC 6455 §5.2); only its length is looked at.
fn is_whole_frame(octets: &[u8]) -> bool {
    let [_, second, rest @ ..] = octets else { return false };
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    let (length, rest) = match second & 0x7F {
        126 => match rest.split_first_chunk::<2>() {
            Some((length, rest)) => (u64::from(u16::from_be_bytes(*length)), rest),
            None => return false,
        },
        127 => match rest.split_first_chunk::<8>() {
            Some((length, rest)) => (u64::from_be_bytes(*length), rest),
            None => return false,
        },
        short => (u64::from(short), rest),
    };
    u64::try_from(rest.len()).unwrap_or(u64::MAX) >= length.saturating_add(mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_whole_with_its_last_octet() {
        let medium = [[0x82, 126, 0, 200].as_slice(), &[0; 200]].concat();
        let masked = [[0x82, 0xFE, 0, 200].as_slice(), &[0; 204]].concat();
        let long = [[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0].as_slice(), &[0; 65536]].concat();
        for frame in [[0x82, 2, 0, 0].as_slice(), &[0x82, 0x80, 1, 2, 3, 4], &medium, &masked, &long] {
            assert!(is_whole_frame(frame));
            assert!(is_whole_frame(&[frame, b"more"].concat()));
            assert!((0..frame.len()).all(|end| !is_whole_frame(&frame[..end])));
        }
        assert!(!is_whole_frame(&[0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255, 0]));
    }
}
