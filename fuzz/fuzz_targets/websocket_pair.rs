//! Two ends that do what the octets say: what one sends, the other hears, in order, and nobody finds a fault.
#![no_main]

use std::collections::VecDeque;
use std::time::Duration;

use bytes::BytesMut;
use gatepost_ws::close::{Close, CloseCode};
use gatepost_ws::closing::State;
use gatepost_ws::connection::Connection;
use gatepost_ws::deflate::agreed::Agreed;
use gatepost_ws::deflate::contexts::Contexts;
use gatepost_ws::error::WsError;
use gatepost_ws::event::Event;
use gatepost_ws::limits::Limits;
use gatepost_ws::mask::Mask;
use gatepost_ws::message::Kind;
use gatepost_ws::role::Role;
use gatepost_ws::scratch::Scratch;

const LIMITS: Limits = Limits { message: usize::MAX, control_frames: u32::MAX, empty_frames: u32::MAX };

/// One end, with what is on its way to the other.
struct End {
    connection: Connection,
    wire: BytesMut,
    /// Whole messages and closes on the way.
    expected: VecDeque<Heard>,
    /// The message whose parts are being sent.
    sending: Option<(Kind, Vec<u8>)>,
    hearing: Vec<u8>,
    pinged: Vec<Vec<u8>>,
}

#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Message(Kind, Vec<u8>),
    Close(Option<Close>),
}

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let [terms, bits, rest @ ..] = octets else { return };
    let mut rest = rest;
    let agreed = (terms & 1 != 0).then_some(Agreed {
        server_no_context_takeover: terms & 2 != 0,
        client_no_context_takeover: terms & 4 != 0,
        server_max_window_bits: 8 + (bits & 7),
        client_max_window_bits: 8 + (bits >> 3 & 7),
        level: terms >> 4,
        threshold: usize::from(bits >> 6) * 9,
    });
    let mut ends = [Role::Client, Role::Server].map(|role| End {
        connection: Connection::new(role, agreed.as_ref(), LIMITS),
        wire: BytesMut::new(),
        expected: VecDeque::new(),
        sending: None,
        hearing: Vec::new(),
        pinged: Vec::new(),
    });
    let (mut scratch, mut contexts) = (Scratch::new(256), Contexts::default());
    while let [what, length, more @ ..] = rest {
        let (payload, after) = more.split_at(usize::from(*length).min(more.len()));
        rest = after;
        let [client, server] = &mut ends;
        let (end, other) = if what & 1 == 0 { (client, server) } else { (server, client) };
        match what >> 1 & 7 {
            7 => other.hear(end, usize::from(*length) + 1, &mut scratch, &mut contexts),
            act => end.act(act, what >> 4, payload, &mut contexts),
        }
    }
    // Whatever is on its way arrives, and is answered.
    for _ in 0..3 {
        let [client, server] = &mut ends;
        for (from, to) in [(0, 1), (1, 0)] {
            let (end, other) = if from < to { (&mut *client, &mut *server) } else { (&mut *server, &mut *client) };
            end.answer();
            other.hear(end, usize::MAX, &mut scratch, &mut contexts);
            assert!(end.expected.is_empty(), "what was sent is heard");
        }
    }
    let states = ends.each_ref().map(|end| end.connection.state());
    assert!(states == [State::Open; 2] || states == [State::Closed; 2], "{states:?}");
});

impl End {
    fn act(&mut self, act: u8, how: u8, payload: &[u8], contexts: &mut Contexts) {
        let kind = if how & 1 == 0 { Kind::Text } else { Kind::Binary };
        let payload: Vec<u8> = match kind {
            Kind::Text => payload.iter().map(|octet| octet & 0x7F).collect(),
            // Long enough to be worth a compression, and to fill the scratch.
            Kind::Binary => payload.repeat(1 + usize::from(how & 6)),
        };
        let mask = Mask::new([how, 1, 2, 3]);
        let before = self.wire.len();
        let done = match act {
            0 => self.send(kind, payload, mask, contexts),
            1 | 2 => self.send_part(kind, payload, act == 2, mask, contexts),
            3 => self.ping(&payload, mask),
            4 => self.close(how, &payload, mask),
            5 => Ok(self.answer()),
            _ => Ok(self.connection.idle()),
        };
        match done {
            Ok(()) => {}
            Err(WsError::Closed) => assert!(matches!(self.connection.state(), State::Closing | State::Closed)),
            Err(WsError::Unsendable(_)) => {}
            Err(error) => panic!("{error}"),
        }
        assert!(done.is_ok() || self.wire.len() == before, "what is refused leaves nothing behind");
    }

