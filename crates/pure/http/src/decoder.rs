//! Takes a body out of its framing, whatever way the octets were split.

use std::ops::Range;

use http::HeaderMap;

use crate::error::HttpError;
use crate::fields::TRAILER_BARRED;
use crate::framing::Framing;
use crate::head::trailers;
use crate::scan::{HeadLimits, Scan};

/// A state machine over the octets of one body. It owns no buffer.
///
/// Call [`decode`](Self::decode) with what is there; drop from the front of the buffer as many
/// octets as the answer says; repeat. After an error the connection has no next message.
///
/// ```
/// use gatepost_http::{decoder::{Decoder, Part}, framing::Framing, scan::HeadLimits};
///
/// let mut decoder = Decoder::new(Framing::Chunked, None, HeadLimits::default());
/// let octets = b"5\r\nhello\r\n0\r\n\r\n";
/// assert_eq!(decoder.decode(octets)?, Part::Data(3..8));
/// assert_eq!(decoder.decode(&octets[8..])?, Part::End { used: 7, trailers: None });
/// # Ok::<(), gatepost_http::error::HttpError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Decoder {
    state: State,
    /// What the bound still allows.
    room: Option<u64>,
    /// Octets that chunk extensions may still cost in this body.
    extension_room: usize,
    limits: HeadLimits,
}

/// What the octets held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Nothing whole yet; this many octets are done with, then more are needed.
    Need {
        /// Octets to drop.
        used: usize,
    },
    /// A piece of the body, never empty; drop everything up to its end.
    Data(Range<usize>),
    /// The body is over. What follows in the buffer is not part of it.
    End {
        /// Octets to drop.
        used: usize,
        /// The trailer section, if it had any field. Not yet trusted: strip from it what you strip
        /// from the head.
        trailers: Option<HeaderMap>,
    },
}

#[derive(Debug, Clone)]
enum State {
    Length(u64),
    UntilClose,
    Size { digits: u8, size: u64 },
    Extension { size: u64, length: usize },
    SizeEnd { size: u64 },
    Chunk { left: u64 },
    ChunkCr,
    ChunkLf,
    Trailers(Scan),
    Done,
    Failed(HttpError),
}

/// One chunk's extension may be so long, and all in a body sixty-four times as much.
const EXTENSION_BYTES: usize = 256;

impl Decoder {
    /// For a body with this framing, of at most `bound` octets; the bounds of `limits` hold for the
    /// trailer section. A tunnel has no body: it is over at once.
    #[must_use]
    pub fn new(framing: Framing, bound: Option<u64>, limits: HeadLimits) -> Self {
        let state = match framing {
            Framing::Length(length) if bound.is_some_and(|bound| length > bound) => {
                State::Failed(HttpError::BodyTooLarge)
            }
            Framing::Empty | Framing::Tunnel | Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Size { digits: 0, size: 0 },
            Framing::UntilClose => State::UntilClose,
        };
        Self { state, room: bound, extension_room: EXTENSION_BYTES * 64, limits }
    }

