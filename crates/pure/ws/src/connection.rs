//! One connection: octets in, events out; what is to be sent, appended to a buffer.

use std::fmt;
use std::time::Duration;

use bytes::BytesMut;

use crate::close::Close;
use crate::closing::{Closing, State};
use crate::control::Control;
use crate::deflate::agreed::Agreed;
use crate::deflate::contexts::Contexts;
use crate::deflate::stream::Deflate;
use crate::error::WsError;
use crate::event::{Event, Part, Received};
use crate::found::{Found, Place};
use crate::head::{Head, Octets};
use crate::incoming::{Incoming, Piece};
use crate::limits::Limits;
use crate::mask::Mask;
use crate::message::Kind;
use crate::opcode::Opcode;
use crate::rates::Bucket;
use crate::reader::{Payload, Reader};
use crate::role::Role;
use crate::scratch::Scratch;
use crate::whole::{self, Whole};
use crate::writer::{self, Writer};

/// One end of a WebSocket whose handshake is done.
///
/// What the caller owes:
/// - all octets of the peer go through [`receive`](Self::receive), in order, until it gives no event;
/// - after each round, while [`has_answer`](Self::has_answer), [`answer`](Self::answer) is sent;
/// - after an error of `receive`, what [`fail`](Self::fail) appends is sent, and then the stream closed;
/// - a fresh random [`Mask`] for each frame of a client.
///
/// An idle connection owns no memory beside itself (without compression).
///
/// ```
/// use std::time::Duration;
/// use bytes::BytesMut;
/// use gatepost_ws::connection::Connection;
/// use gatepost_ws::deflate::contexts::Contexts;
/// use gatepost_ws::event::Event;
/// use gatepost_ws::limits::Limits;
/// use gatepost_ws::mask::Mask;
/// use gatepost_ws::message::Kind;
/// use gatepost_ws::role::Role;
/// use gatepost_ws::scratch::Scratch;
///
/// let (mut scratch, mut contexts) = (Scratch::default(), Contexts::default());
/// let mut client = Connection::new(Role::Client, None, Limits::default());
/// let mut server = Connection::new(Role::Server, None, Limits::default());
///
/// let mut wire = BytesMut::new();
/// client.send(Kind::Text, b"Hello", Mask::new([1, 2, 3, 4]), &mut contexts, &mut wire)?;
///
/// let received = server.receive(&mut wire, &mut scratch, &mut contexts, Duration::ZERO)?;
/// assert_eq!(received.taken, 11);
/// let Some(Event::Part(part)) = received.event else { panic!("no part") };
/// assert_eq!((part.kind, part.data, part.is_message()), (Kind::Text, b"Hello".as_slice(), true));
/// # Ok::<(), gatepost_ws::error::WsError>(())
/// ```
pub struct Connection {
    reader: Reader,
    incoming: Incoming,
    writer: Writer,
    deflate: Option<Box<Deflate>>,
    limits: Limits,
    controls: Bucket,
    /// The control frame that is under way.
    control: Option<Opcode>,
    closing: Closing,
    /// The payload of the newest Ping, which its answer has to repeat.
    pong: Option<Box<Control>>,
}

impl Connection {
    /// A connection at its beginning. `deflate`: the compression that the handshake agreed on.
    #[must_use]
    pub fn new(role: Role, deflate: Option<&Agreed>, limits: Limits) -> Self {
        Self {
            reader: Reader::new(role.peer(), deflate.is_some()),
            incoming: Incoming::new(),
            writer: Writer::new(role),
            deflate: deflate.map(|agreed| Box::new(Deflate::new(role, agreed))),
            limits,
            controls: Bucket::new(),
            control: None,
            closing: Closing::default(),
            pong: None,
        }
    }

