//! An event whose octets are not borrowed yet, so that it can be found in a loop.

use std::ops::Range;

use crate::close::Close;
use crate::event::{Event, Part};
use crate::incoming::Piece;
use crate::scratch::Scratch;

/// What was found, and where its octets stand.
#[derive(Debug)]
pub(crate) enum Found {
    /// A part; how much of its frame is left; its octets.
    Part(Piece, u64, Place),
    Ping(Place),
    Pong(Place),
    Close(Option<Close>),
}

impl Found {
    /// A part that ends where `end` octets of the input were taken.
    #[inline]
    pub(crate) fn part(piece: Piece, left: u64, end: usize) -> Self {
        let place = match piece.inflated {
            true => Place::Room(piece.length),
            false => Place::Input(end.saturating_sub(piece.length)..end),
        };
        Self::Part(piece, left, place)
    }

    /// The event, with its octets.
    #[inline]
    pub(crate) fn event<'a>(self, input: &'a [u8], scratch: &'a Scratch) -> Event<'a> {
        match self {
            Self::Part(piece, left, place) => Event::Part(Part {
                kind: piece.kind,
                offset: piece.offset,
                left,
                fin: piece.fin,
                last: piece.last,
                in_place: !piece.inflated,
                data: place.of(input, scratch),
            }),
            Self::Ping(place) => Event::Ping(place.of(input, scratch)),
            Self::Pong(place) => Event::Pong(place.of(input, scratch)),
            Self::Close(close) => Event::Close(close),
        }
    }
}

/// Where the octets of an event stand.
#[derive(Debug)]
pub(crate) enum Place {
    /// In the input.
    Input(Range<usize>),
    /// So many were inflated.
    Room(usize),
    /// So many came in pieces with a control frame.
    Control(usize),
}

impl Place {
    /// The octets.
    #[inline]
    pub(crate) fn of<'a>(&self, input: &'a [u8], scratch: &'a Scratch) -> &'a [u8] {
        match self {
            Self::Input(range) => input.get(range.clone()),
            Self::Room(length) => scratch.inflated().get(..*length),
            Self::Control(length) => scratch.kept().get(..*length),
        }
        .unwrap_or_default()
    }
}