    fn send(&mut self, kind: Kind, payload: Vec<u8>, mask: Mask, contexts: &mut Contexts) -> Result<(), WsError> {
        self.connection.send(kind, &payload, mask, contexts, &mut self.wire)?;
        assert!(self.sending.is_none(), "not between the parts of another");
        self.expected.push_back(Heard::Message(kind, payload));
        Ok(())
    }

    fn send_part(
        &mut self,
        kind: Kind,
        payload: Vec<u8>,
        last: bool,
        mask: Mask,
        contexts: &mut Contexts,
    ) -> Result<(), WsError> {
        self.connection.send_part(kind, &payload, last, mask, contexts, &mut self.wire)?;
        let (begun, mut message) = self.sending.take().unwrap_or((kind, Vec::new()));
        assert_eq!(begun, kind);
        message.extend_from_slice(&payload);
        if last {
            self.expected.push_back(Heard::Message(kind, message));
        } else {
            self.sending = Some((kind, message));
        }
        Ok(())
    }

    fn ping(&mut self, payload: &[u8], mask: Mask) -> Result<(), WsError> {
        self.connection.ping(payload, mask, &mut self.wire)?;
        self.pinged.push(payload.to_vec());
        Ok(())
    }

    fn close(&mut self, how: u8, payload: &[u8], mask: Mask) -> Result<(), WsError> {
        let reason = String::from_utf8_lossy(payload).into_owned();
        let close = CloseCode::new(1000 + u16::from(how)).map(|code| Close { code, reason });
        self.connection.close(close.as_ref(), mask, &mut self.wire)?;
        self.expected.push_back(Heard::Close(close));
        Ok(())
    }

    fn answer(&mut self) {
        for _ in 0..2 {
            let was = self.connection.state();
            self.connection.answer(Mask::new([9; 4]), &mut self.wire);
            if (was, self.connection.state()) == (State::Answering, State::Closed) {
                // The echo holds the code alone; which is looked at below.
                self.expected.push_back(Heard::Close(None));
            }
        }
        assert!(!self.connection.has_answer());
    }

    /// Hears so many octets of what `other` sent.
    fn hear(&mut self, other: &mut Self, most: usize, scratch: &mut Scratch, contexts: &mut Contexts) {
        let mut octets = other.wire.split_to(most.min(other.wire.len()));
        let mut rest = octets.as_mut();
        loop {
            let received = self.connection.receive(rest, scratch, contexts, Duration::ZERO).unwrap();
            let taken = received.taken;
            match received.event {
                None => break assert_eq!(taken, rest.len()),
                Some(Event::Part(part)) => {
                    self.hearing.extend_from_slice(part.data);
                    if part.ends_message() {
                        let message = Heard::Message(part.kind, std::mem::take(&mut self.hearing));
                        assert_eq!(other.expected.pop_front(), Some(message));
                    }
                }
                Some(Event::Ping(payload)) => assert!(other.pinged.iter().any(|ping| ping == payload)),
                Some(Event::Pong(payload)) => assert!(self.pinged.iter().any(|ping| ping == payload)),
                Some(Event::Close(close)) => match other.expected.pop_front() {
                    Some(Heard::Close(None)) => assert!(close.is_none_or(|close| close.reason.is_empty())),
                    expected => assert_eq!(expected, Some(Heard::Close(close))),
                },
            }
            rest = &mut rest[taken..];
        }
    }
}
