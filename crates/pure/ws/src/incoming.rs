//! The message that comes in: its order of fragments, its bound, its text, its compression.

use std::time::Duration;

use crate::deflate::contexts::Contexts;
use crate::deflate::stream::Deflate;
use crate::error::WsError;
use crate::head::Head;
use crate::limits::Limits;
use crate::message::Kind;
use crate::rates::Bucket;
use crate::reader::{Reader, wide};
use crate::utf8::Utf8;

/// What is known of the message of which some has come.
#[derive(Debug)]
pub(crate) struct Incoming {
    /// How many octets of it were told, after inflating.
    offset: u64,
    /// How many octets of it its frames have declared.
    declared: u64,
    empty_frames: Bucket,
    text: Utf8,
    /// The message, once its first frame has begun.
    message: Option<Kind>,
    compressed: bool,
    /// Whether the frame is the last of its message.
    fin: bool,
    /// Whether a data frame is under way.
    open: bool,
    /// Whether more can be inflated of what was taken.
    pending: bool,
}

/// Octets of the message that can be told now.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) kind: Kind,
    pub(crate) offset: u64,
    pub(crate) fin: bool,
    pub(crate) last: bool,
    /// How many octets it has.
    pub(crate) length: usize,
    /// Whether they were inflated; else they are the last that were taken of the input.
    pub(crate) inflated: bool,
}

impl Incoming {
    pub(crate) const fn new() -> Self {
        Self {
            offset: 0,
            declared: 0,
            empty_frames: Bucket::new(),
            text: Utf8::new(),
            message: None,
            compressed: false,
            fin: false,
            open: false,
            pending: false,
        }
    }

    /// Whether a message is under way.
    pub(crate) const fn is_amid(&self) -> bool {
        self.message.is_some() || self.open
    }

    /// Whether a data frame is under way, or something of it has yet to be inflated.
    pub(crate) const fn is_open(&self) -> bool {
        self.open
    }

    /// Whether the octets of the frame under way are those of the message.
    pub(crate) const fn is_plain(&self) -> bool {
        self.open && !self.compressed
    }

    /// Judges the head of a data frame; its payload is next.
    #[inline]
    pub(crate) fn begin(&mut self, head: &Head, limits: &Limits, now: Duration) -> Result<(), WsError> {
        match (head.opcode.begins(), self.message) {
            (Some(kind), None) => {
                self.message = Some(kind);
                self.compressed = head.compressed;
                self.offset = 0;
                self.declared = 0;
            }
            (None, Some(_)) => {}
            // RFC 6455 §5.4.
            (Some(_), Some(_)) => return Err(WsError::Frame("a new message inside another")),
            (None, None) => return Err(WsError::Frame("a continuation of nothing")),
        }
        if head.length == 0 && !head.fin && !self.empty_frames.take(limits.empty_frames, now) {
            return Err(WsError::Flood("empty parts of messages"));
        }
        self.declared = self.declared.saturating_add(head.length);
        if self.declared > self.bound(limits) {
            return Err(WsError::TooLarge { limit: limits.message });
        }
        self.fin = head.fin;
        self.open = true;
        Ok(())
    }

    /// Takes what there is of a payload whose octets are those of the message; says how many. No piece:
    /// nothing to tell; the whole input was taken then, or the frame has ended.
    #[inline]
    pub(crate) fn plain(&mut self, reader: &mut Reader, input: &mut [u8]) -> Result<(usize, Option<Piece>), WsError> {
        let taken = reader.payload(input, usize::MAX);
        self.open = reader.left() != 0;
        let octets = input.get(..taken).unwrap_or_default();
        Ok((taken, self.tell(octets, self.fin && !self.open, false)?))
    }

    /// Inflates some of a compressed payload into `room`; says how many octets it took. No piece:
    /// nothing to tell; what was taken is then the whole input, or the frame has ended.
    pub(crate) fn compressed(
        &mut self,
        reader: &mut Reader,
        input: &mut [u8],
        deflate: &mut Deflate,
        room: &mut [u8],
        contexts: &mut Contexts,
        limits: &Limits,
    ) -> Result<(usize, Option<Piece>), WsError> {
        let mut taken: usize = 0;
        loop {
            let rest = input.get_mut(taken..).unwrap_or_default();
            // Not more at once than there is room for: what is not made use of has to be masked again.
            let unmasked = reader.payload(rest, room.len());
            let last = self.fin && reader.left() == 0;
            if unmasked == 0 && !last && !self.pending {
                self.open = reader.left() != 0;
                return Ok((taken, None));
            }
            let some = rest.get_mut(..unmasked).unwrap_or_default();
            let progress = deflate.inflate(some, last, room, contexts)?;
            reader.put_back(some.get_mut(progress.read..).unwrap_or_default());
            taken = taken.saturating_add(progress.read);
            self.pending = progress.more;
            self.open = reader.left() != 0 || progress.more;
            let octets = room.get(..progress.written).unwrap_or_default();
            if self.offset.saturating_add(wide(octets.len())) > wide(limits.message) {
                return Err(WsError::TooLarge { limit: limits.message });
            }
            let piece = self.tell(octets, last && !self.open, true)?;
            if piece.is_some() || !self.open || taken == input.len() && !progress.more {
                return Ok((taken, piece));
            }
            if progress.read == 0 {
                return Err(WsError::Deflate("it does not go on"));
            }
        }
    }

    #[inline]
    fn tell(&mut self, octets: &[u8], last: bool, inflated: bool) -> Result<Option<Piece>, WsError> {
        let Some(kind) = self.message else { return Ok(None) };
        if kind == Kind::Text {
            self.text.check(octets)?;
            if last {
                self.text.end()?;
            }
        }
        let offset = self.offset;
        self.offset = offset.saturating_add(wide(octets.len()));
        if last {
            self.message = None;
        }
        let piece = Piece { kind, offset, fin: self.fin, last, length: octets.len(), inflated };
        Ok((last || !octets.is_empty()).then_some(piece))
    }

    /// How many octets the frames of the message may declare.
    fn bound(&self, limits: &Limits) -> u64 {
        let limit = wide(limits.message);
        if !self.compressed {
            return limit;
        }
        // What does not shrink grows a little by deflating: by an eighth in zlib's own worst case
        // (`deflateBound`), and by a few octets for each flush.
        limit.saturating_add(limit >> 3).saturating_add(1024)
    }
}