    /// Whether the body is over.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Octets still to come, where the framing tells.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        match self.state {
            State::Length(left) => Some(left),
            State::Done => Some(0),
            _ => None,
        }
    }

    /// Looks at the octets that follow those already used.
    ///
    /// # Errors
    /// [`HttpError::Chunk`], [`HttpError::Trailer`], [`HttpError::BodyTooLarge`]; the same again on
    /// each further call.
    pub fn decode(&mut self, input: &[u8]) -> Result<Part, HttpError> {
        let answer = self.walk(input);
        if let Err(error) = answer {
            self.state = State::Failed(error);
        }
        answer
    }

    /// The peer sends nothing more.
    ///
    /// # Errors
    /// [`HttpError::Truncated`] unless the body is over: what arrived must not look complete.
    pub fn end_of_input(&mut self) -> Result<(), HttpError> {
        match self.state {
            State::Done => Ok(()),
            State::UntilClose => {
                self.state = State::Done;
                Ok(())
            }
            State::Failed(error) => Err(error),
            _ => Err(HttpError::Truncated),
        }
    }

    fn walk(&mut self, input: &[u8]) -> Result<Part, HttpError> {
        let mut used = 0_usize;
        loop {
            match &mut self.state {
                State::Failed(error) => return Err(*error),
                State::Done => return Ok(Part::End { used, trailers: None }),
                State::Length(left) | State::Chunk { left } => {
                    let Some(data) = piece(used, input.len(), *left) else { return Ok(Part::Need { used }) };
                    *left = left.saturating_sub(wide(data.len()));
                    if *left == 0 {
                        self.state =
                            if matches!(self.state, State::Chunk { .. }) { State::ChunkCr } else { State::Done };
                    }
                    return Ok(Part::Data(data));
                }
                State::UntilClose => {
                    let Some(data) = piece(used, input.len(), u64::MAX) else { return Ok(Part::Need { used }) };
                    self.spend(wide(data.len()))?;
                    return Ok(Part::Data(data));
                }
                State::Trailers(scan) => {
                    let rest = input.get(used..).unwrap_or_default();
                    let Some(span) = scan.find_end(rest, &self.limits)? else { return Ok(Part::Need { used }) };
                    let found = trailers(rest, span)?;
                    if found.keys().any(|name| TRAILER_BARRED.contains(&name.as_str())) {
                        return Err(HttpError::Trailer("it holds a field that belongs in the head"));
                    }
                    self.state = State::Done;
                    let trailers = (!found.is_empty()).then_some(found);
                    return Ok(Part::End { used: used.saturating_add(span.end), trailers });
                }
                _ => {
                    let Some(octet) = input.get(used) else { return Ok(Part::Need { used }) };
                    used = used.saturating_add(1);
                    self.frame(*octet)?;
                }
            }
        }
    }

    /// One octet of chunked framing (RFC 9112 §7.1), nothing tolerated: no white space around the
    /// size, no bare LF, no more than sixteen digits.
    fn frame(&mut self, octet: u8) -> Result<(), HttpError> {
        self.state = match (&self.state, octet) {
            (State::Size { digits: 1.., size }, b'\r') => State::SizeEnd { size: *size },
            (State::Size { digits: 1.., size }, b';') => State::Extension { size: *size, length: 0 },
            (State::Size { digits: 16.., .. }, _) => return Err(HttpError::Chunk("its size has too many digits")),
            (State::Size { digits, size }, _) => {
                let digit = char::from(octet).to_digit(16).ok_or(HttpError::Chunk("its size is not hexadecimal"))?;
                State::Size { digits: digits.saturating_add(1), size: (size << 4) | u64::from(digit) }
            }
            (State::Extension { size, .. }, b'\r') => State::SizeEnd { size: *size },
            (State::Extension { size, length }, b'\t' | b' '..=b'~') => {
                let (size, length) = (*size, length.saturating_add(1));
                let room = self.extension_room.checked_sub(1).filter(|_| length <= EXTENSION_BYTES);
                self.extension_room = room.ok_or(HttpError::Chunk("its extension is too long"))?;
                State::Extension { size, length }
            }
            (State::Extension { .. }, _) => return Err(HttpError::Chunk("its extension holds a control character")),
            (State::SizeEnd { size: 0 }, b'\n') => State::Trailers(Scan::trailers()),
            (State::SizeEnd { size }, b'\n') => {
                let left = *size;
                self.spend(left)?;
                State::Chunk { left }
            }
            (State::SizeEnd { .. }, _) => return Err(HttpError::Chunk("CR without LF after its size")),
            (State::ChunkCr, b'\r') => State::ChunkLf,
            (State::ChunkLf, b'\n') => State::Size { digits: 0, size: 0 },
            _ => return Err(HttpError::Chunk("its data does not end where its size says")),
        };
        Ok(())
    }

    fn spend(&mut self, octets: u64) -> Result<(), HttpError> {
        if let Some(room) = &mut self.room {
            *room = room.checked_sub(octets).ok_or(HttpError::BodyTooLarge)?;
        }
        Ok(())
    }
}

