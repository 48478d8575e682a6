//! The payload of a control frame, kept where it cannot be lent.

use std::fmt;

use crate::scratch::LONGEST_CONTROL;

/// At most 125 octets (RFC 6455 §5.5). Boxed where it is kept: most connections have none.
pub(crate) struct Control {
    octets: [u8; LONGEST_CONTROL],
    length: u8,
}

impl Control {
    /// One that holds nothing yet.
    pub(crate) fn empty() -> Box<Self> {
        Box::new(Self { octets: [0; LONGEST_CONTROL], length: 0 })
    }

    /// Takes more octets. What does not fit is left out: heads are read before, and refuse it.
    pub(crate) fn push(&mut self, more: &[u8]) {
        let (start, end) = (usize::from(self.length), usize::from(self.length).saturating_add(more.len()));
        if let (Some(place), Ok(length)) = (self.octets.get_mut(start..end), u8::try_from(end)) {
            place.copy_from_slice(more);
            self.length = length;
        }
    }

    /// What it holds.
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.octets.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// Forgets it.
    pub(crate) fn clear(&mut self) {
        self.length = 0;
    }
}

/// What peers say is not shown.
impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Control({} octets)", self.length)
    }
}
