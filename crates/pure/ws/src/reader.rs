//! The octets of the wire, cut into frames wherever they were cut in two.

use crate::control::Control;
use crate::error::WsError;
use crate::head::{Head, LONGEST};
use crate::mask::Mask;
use crate::role::Role;

/// Where the octets stand between two calls. It keeps at most a head, or a control frame, that is not
/// whole; of data it keeps nothing.
#[derive(Debug)]
pub(crate) struct Reader {
    /// Who sends what is read.
    from: Role,
    /// Whether messages may be compressed.
    deflate: bool,
    /// The beginning of a head.
    held: [u8; LONGEST],
    filled: u8,
    /// The beginning of a control frame's payload.
    control: Option<Box<Control>>,
    /// What the next octet of the payload is masked with; nothing for a server's frames.
    mask: Mask,
    /// How many octets of the payload are still to come.
    left: u64,
}

impl Reader {
    pub(crate) const fn new(from: Role, deflate: bool) -> Self {
        Self { from, deflate, held: [0; LONGEST], filled: 0, control: None, mask: Mask::UNUSED, left: 0 }
    }

    /// How many octets of the payload are still to come.
    pub(crate) const fn left(&self) -> u64 {
        self.left
    }

    /// Whether the beginning of a head has come.
    pub(crate) const fn is_amid(&self) -> bool {
        self.filled > 0
    }

    /// Whether what is read is masked.
    pub(crate) const fn is_masked(&self) -> bool {
        self.from.masks()
    }

    /// Takes the next head out of `input`, and says how many octets it took; no head if it is not
    /// whole yet, and then all was taken. The payload's turn is next.
    #[inline]
    pub(crate) fn head(&mut self, input: &[u8]) -> Result<(usize, Option<Head>), WsError> {
        let found = if self.filled == 0 { Head::read(input, self.from, self.deflate)? } else { None };
        let (head, taken) = match found {
            Some(found) => found,
            None => match self.complete(input)? {
                Some(found) => found,
                None => return Ok((input.len(), None)),
            },
        };
        self.mask = head.mask.unwrap_or(Mask::UNUSED);
        self.left = head.length;
        Ok((taken, Some(head)))
    }

    /// Unmasks what `input` has of the payload, at most `most` octets, in place; says how many.
    #[inline]
    pub(crate) fn payload(&mut self, input: &mut [u8], most: usize) -> usize {
        let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(input.len()).min(most);
        let Some(payload) = input.get_mut(..length) else { return 0 };
        if self.from.masks() {
            self.mask = self.mask.over(payload);
        }
        self.left = self.left.saturating_sub(wide(length));
        length
    }

    /// Masks the last octets of a payload again, which were not made use of: they come again.
    pub(crate) fn put_back(&mut self, unused: &mut [u8]) {
        self.left = self.left.saturating_add(wide(unused.len()));
        if self.from.masks() {
            // Going back by n octets turns the key as going on by 3n does: together they are 4n.
            self.mask = self.mask.after((unused.len() & 3).wrapping_mul(3));
            self.mask.apply(unused);
        }
    }

    /// Takes what there is of a control frame's payload, and says how many octets that is; whether
    /// the payload was whole in this input tells where it stands.
    pub(crate) fn control(&mut self, input: &mut [u8]) -> (usize, Payload) {
        let whole_here = self.control.is_none();
        let length = self.payload(input, usize::MAX);
        let done = self.left == 0;
        if whole_here && done {
            return (length, Payload::InPlace);
        }
        let mut control = self.control.take().unwrap_or_else(Control::empty);
        control.push(input.get(..length).unwrap_or_default());
        if done {
            return (length, Payload::Gathered(control));
        }
        self.control = Some(control);
        (length, Payload::Unfinished)
    }

    /// Completes a head that was cut in two.
    #[cold]
    fn complete(&mut self, input: &[u8]) -> Result<Option<(Head, usize)>, WsError> {
        let before = usize::from(self.filled);
        let room = self.held.get_mut(before..).unwrap_or_default();
        let added = room.len().min(input.len());
        for (place, octet) in room.iter_mut().zip(input) {
            *place = *octet;
        }
        let filled = before.saturating_add(added);
        let known = self.held.get(..filled).unwrap_or_default();
        match Head::read(known, self.from, self.deflate)? {
            Some((head, length)) => {
                self.filled = 0;
                Ok(Some((head, length.saturating_sub(before))))
            }
            None => {
                self.filled = u8::try_from(filled).unwrap_or_default();
                Ok(None)
            }
        }
    }
}

/// Where the payload of a control frame stands.
#[derive(Debug)]
pub(crate) enum Payload {
    /// At the end of what was taken of the input.
    InPlace,
    /// It came in pieces.
    Gathered(Box<Control>),
    /// It is not whole yet.
    Unfinished,
}

/// No machine has lengths of more than 64 bits.
pub(crate) fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