/// The data between `used` and the end of the input or of the body; `None` if there is none.
fn piece(used: usize, end: usize, left: u64) -> Option<Range<usize>> {
    let there = end.saturating_sub(used);
    let length = usize::try_from(left).map_or(there, |left| left.min(there));
    (length > 0).then(|| used..used.saturating_add(length))
}

fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: HeadLimits = HeadLimits { bytes: 64, start_line: 64, fields: 2 };

    /// Body, trailers and rest, or the error; the input comes in pieces of at most `step` octets.
    type Outcome = Result<(Vec<u8>, Option<HeaderMap>, Vec<u8>), HttpError>;

    fn run(framing: Framing, bound: Option<u64>, input: &[u8], step: usize) -> Outcome {
        let mut decoder = Decoder::new(framing, bound, LIMITS);
        let (mut buffer, mut body) = (Vec::new(), Vec::new());
        let mut pieces = input.chunks(step);
        loop {
            match decoder.decode(&buffer)? {
                Part::Data(data) => {
                    body.extend_from_slice(&buffer[data.clone()]);
                    buffer.drain(..data.end);
                }
                Part::End { used, trailers } => {
                    buffer.drain(..used);
                    return Ok((body, trailers, [buffer, pieces.collect::<Vec<_>>().concat()].concat()));
                }
                Part::Need { used } => {
                    buffer.drain(..used);
                    let Some(more) = pieces.next() else {
                        return decoder.end_of_input().map(|()| (body, None, buffer));
                    };
                    buffer.extend_from_slice(more);
                }
            }
        }
    }

    #[test]
    fn bodies_end_where_they_say() {
        let ok = |body: &str, rest: &str| Ok((body.as_bytes().to_vec(), None, rest.as_bytes().to_vec()));
        let long = "a".repeat(257);
        let table = [
            (Framing::Empty, None, "GET", ok("", "GET")),
            (Framing::Length(0), None, "GET", ok("", "GET")),
            (Framing::Length(3), None, "abcGET", ok("abc", "GET")),
            (Framing::Length(3), None, "ab", Err(HttpError::Truncated)),
            (Framing::Length(3), Some(2), "abc", Err(HttpError::BodyTooLarge)),
            (Framing::UntilClose, None, "abc", ok("abc", "")),
            (Framing::UntilClose, Some(2), "abc", Err(HttpError::BodyTooLarge)),
            (Framing::Chunked, None, "0\r\n\r\nGET", ok("", "GET")),
            (Framing::Chunked, None, "2\r\nab\r\n00A;x=\"y\"\r\n0123456789\r\n0\r\n\r\n", ok("ab0123456789", "")),
            (Framing::Chunked, None, "0000000000000001\r\na\r\n000\r\n\r\n", ok("a", "")),
            (Framing::Chunked, None, "", Err(HttpError::Truncated)),
            (Framing::Chunked, None, "1\r\na\r\n0\r\n", Err(HttpError::Truncated)),
            (Framing::Chunked, Some(2), "1\r\na\r\n2\r\nbc", Err(HttpError::BodyTooLarge)),
            (Framing::Chunked, Some(2), "ffffffffffffffff\r\n", Err(HttpError::BodyTooLarge)),
            (Framing::Chunked, None, "00000000000000001\r\n", Err(HttpError::Chunk("its size has too many digits"))),
            (Framing::Chunked, None, "\r\n", Err(HttpError::Chunk("its size is not hexadecimal"))),
            (Framing::Chunked, None, ";x\r\n", Err(HttpError::Chunk("its size is not hexadecimal"))),
            (Framing::Chunked, None, " 1\r\n", Err(HttpError::Chunk("its size is not hexadecimal"))),
            (Framing::Chunked, None, "1 \r\n", Err(HttpError::Chunk("its size is not hexadecimal"))),
            (Framing::Chunked, None, "0x1\r\n", Err(HttpError::Chunk("its size is not hexadecimal"))),
            (Framing::Chunked, None, "+1\r\n", Err(HttpError::Chunk("its size is not hexadecimal"))),
            (Framing::Chunked, None, "-1\r\n", Err(HttpError::Chunk("its size is not hexadecimal"))),
            (Framing::Chunked, None, "1\na\r\n", Err(HttpError::Chunk("its size is not hexadecimal"))),
            (Framing::Chunked, None, "1\ra", Err(HttpError::Chunk("CR without LF after its size"))),
            (Framing::Chunked, None, "1;\n", Err(HttpError::Chunk("its extension holds a control character"))),
            (Framing::Chunked, None, &format!("1;{long}"), Err(HttpError::Chunk("its extension is too long"))),
            (Framing::Chunked, None, "1\r\nab", Err(HttpError::Chunk("its data does not end where its size says"))),
            (Framing::Chunked, None, "1\r\na\n", Err(HttpError::Chunk("its data does not end where its size says"))),
            (Framing::Chunked, None, "1\r\na\rb", Err(HttpError::Chunk("its data does not end where its size says"))),
            (Framing::Chunked, None, "0\r\nx", Err(HttpError::Truncated)),
            (Framing::Chunked, None, "0\r\n x\r\n\r\n", Err(HttpError::Trailer("a folded line"))),
            (Framing::Chunked, None, "0\r\nx\r\n\r\n", Err(HttpError::Trailer("a field line is malformed"))),
            (Framing::Chunked, None, "0\r\nx :\r\n\r\n", Err(HttpError::Trailer("a field line is malformed"))),
            (Framing::Chunked, None, "0\r\n\n", Err(HttpError::Trailer("LF without CR"))),
        ];
        for (framing, bound, input, outcome) in table {
            for step in [1, 2, 7, 1000] {
                assert_eq!(run(framing, bound, input.as_bytes(), step), outcome, "{input:?} by {step}");
            }
        }
    }

    #[test]
    fn trailers_come_whole_and_hold_no_framing() {
        let input = b"1\r\na\r\n0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\nGET";
        let (body, trailers, rest) = run(Framing::Chunked, None, input, 1).unwrap();
        assert_eq!((body.as_slice(), rest.as_slice()), (b"a".as_slice(), b"GET".as_slice()));
        assert_eq!(trailers.unwrap().get_all("x-sum").iter().collect::<Vec<_>>(), ["1", "2"]);
        for barred in ["content-length: 1", "Transfer-Encoding: chunked", "host: a", "authorization: x", "Cookie: a"] {
            let input = format!("0\r\n{barred}\r\n\r\n");
            let barred = HttpError::Trailer("it holds a field that belongs in the head");
            assert_eq!(run(Framing::Chunked, None, input.as_bytes(), 3), Err(barred));
        }
    }

    #[test]
    fn extensions_are_bounded_over_the_whole_body() {
        let chunk = format!("1;{}\r\na\r\n", "x".repeat(200));
        let error = HttpError::Chunk("its extension is too long");
        assert_eq!(run(Framing::Chunked, None, chunk.repeat(100).as_bytes(), 999), Err(error));
    }

    proptest! {
        #[test]
        fn splitting_changes_nothing(
            input in prop::collection::vec(prop::sample::select(b"0123af;=x:\r\n \0".to_vec()), 0..60),
            step in 1_usize..9,
        ) {
            let whole = run(Framing::Chunked, Some(100), &input, 1000);
            prop_assert_eq!(run(Framing::Chunked, Some(100), &input, step), whole);
        }
    }
}
