//! Parts made into messages, each in one buffer of its own.

use std::fmt;
use std::time::Duration;

use bytes::buf::Limit;
use bytes::{BufMut, BytesMut};

use crate::connection::Connection;
use crate::deflate::contexts::Contexts;
use crate::error::WsError;
use crate::event::{Event, Part};
use crate::message::{Kind, Message};
use crate::scratch::Scratch;

/// Puts the parts of messages together. It owns no memory between messages.
///
/// The connection has checked every part against its limit before: what is kept here is bounded by
/// that. A declared length alone makes nothing grow by more than [`Assembler::AHEAD`].
///
/// Parts that were read are [pushed](Self::push), which copies them once. Where the rest of a frame is
/// [expected](Connection::expected), it can be read to where it stays: [`room`](Self::room), then
/// [`receive`](Self::receive).
#[derive(Default)]
pub struct Assembler {
    /// What was read of the message. What lies behind `done` was not received yet.
    octets: BytesMut,
    done: usize,
}

impl Assembler {
    /// How many octets are made room for before they are there: 64 KiB, or as many as there are already.
    pub const AHEAD: usize = 64 * 1024;

    /// One without a message.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many octets of the message under way it keeps.
    #[must_use]
    pub fn len(&self) -> usize {
        self.done
    }

    /// Whether it keeps none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.done == 0
    }

    /// Takes the next part; gives the message that ends with it.
    pub fn push(&mut self, part: &Part<'_>) -> Option<Message> {
        let coming = if part.last { 0 } else { part.left };
        self.reserve(part.data.len(), coming);
        self.octets.extend_from_slice(part.data);
        self.done = self.octets.len();
        part.last.then(|| self.take(part.kind))
    }

    /// Room in the message's own buffer for octets of the frame under way, of which so many are
    /// [expected](Connection::expected); never for more of them.
    pub fn room(&mut self, expected: u64) -> Limit<&mut BytesMut> {
        self.reserve(0, expected);
        let spare = self.octets.capacity().saturating_sub(self.octets.len());
        let most = usize::try_from(expected).unwrap_or(usize::MAX).min(spare);
        (&mut self.octets).limit(most)
    }

    /// Hands to the connection what was read into [`room`](Self::room), in place; gives the message
    /// that ends with it.
    ///
    /// # Errors
    /// As [`Connection::receive`].
    pub fn receive(
        &mut self,
        connection: &mut Connection,
        scratch: &mut Scratch,
        contexts: &mut Contexts,
        now: Duration,
    ) -> Result<Option<Message>, WsError> {
        let fresh = self.octets.get_mut(self.done..).unwrap_or_default();
        let received = connection.receive(fresh, scratch, contexts, now)?;
        let ended = match received.event {
            Some(Event::Part(part)) if part.last => Some(part.kind),
            _ => None,
        };
        self.done = self.octets.len();
        Ok(ended.map(|kind| self.take(kind)))
    }

    /// Forgets the message under way.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn take(&mut self, kind: Kind) -> Message {
        self.done = 0;
        Message::of_parts(kind, std::mem::take(&mut self.octets).freeze())
    }

    /// Makes room for `now` octets, and if there is too little, for some of those to come as well.
    fn reserve(&mut self, now: usize, coming: u64) {
        let spare = self.octets.capacity().saturating_sub(self.octets.len());
        let ahead = usize::try_from(coming).unwrap_or(usize::MAX).min(Self::AHEAD.max(self.octets.len()));
        if spare < now || spare == 0 {
            self.octets.reserve(now.saturating_add(ahead));
        }
    }
}

/// What peers say may be a secret: only how much it is is shown.
impl fmt::Debug for Assembler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Assembler({} octets)", self.done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(data: &[u8], left: u64) -> Part<'_> {
        Part { kind: Kind::Text, offset: 0, left, fin: true, last: left == 0, in_place: true, data }
    }

    #[test]
    fn what_is_only_promised_makes_nothing_grow_much() {
        let mut assembler = Assembler::new();
        assert_eq!(assembler.push(&part(b"a", 1 << 40)), None);
        assert!(assembler.octets.capacity() <= Assembler::AHEAD + 64);
        let room = assembler.room(1 << 40).remaining_mut();
        assert!((1..=Assembler::AHEAD).contains(&room));
        // Nor is there room for more than the frame still has.
        assert_eq!(assembler.room(7).remaining_mut(), 7);
    }

    #[test]
    fn a_message_takes_its_memory_along() {
        let mut assembler = Assembler::new();
        assert_eq!(assembler.push(&part(b"Hel", 2)), None);
        assert_eq!((assembler.len(), format!("{assembler:?}").as_str()), (3, "Assembler(3 octets)"));
        assert_eq!(assembler.push(&part(b"lo", 0)), Some(Message::from("Hello")));
        assert_eq!((assembler.octets.capacity(), assembler.is_empty()), (0, true));
        let _ = assembler.push(&part(b"Hel", 2));
        assembler.clear();
        assert_eq!(assembler.octets.capacity(), 0);
    }
}