    /// Takes octets of the peer, unmasks them in place, and gives the first event in them.
    ///
    /// Call it again with the rest, `&mut input[taken..]`, until there is no event: then all was taken,
    /// and nothing is left to tell. A head that is cut in two is kept inside. After the peer's Close, or
    /// an error, everything is taken and nothing told.
    ///
    /// Compressed octets are inflated to `scratch`, at most as many for one event as it has room for;
    /// `contexts` are those that connections share. Both serve all connections of a thread. `now` is
    /// the time since any fixed point, for the rates of [`Limits`].
    ///
    /// # Errors
    /// Whatever fails the connection (RFC 6455 §7.1.7): [`WsError::Frame`], [`WsError::Text`] (at the
    /// first octet that cannot be right), [`WsError::TooLarge`] (as soon as the length is declared),
    /// [`WsError::Flood`], [`WsError::Close`], [`WsError::Deflate`].
    #[inline]
    pub fn receive<'a>(
        &mut self,
        input: &'a mut [u8],
        scratch: &'a mut Scratch,
        contexts: &mut Contexts,
        now: Duration,
    ) -> Result<Received<'a>, WsError> {
        if self.closing.is_deaf() {
            return Ok(Received { taken: input.len(), event: None });
        }
        match self.whole(input) {
            Ok(Some(whole)) => {
                let data = input.get(whole.octets.clone()).unwrap_or_default();
                let part =
                    Part { kind: whole.kind, offset: 0, left: 0, fin: true, last: true, in_place: true, data };
                return Ok(Received { taken: whole.octets.end, event: Some(Event::Part(part)) });
            }
            Ok(None) => {}
            Err(error) => {
                self.closing.fail();
                self.pong = None;
                return Err(error);
            }
        }
        match self.next(input, scratch, contexts, now) {
            Ok((taken, found)) => Ok(Received { taken, event: found.map(|found| found.event(input, scratch)) }),
            Err(error) => {
                self.closing.fail();
                self.pong = None;
                Err(error)
            }
        }
    }

    /// How many octets of the data frame under way are still to come, if they are the message's own.
    ///
    /// So many can be read straight into the message's buffer and handed to [`receive`](Self::receive)
    /// there: they are unmasked in place. 0 between frames, in control frames, and in compressed ones.
    #[must_use]
    pub fn expected(&self) -> u64 {
        if self.incoming.is_plain() { self.reader.left() } else { 0 }
    }

    /// Appends a whole message as one frame, compressed if that was agreed on and is worth it. Of
    /// `Kind::Text` the payload must be UTF-8, which is not checked here.
    ///
    /// # Errors
    /// [`WsError::Closed`] after our Close; [`WsError::Unsendable`] between the parts of another message.
    #[inline]
    pub fn send(
        &mut self,
        kind: Kind,
        payload: &[u8],
        mask: Mask,
        contexts: &mut Contexts,
        out: &mut BytesMut,
    ) -> Result<(), WsError> {
        if self.writer.is_amid() {
            return Err(WsError::Unsendable("a message between the parts of another"));
        }
        self.send_part(kind, payload, true, mask, contexts, out)
    }

    /// Appends a part of a message as a frame; `last` ends the message. Each part can be read by the
    /// peer when it comes, also if it is compressed. A part may end within a character.
    ///
    /// # Errors
    /// [`WsError::Closed`] after our Close; [`WsError::Unsendable`] for a part of another kind.
    #[inline]
    pub fn send_part(
        &mut self,
        kind: Kind,
        payload: &[u8],
        last: bool,
        mask: Mask,
        contexts: &mut Contexts,
        out: &mut BytesMut,
    ) -> Result<(), WsError> {
        self.sendable()?;
        let piece = writer::Piece { kind, payload, last, mask };
        self.writer.part(piece, self.deflate.as_deref_mut(), contexts, out)
    }

    /// The head of a frame that is not compressed, for payloads that are written by reference. The
    /// payload must follow; a client masks it with [`Mask::over`] before.
    ///
    /// # Errors
    /// As [`send_part`](Self::send_part), and within a compressed message.
    pub fn send_head(&mut self, kind: Kind, length: u64, last: bool, mask: Mask) -> Result<Octets, WsError> {
        self.sendable()?;
        self.writer.head(kind, length, last, mask)
    }

    /// Whether a message of so many octets would be compressed.
    #[must_use]
    pub fn compresses(&self, length: usize) -> bool {
        self.deflate.as_ref().is_some_and(|deflate| deflate.is_worth(length))
    }

    /// Appends a Ping.
    ///
    /// # Errors
    /// [`WsError::Closed`] after our Close; [`WsError::Unsendable`] for more than 125 octets.
    pub fn ping(&mut self, payload: &[u8], mask: Mask, out: &mut BytesMut) -> Result<(), WsError> {
        self.sendable()?;
        self.writer.control(Opcode::Ping, payload, mask, out)
    }

    /// Appends a Pong that answers nothing: a sign of life (RFC 6455 §5.5.3).
    ///
    /// # Errors
    /// As [`ping`](Self::ping).
    pub fn pong(&mut self, payload: &[u8], mask: Mask, out: &mut BytesMut) -> Result<(), WsError> {
        self.sendable()?;
        self.writer.control(Opcode::Pong, payload, mask, out)
    }

    /// Appends our Close, without a code or with one; it is the answer if the peer's has come.
    ///
    /// # Errors
    /// [`WsError::Closed`] if it was sent before; [`WsError::Unsendable`] for a reason of more than 123
    /// octets.
    pub fn close(&mut self, close: Option<&Close>, mask: Mask, out: &mut BytesMut) -> Result<(), WsError> {
        self.sendable()?;
        let payload = close.map_or_else(|| Ok(Vec::new()), Close::write)?;
        self.writer.control(Opcode::Close, &payload, mask, out)?;
        self.closing.say();
        self.pong = None;
        Ok(())
    }

    /// Whether the protocol itself wants to say something.
    #[must_use]
    pub fn has_answer(&self) -> bool {
        !self.closing.is_said() && (self.pong.is_some() || self.closing.is_heard())
    }

    /// Appends what the protocol itself wants to say, one frame a call, because each needs a mask of its
    /// own: a Pong to the newest Ping only (RFC 6455 §5.5.3), then the echo of the peer's Close with its
    /// code. Never more than these two.
    pub fn answer(&mut self, mask: Mask, out: &mut BytesMut) {
        if self.closing.is_said() {
            return;
        }
        // Neither can be too long: both came in as control frames.
        if let Some(payload) = self.pong.take() {
            let _ = self.writer.control(Opcode::Pong, payload.as_slice(), mask, out);
        } else if self.closing.is_heard() {
            let code = self.closing.code().map(|code| code.number().to_be_bytes());
            let payload = code.as_ref().map_or_else(Default::default, |code| code.as_slice());
            let _ = self.writer.control(Opcode::Close, payload, mask, out);
            self.closing.say();
        }
    }

    /// Appends the Close that tells the peer why its connection fails, unless ours was sent before; the
    /// connection is closed then. For errors of [`receive`](Self::receive), and for faults of our own.
    pub fn fail(&mut self, error: &WsError, mask: Mask, out: &mut BytesMut) {
        // Refused only if it was sent before.
        let _ = self.close(Some(&Close::of(error)), mask, out);
        self.closing.fail();
    }

    /// Where the connection stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.closing.state()
    }

    /// Whether the peer's Close has come: if not, the end of the stream is an abrupt one (1006).
    #[must_use]
    pub fn is_close_received(&self) -> bool {
        self.closing.is_heard()
    }

    /// Frees contexts of compression that are not needed before the next octet.
    pub fn idle(&mut self) {
        if let Some(deflate) = &mut self.deflate {
            deflate.idle();
        }
    }

    fn sendable(&self) -> Result<(), WsError> {
        if self.closing.is_said() { Err(WsError::Closed) } else { Ok(()) }
    }

    /// A message that lies in the input whole, if that is what comes next.
    #[inline]
    fn whole(&self, input: &mut [u8]) -> Result<Option<Whole>, WsError> {
        if self.control.is_some() || self.incoming.is_amid() || self.reader.is_amid() {
            return Ok(None);
        }
        whole::read(input, self.reader.is_masked(), self.limits.message)
    }

    #[inline]
    fn next(
        &mut self,
        input: &mut [u8],
        scratch: &mut Scratch,
        contexts: &mut Contexts,
        now: Duration,
    ) -> Result<(usize, Option<Found>), WsError> {
        let mut at = 0_usize;
        loop {
            let rest = input.get_mut(at..).unwrap_or_default();
            if let Some(opcode) = self.control {
                let (taken, payload) = self.reader.control(rest);
                at = at.saturating_add(taken);
                let place = match payload {
                    Payload::Unfinished => return Ok((at, None)),
                    Payload::InPlace => Place::Input(at.saturating_sub(taken)..at),
                    Payload::Gathered(control) => {
                        scratch.keep(control.as_slice());
                        Place::Control(control.as_slice().len())
                    }
                };
                self.control = None;
                return Ok((at, Some(self.controlled(opcode, place, input, scratch)?)));
            }
            if self.incoming.is_open() {
                let (taken, piece) = self.data(rest, scratch, contexts)?;
                at = at.saturating_add(taken);
                if let Some(piece) = piece {
                    return Ok((at, Some(Found::part(piece, self.reader.left(), at))));
                }
                if self.incoming.is_open() {
                    return Ok((at, None));
                }
                continue;
            }
            let (taken, head) = self.reader.head(rest)?;
            at = at.saturating_add(taken);
            let Some(head) = head else { return Ok((at, None)) };
            self.begin(&head, now)?;
        }
    }

    #[inline]
    fn begin(&mut self, head: &Head, now: Duration) -> Result<(), WsError> {
        if !head.opcode.is_control() {
            return self.incoming.begin(head, &self.limits, now);
        }
        if !self.controls.take(self.limits.control_frames, now) {
            return Err(WsError::Flood("control frames"));
        }
        self.control = Some(head.opcode);
        Ok(())
    }

    #[inline]
    fn data(
        &mut self,
        rest: &mut [u8],
        scratch: &mut Scratch,
        contexts: &mut Contexts,
    ) -> Result<(usize, Option<Piece>), WsError> {
        if self.incoming.is_plain() {
            return self.incoming.plain(&mut self.reader, rest);
        }
        let Some(deflate) = &mut self.deflate else { return Err(WsError::Frame("a reserved bit is set")) };
        self.incoming.compressed(&mut self.reader, rest, deflate, scratch.room(), contexts, &self.limits)
    }

    fn controlled(&mut self, opcode: Opcode, place: Place, input: &[u8], scratch: &Scratch) -> Result<Found, WsError> {
        let payload = place.of(input, scratch);
        match opcode {
            Opcode::Ping => {
                // RFC 6455 §5.5.3: only the newest needs an answer, and so nothing can pile up.
                let pong = self.pong.get_or_insert_with(Control::empty);
                pong.clear();
                pong.push(payload);
                Ok(Found::Ping(place))
            }
            Opcode::Close => {
                let close = Close::read(payload)?;
                self.closing.hear(close.as_ref().map(|close| close.code));
                Ok(Found::Close(close))
            }
            _ => Ok(Found::Pong(place)),
        }
    }
}

/// Keys and what peers say are not shown.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("state", &self.state())
            .field("expected", &self.expected())
            .finish_non_exhaustive()
    }
}
