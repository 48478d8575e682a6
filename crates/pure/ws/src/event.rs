//! What a connection makes of the octets of its peer.

use std::fmt;

use crate::close::Close;
use crate::message::Kind;

/// What one call took and found.
#[derive(Debug, PartialEq, Eq)]
pub struct Received<'a> {
    /// How many octets of the input are done with; the rest belongs into the next call.
    pub taken: usize,
    /// The first event in them. `None`: all of the input was taken, and there is nothing more to tell.
    pub event: Option<Event<'a>>,
}

/// Something that the peer said.
#[derive(PartialEq, Eq)]
pub enum Event<'a> {
    /// A part of a message.
    Part(Part<'a>),
    /// A question whether we live, of at most 125 octets. The connection has its answer ready.
    Ping(&'a [u8]),
    /// The answer to one, or just a sign of life.
    Pong(&'a [u8]),
    /// The end, with its reason if one was given. The connection has its answer ready; what the peer
    /// sends after it is not looked at.
    Close(Option<Close>),
}

/// Some octets of a message, unmasked, inflated, and checked if they are text. A part of a text may
/// end within a character.
#[derive(PartialEq, Eq)]
pub struct Part<'a> {
    /// The kind of the message.
    pub kind: Kind,
    /// How many octets of the message came before this part.
    pub offset: u64,
    /// How many octets of the frame are still to come after this part, as they stand on the wire.
    pub left: u64,
    /// Whether the frame is the last of its message.
    pub fin: bool,
    /// Whether the message ends with this part.
    pub last: bool,
    /// Whether `data` are the last octets of what was taken of the input; else they were inflated.
    pub in_place: bool,
    /// The octets.
    pub data: &'a [u8],
}

impl Part<'_> {
    /// Whether the message ends with this part, also if it is compressed.
    #[must_use]
    pub fn ends_message(&self) -> bool {
        self.last
    }

    /// Whether this part is a whole message.
    #[must_use]
    pub fn is_message(&self) -> bool {
        self.last && self.offset == 0
    }
}

/// What peers say may be a secret: only how much it is is shown.
impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part(part) => part.fmt(f),
            Self::Ping(payload) => write!(f, "Ping({} octets)", payload.len()),
            Self::Pong(payload) => write!(f, "Pong({} octets)", payload.len()),
            Self::Close(close) => f.debug_tuple("Close").field(close).finish(),
        }
    }
}

/// What peers say may be a secret: only how much it is is shown.
impl fmt::Debug for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part")
            .field("kind", &self.kind)
            .field("offset", &self.offset)
            .field("left", &self.left)
            .field("fin", &self.fin)
            .field("last", &self.last)
            .field("in_place", &self.in_place)
            .field("octets", &self.data.len())
            .finish()
    }
}
