//! Frames made into messages, and control frames told apart, under one bound.

use crate::close::{Close, CloseCode};
use crate::error::WsError;
use crate::frame::{Frame, Opcode};

/// What the other end said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A whole text.
    Text(String),
    /// A whole binary message.
    Binary(Vec<u8>),
    /// A question that wants a pong with the same content.
    Ping(Vec<u8>),
    /// An answer to a ping, or just a sign of life.
    Pong(Vec<u8>),
    /// The end, with its reason if one was given.
    Close(Option<Close>),
}

/// Puts the parts of messages together.
///
/// ```
/// use gatepost_ws::frame::{Frame, Opcode};
/// use gatepost_ws::message::{Assembler, Said};
///
/// let mut assembler = Assembler::new(64);
/// let part = |fin, opcode, text: &str| Frame { fin, opcode, payload: text.into() };
/// assert_eq!(assembler.take(part(false, Opcode::Text, "Hel")), Ok(None));
/// assert_eq!(assembler.take(part(true, Opcode::Continuation, "lo")), Ok(Some(Said::Text("Hello".into()))));
/// ```
#[derive(Debug)]
pub struct Assembler {
    limit: usize,
    begun: Option<(Opcode, Vec<u8>)>,
}

impl Assembler {
    /// An assembler for messages of at most `limit` octets.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, begun: None }
    }

    /// How many more octets the message in hand may have: the limit for the next frame.
    #[must_use]
    pub fn room(&self) -> usize {
        self.limit.saturating_sub(self.begun.as_ref().map_or(0, |(_, parts)| parts.len()))
    }

    /// Takes the next frame; gives what is complete with it.
    ///
    /// # Errors
    /// [`WsError`] for parts out of order (RFC 6455 §5.4), a text that is not UTF-8, a bad close
    /// frame, or a message beyond the limit.
    pub fn take(&mut self, frame: Frame) -> Result<Option<Said>, WsError> {
        let Frame { fin, opcode, payload } = frame;
        let opcode = match opcode {
            Opcode::Ping => return Ok(Some(Said::Ping(payload))),
            Opcode::Pong => return Ok(Some(Said::Pong(payload))),
            Opcode::Close => return Close::read(&payload).map(|close| Some(Said::Close(close))),
            Opcode::Continuation | Opcode::Text | Opcode::Binary => opcode,
        };
        if payload.len() > self.room() {
            return Err(WsError::TooLarge { limit: self.limit });
        }
        let (kind, parts) = match (opcode, self.begun.take()) {
            (Opcode::Continuation, Some((kind, mut parts))) => {
                parts.extend_from_slice(&payload);
                (kind, parts)
            }
            (Opcode::Continuation, None) => return Err(WsError::Frame("a continuation of nothing")),
            (_, Some(_)) => return Err(WsError::Frame("a new message inside another")),
            (kind, None) => (kind, payload),
        };
        if !fin {
            self.begun = Some((kind, parts));
            return Ok(None);
        }
        if kind == Opcode::Text {
            return String::from_utf8(parts).map(|text| Some(Said::Text(text))).map_err(|_| WsError::Text);
        }
        Ok(Some(Said::Binary(parts)))
    }
}

/// With which code a connection ends on which this went wrong (RFC 6455 §7.4.1).
#[must_use]
pub fn close_code(error: &WsError) -> CloseCode {
    match error {
        WsError::Text | WsError::Deflate(_) => CloseCode::INVALID_DATA,
        WsError::TooLarge { .. } => CloseCode::TOO_BIG,
        WsError::Unsendable(_) => CloseCode::INTERNAL,
        _ => CloseCode::PROTOCOL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(fin: bool, opcode: Opcode, payload: &[u8]) -> Frame {
        Frame { fin, opcode, payload: payload.to_vec() }
    }

    #[test]
    fn control_frames_may_stand_between_parts() {
        let mut assembler = Assembler::new(8);
        assert_eq!(assembler.take(frame(false, Opcode::Binary, b"ab")), Ok(None));
        assert_eq!(assembler.take(frame(true, Opcode::Ping, b"p")), Ok(Some(Said::Ping(b"p".to_vec()))));
        assert_eq!(assembler.room(), 6);
        let whole = Ok(Some(Said::Binary(b"abcd".to_vec())));
        assert_eq!(assembler.take(frame(true, Opcode::Continuation, b"cd")), whole);
    }

    #[test]
    fn what_is_refused() {
        let run = |frames: &[(bool, Opcode, &[u8])]| {
            let mut assembler = Assembler::new(4);
            let mut last = Ok(None);
            for (fin, opcode, payload) in frames {
                last = assembler.take(frame(*fin, *opcode, payload));
            }
            close_code(&last.unwrap_err()).number()
        };
        assert_eq!(run(&[(true, Opcode::Continuation, b"a")]), 1002);
        assert_eq!(run(&[(false, Opcode::Text, b"a"), (true, Opcode::Text, b"a")]), 1002);
        assert_eq!(run(&[(true, Opcode::Text, b"\xff")]), 1007);
        assert_eq!(run(&[(false, Opcode::Text, b"abc"), (true, Opcode::Continuation, b"de")]), 1009);
        assert_eq!(run(&[(true, Opcode::Close, b"\x03")]), 1002);
        assert_eq!(run(&[(true, Opcode::Close, &1005_u16.to_be_bytes())]), 1002);
    }

    #[test]
    fn a_close_says_why() {
        let mut assembler = Assembler::new(4);
        assert_eq!(assembler.take(frame(true, Opcode::Close, b"")), Ok(Some(Said::Close(None))));
        let bye = Close { code: CloseCode::NORMAL, reason: "bye".into() };
        assert_eq!(assembler.take(frame(true, Opcode::Close, b"\x03\xe8bye")), Ok(Some(Said::Close(Some(bye)))));
    }
}
