//! Messages made of the parts that a connection checked, in one contiguous buffer each.

use std::io;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use gatepost_ws::connection::Connection;
use gatepost_ws::error::WsError;
use gatepost_ws::event::{Event, Part};
use gatepost_ws::message::{Kind, Message};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::heard::{Heard, MessagePart, Wanted};
use super::lent;
use super::spare::{self, SMALL};

/// How many times as much as has come memory is taken for, on the word of the peer.
const TRUST: usize = 3;
/// Octets of the longest head (RFC 6455 §5.2).
const HEAD: usize = 14;
/// Octets for which memory is taken in any case.
const LEAST: usize = 1024;

/// The message that is under way; owns no memory between messages.
#[derive(Default)]
pub(super) struct Assembly {
    /// What came of it and was not given out.
    octets: BytesMut,
    /// So many of them were taken by the connection; what is behind was read straight into place.
    checked: usize,
    /// Its kind, if any of it is in `octets`.
    kind: Option<Kind>,
    /// Some of it was given out as parts, and its end was not.
    parted: bool,
}

/// A part without what it borrows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) kind: Kind,
    /// Octets of the message before it.
    pub(super) offset: u64,
    /// Octets of it.
    pub(super) length: usize,
    /// Octets of its frame that are still to come.
    left: u64,
    pub(super) last: bool,
}

impl Found {
    pub(super) fn of(part: &Part<'_>) -> Self {
        Self { kind: part.kind, offset: part.offset, length: part.data.len(), left: part.left, last: part.last }
    }
}

impl Assembly {
    /// Whether the beginning of a message was given out as parts, but not its end.
    pub(super) fn is_parted(&self) -> bool {
        self.parted
    }

    /// Whether something was read straight into place that the connection has not seen.
    pub(super) fn is_unchecked(&self) -> bool {
        self.checked < self.octets.len()
    }

    /// Whether nothing is kept.
    pub(super) fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// About how many octets the frame has of which so many are still to come.
    pub(super) fn frame(&self, expected: usize) -> usize {
        expected.saturating_add(self.octets.len()).saturating_add(HEAD)
    }

    /// Adds a part that stands in the front of a read buffer, whose rest is `behind`; gives what is wanted of it.
    pub(super) fn add_piece(
        &mut self,
        found: &Found,
        piece: BytesMut,
        behind: &mut BytesMut,
        wanted: Wanted,
    ) -> Option<Heard> {
        if self.octets.is_empty() && (found.last || wanted == Wanted::Parts) {
            return Some(self.give(found, piece, wanted));
        }
        if self.octets.is_empty() && behind.is_empty() {
            self.octets = self.begin(found, piece, behind);
            return self.settle(found, wanted);
        }
        self.add(found, &piece, wanted)
    }

    /// Adds a copy of a part; gives what is wanted of it.
    pub(super) fn add(&mut self, found: &Found, octets: &[u8], wanted: Wanted) -> Option<Heard> {
        if self.octets.capacity() - self.octets.len() < octets.len() {
            let left = usize::try_from(found.left).unwrap_or(usize::MAX);
            self.octets.reserve(octets.len() + left.min(trusted(self.octets.len() + octets.len())));
        }
        self.octets.extend_from_slice(octets);
        self.settle(found, wanted)
    }

    /// Gives what is kept as a part.
    pub(super) fn give_kept(&mut self) -> Option<Heard> {
        let kind = self.kind.take()?;
        let data = std::mem::take(&mut self.octets).freeze();
        (self.checked, self.parted) = (0, true);
        Some(Heard::Part(MessagePart { kind, offset: 0, data, last: false }))
    }

    /// Shows the connection what was read straight into place; gives the message if this ends it.
    ///
    /// # Errors
    /// What the peer did wrong.
    pub(super) fn check(&mut self, connection: &mut Connection, now: Duration) -> Result<Option<Heard>, WsError> {
        lent::with(|lent| {
            while let Some(rest) = self.octets.get_mut(self.checked..).filter(|rest| !rest.is_empty()) {
                let received = connection.receive(rest, &mut lent.scratch, &mut lent.contexts, now)?;
                let found = match &received.event {
                    Some(Event::Part(part)) => Some(Found::of(part)),
                    _ => None,
                };
                self.checked = match found {
                    Some(_) => self.checked + received.taken,
                    None => self.octets.len(),
                };
                if let Some(found) = found.filter(|found| found.last) {
                    return Ok(Some(self.end(found.kind)));
                }
            }
            Ok(None)
        })
    }

    /// Reads once, straight behind what there is, at most what its frame still brings.
    pub(super) fn poll_fill<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
        expected: usize,
    ) -> Poll<io::Result<usize>> {
        if self.octets.capacity() == self.octets.len() {
            self.octets.reserve(expected.min(trusted(self.octets.len())));
        }
        let mut room = (&mut self.octets).limit(expected);
        pin!(stream.read_buf(&mut room)).poll(cx)
    }

    /// The beginning of a message of which more is to come.
    fn begin(&self, found: &Found, mut piece: BytesMut, behind: &mut BytesMut) -> BytesMut {
        let left = usize::try_from(found.left).unwrap_or(usize::MAX);
        // The buffer of which it is a piece becomes the message's own if the rest fits, and if enough has come.
        if left <= behind.capacity() && piece.len() >= SMALL {
            piece.unsplit(std::mem::take(behind));
            return piece;
        }
        let mut begun = BytesMut::with_capacity(piece.len() + left.min(trusted(piece.len())));
        begun.extend_from_slice(&piece);
        begun
    }

    /// After a part was added.
    fn settle(&mut self, found: &Found, wanted: Wanted) -> Option<Heard> {
        self.checked = self.octets.len();
        self.kind = Some(found.kind);
        if wanted == Wanted::Parts {
            let octets = std::mem::take(&mut self.octets);
            (self.checked, self.kind) = (0, None);
            return Some(self.give(found, octets, wanted));
        }
        found.last.then(|| self.end(found.kind))
    }

    /// Gives out the whole message.
    fn end(&mut self, kind: Kind) -> Heard {
        let mut whole = std::mem::take(&mut self.octets);
        let octets = whole.split();
        if whole.capacity() >= SMALL {
            spare::give_back_read(whole);
        }
        (self.checked, self.kind) = (0, None);
        Heard::Message(Message::of_parts(kind, octets.freeze()))
    }

    fn give(&mut self, found: &Found, octets: BytesMut, wanted: Wanted) -> Heard {
        if wanted == Wanted::Parts {
            self.parted = !found.last;
            let data = octets.freeze();
            return Heard::Part(MessagePart { kind: found.kind, offset: found.offset, data, last: found.last });
        }
        Heard::Message(Message::of_parts(found.kind, octets.freeze()))
    }
}

/// For how many more octets memory is taken when so many have come.
fn trusted(come: usize) -> usize {
    come.saturating_mul(TRUST).max(LEAST)
}
