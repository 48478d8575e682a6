//! Memory that is lent for one call: what a compressed part is inflated to.

use std::fmt;

/// Room for the octets of one event that do not stand in the input. One serves all connections of a
/// thread; what it holds is meaningless after the event is dropped.
pub struct Scratch {
    room: Box<[u8]>,
    control: [u8; LONGEST_CONTROL],
}

/// RFC 6455 §5.5: the longest payload of a control frame.
pub(crate) const LONGEST_CONTROL: usize = 125;
/// Below this an event would hold too little to be worth a call.
const LEAST: usize = 256;

impl Scratch {
    /// What is worth lending: 16 KiB.
    pub const USUAL: usize = 16 * 1024;

    /// Room for parts of at most so many inflated octets, and of at least 256.
    #[must_use]
    pub fn new(octets: usize) -> Self {
        Self { room: vec![0; octets.max(LEAST)].into_boxed_slice(), control: [0; LONGEST_CONTROL] }
    }

    /// Forgets what it held: for keepers who lend it from one connection to another.
    pub fn clear(&mut self) {
        self.room.fill(0);
        self.control.fill(0);
    }

    /// Where a part is inflated to.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        &mut self.room
    }

    /// What was inflated, and what lies behind it.
    pub(crate) fn inflated(&self) -> &[u8] {
        &self.room
    }

    /// Keeps the payload of a control frame that came in pieces.
    pub(crate) fn keep(&mut self, control: &[u8]) {
        for (place, octet) in self.control.iter_mut().zip(control) {
            *place = *octet;
        }
    }

    /// What was kept, and what lies behind it.
    pub(crate) fn kept(&self) -> &[u8] {
        &self.control
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new(Self::USUAL)
    }
}

/// What peers said is not shown.
impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scratch({} octets)", self.room.len())
    }
}
