//! Frames, appended to what is to be sent.

use bytes::BytesMut;

use crate::deflate::contexts::Contexts;
use crate::deflate::stream::Deflate;
use crate::error::WsError;
use crate::head::{Head, Octets};
use crate::mask::Mask;
use crate::message::Kind;
use crate::opcode::Opcode;
use crate::reader::wide;
use crate::role::Role;
use crate::scratch::LONGEST_CONTROL;

/// What is known of the message of which some was sent.
#[derive(Debug)]
pub(crate) struct Writer {
    role: Role,
    message: Option<Kind>,
    compressed: bool,
}

/// A part of a message that is to be sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece<'a> {
    pub(crate) kind: Kind,
    pub(crate) payload: &'a [u8],
    pub(crate) last: bool,
    pub(crate) mask: Mask,
}

impl Writer {
    pub(crate) const fn new(role: Role) -> Self {
        Self { role, message: None, compressed: false }
    }

    /// Whether a message is under way.
    pub(crate) const fn is_amid(&self) -> bool {
        self.message.is_some()
    }

    /// A control frame.
    pub(crate) fn control(
        &self,
        opcode: Opcode,
        payload: &[u8],
        mask: Mask,
        out: &mut BytesMut,
    ) -> Result<(), WsError> {
        // RFC 6455 §5.5.
        if payload.len() > LONGEST_CONTROL {
            return Err(WsError::Unsendable("a control frame of more than 125 octets"));
        }
        let head = Head { fin: true, compressed: false, opcode, length: wide(payload.len()), mask: self.mask(mask) };
        append(&head, payload, out);
        Ok(())
    }

    /// The head of a frame that is not compressed and whose payload the caller writes.
    pub(crate) fn head(&mut self, kind: Kind, length: u64, last: bool, mask: Mask) -> Result<Octets, WsError> {
        let opcode = self.opcode(kind)?;
        if opcode == Opcode::Continuation && self.compressed {
            return Err(WsError::Unsendable("a plain part of a compressed message"));
        }
        if length >> 63 != 0 {
            return Err(WsError::Unsendable("a length with its highest bit set"));
        }
        self.advance(kind, last, false);
        Ok(Head { fin: last, compressed: false, opcode, length, mask: self.mask(mask) }.write())
    }

    /// A part of a message, compressed if that was agreed on and is worth it.
    #[inline]
    pub(crate) fn part(
        &mut self,
        piece: Piece<'_>,
        deflate: Option<&mut Deflate>,
        contexts: &mut Contexts,
        out: &mut BytesMut,
    ) -> Result<(), WsError> {
        let Piece { kind, payload, last, mask } = piece;
        let opcode = self.opcode(kind)?;
        // How long a message of parts will be is not known: it is taken for a long one.
        let length = if last { payload.len() } else { usize::MAX };
        let begins = opcode != Opcode::Continuation;
        let deflate = deflate.filter(|deflate| if begins { deflate.is_worth(length) } else { self.compressed });
        let mut head =
            Head { fin: last, compressed: false, opcode, length: wide(payload.len()), mask: self.mask(mask) };
        let Some(deflate) = deflate else {
            append(&head, payload, out);
            self.advance(kind, last, false);
            return Ok(());
        };
        // RFC 7692 §6.1: RSV1 stands on the first frame of a message only.
        head.compressed = begins;
        let start = out.len();
        if let Err(error) = append_compressed(head, payload, deflate, contexts, out) {
            out.truncate(start);
            return Err(error);
        }
        self.advance(kind, last, true);
        Ok(())
    }

    #[inline]
    fn opcode(&self, kind: Kind) -> Result<Opcode, WsError> {
        match self.message {
            None => Ok(Opcode::of(kind)),
            Some(begun) if begun == kind => Ok(Opcode::Continuation),
            Some(_) => Err(WsError::Unsendable("a part of another kind than its message")),
        }
    }

    fn advance(&mut self, kind: Kind, last: bool, compressed: bool) {
        self.message = (!last).then_some(kind);
        self.compressed = compressed;
    }

    /// RFC 6455 §5.1.
    fn mask(&self, mask: Mask) -> Option<Mask> {
        self.role.masks().then_some(mask)
    }
}

#[inline]
fn append(head: &Head, payload: &[u8], out: &mut BytesMut) {
    let octets = head.write();
    out.reserve(octets.as_slice().len().saturating_add(payload.len()));
    out.extend_from_slice(octets.as_slice());
    let start = out.len();
    out.extend_from_slice(payload);
    if let Some(mask) = head.mask {
        mask.apply(out.get_mut(start..).unwrap_or_default());
    }
}

/// Leaves room for a head, compresses after it, and writes the head once the length is known.
fn append_compressed(
    mut head: Head,
    payload: &[u8],
    deflate: &mut Deflate,
    contexts: &mut Contexts,
    out: &mut BytesMut,
) -> Result<(), WsError> {
    let start = out.len();
    let guess = start.saturating_add(head.write().as_slice().len());
    out.resize(guess, 0);
    deflate.compress(payload, head.fin, out, contexts)?;
    let length = out.len().saturating_sub(guess);
    head.length = wide(length);
    let octets = head.write();
    let body = start.saturating_add(octets.as_slice().len());
    if body != guess {
        // The length has another form than that of the payload: hardly ever, and then short.
        let end = out.len();
        out.resize(end.max(body.saturating_add(length)), 0);
        out.copy_within(guess..end, body);
        out.truncate(body.saturating_add(length));
    }
    if let Some(place) = out.get_mut(start..body) {
        place.copy_from_slice(octets.as_slice());
    }
    if let Some(mask) = head.mask {
        mask.apply(out.get_mut(body..).unwrap_or_default());
    }
    Ok(())
}
