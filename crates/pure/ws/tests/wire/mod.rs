//! A wire for tests: frames written and read by hand, as naively as the standard says it, and an end
//! that echoes.
#![allow(dead_code, clippy::unwrap_used)]

use std::time::Duration;

use bytes::BytesMut;
use gatepost_ws::assembler::Assembler;
use gatepost_ws::close::Close;
use gatepost_ws::closing::State;
use gatepost_ws::connection::Connection;
use gatepost_ws::deflate::agreed::Agreed;
use gatepost_ws::deflate::contexts::Contexts;
use gatepost_ws::error::WsError;
use gatepost_ws::event::Event;
use gatepost_ws::limits::Limits;
use gatepost_ws::mask::Mask;
use gatepost_ws::message::{Kind, Message};
use gatepost_ws::role::Role;
use gatepost_ws::scratch::Scratch;

pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;
pub(crate) const FIN: u8 = 0x80;

/// A key that is not nothing.
pub(crate) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A frame with any first octet, masked if it comes from a client.
pub(crate) fn frame(from: Role, first: u8, payload: &[u8]) -> Vec<u8> {
    let masked = if from == Role::Client { 0x80 } else { 0 };
    let mut octets = vec![first];
    match payload.len() {
        short @ 0..=125 => octets.push(masked | u8::try_from(short).unwrap()),
        medium @ 126..=65535 => {
            octets.push(masked | 126);
            octets.extend(u16::try_from(medium).unwrap().to_be_bytes());
        }
        long => {
            octets.push(masked | 127);
            octets.extend(u64::try_from(long).unwrap().to_be_bytes());
        }
    }
    if from == Role::Client {
        octets.extend(KEY);
        octets.extend(payload.iter().zip(KEY.iter().cycle()).map(|(octet, key)| octet ^ key));
    } else {
        octets.extend(payload);
    }
    octets
}

/// The payload of a Close.
pub(crate) fn close(code: u16, reason: &str) -> Vec<u8> {
    [code.to_be_bytes().as_slice(), reason.as_bytes()].concat()
}

/// What stands on the wire, frame by frame: the first octet, and the payload unmasked.
pub(crate) fn frames(mut octets: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while !octets.is_empty() {
        let (first, second) = (octets[0], octets[1]);
        let (length, head) = match second & 127 {
            126 => (usize::from(u16::from_be_bytes([octets[2], octets[3]])), 4),
            127 => (usize::try_from(u64::from_be_bytes(octets[2..10].try_into().unwrap())).unwrap(), 10),
            short => (usize::from(short), 2),
        };
        octets = &octets[head..];
        let mut key = [0; 4];
        if second & 128 != 0 {
            key.copy_from_slice(&octets[..4]);
            octets = &octets[4..];
        }
        let payload = octets[..length].iter().zip(key.iter().cycle()).map(|(octet, key)| octet ^ key).collect();
        octets = &octets[length..];
        frames.push((first, payload));
    }
    frames
}

/// What an end heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    Message(Kind, Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<Close>),
    Failed(WsError),
}

/// One end, with all that its caller keeps.
pub(crate) struct End {
    pub(crate) connection: Connection,
    pub(crate) assembler: Assembler,
    pub(crate) scratch: Scratch,
    pub(crate) contexts: Contexts,
    pub(crate) heard: Vec<Heard>,
    /// What it has sent.
    pub(crate) out: BytesMut,
    pub(crate) now: Duration,
    /// How many octets of the message under way were told.
    pub(crate) told: u64,
}

impl End {
    pub(crate) fn new(role: Role) -> Self {
        Self::with(role, None, Limits::default())
    }

    pub(crate) fn with(role: Role, deflate: Option<&Agreed>, limits: Limits) -> Self {
        Self {
            connection: Connection::new(role, deflate, limits),
            assembler: Assembler::new(),
            scratch: Scratch::new(0),
            contexts: Contexts::default(),
            heard: Vec::new(),
            out: BytesMut::new(),
            now: Duration::ZERO,
            told: 0,
        }
    }

    pub(crate) fn send(&mut self, kind: Kind, payload: &[u8]) {
        self.connection.send(kind, payload, Mask::new(KEY), &mut self.contexts, &mut self.out).unwrap();
    }

    /// Takes octets and answers nothing; gives the messages. Fails the connection if it has to.
    pub(crate) fn hear(&mut self, octets: &[u8]) -> Vec<Message> {
        let mut octets = octets.to_vec();
        let (mut rest, mut messages) = (octets.as_mut_slice(), Vec::new());
        loop {
            let received = self.connection.receive(rest, &mut self.scratch, &mut self.contexts, self.now);
            let (taken, event) = match received {
                Ok(received) => (received.taken, received.event),
                Err(error) => {
                    self.connection.fail(&error, Mask::new(KEY), &mut self.out);
                    self.heard.push(Heard::Failed(error));
                    return messages;
                }
            };
            match event {
                None => {
                    assert_eq!(taken, rest.len(), "without an event all is taken");
                    return messages;
                }
                Some(Event::Part(part)) => {
                    assert_eq!(part.offset, self.told, "parts follow one another");
                    self.told = if part.last { 0 } else { self.told + u64::try_from(part.data.len()).unwrap() };
                    if let Some(message) = self.assembler.push(&part) {
                        self.heard.push(Heard::Message(message.kind(), message.as_bytes().to_vec()));
                        messages.push(message);
                    }
                }
                Some(Event::Ping(payload)) => self.heard.push(Heard::Ping(payload.to_vec())),
                Some(Event::Pong(payload)) => self.heard.push(Heard::Pong(payload.to_vec())),
                Some(Event::Close(close)) => self.heard.push(Heard::Close(close)),
            }
            rest = &mut rest[taken..];
        }
    }

    /// Sends what the protocol wants to say.
    pub(crate) fn answer(&mut self) {
        while self.connection.has_answer() {
            self.connection.answer(Mask::new(KEY), &mut self.out);
        }
    }

    /// Takes octets in pieces of at most `cut`, and echoes messages. Answers come when the protocol has them.
    pub(crate) fn echo(&mut self, octets: &[u8], cut: usize) {
        for piece in octets.chunks(cut) {
            for message in self.hear(piece) {
                if matches!(self.connection.state(), State::Open | State::Answering) {
                    self.send(message.kind(), message.as_bytes());
                }
            }
            self.answer();
        }
    }
}
