//! The frames of one end: however the octets are split, the same is heard; and without compression it is what
//! tokio-websockets hears. The first two octets choose the role, the compression and the split.
#![no_main]

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::BytesMut;
use futures_core::Stream;
use gatepost_ws::close::Close;
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
use tokio_websockets::{Error, ServerBuilder};

const LIMITS: Limits = Limits { message: 64 * 1024, control_frames: u32::MAX, empty_frames: u32::MAX };

#[derive(Debug, PartialEq, Eq)]
enum Said {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Vec<u8>),
}

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let [choice, step, wire @ ..] = octets else { return };
    let role = if choice & 1 == 0 { Role::Server } else { Role::Client };
    let agreed = (choice & 2 != 0).then_some(Agreed {
        server_no_context_takeover: choice & 4 != 0,
        client_no_context_takeover: choice & 8 != 0,
        server_max_window_bits: 15,
        client_max_window_bits: 15,
        level: 1,
        threshold: 0,
    });
    let (whole, whole_end) = hear(role, agreed.as_ref(), wire, wire.len().max(1));
    for step in [usize::from(*step) + 1, 1] {
        let (split, split_end) = hear(role, agreed.as_ref(), wire, step);
        assert_eq!(split, whole);
        assert_eq!(split_end.is_some(), whole_end.is_some());
        // Which of two faults in one piece of compressed data is met first depends on the pieces.
        assert!(agreed.is_some() || split_end == whole_end);
    }
    if role == Role::Server && agreed.is_none() {
        as_another_hears(wire, &whole, whole_end.as_ref());
    }
});

/// What we hear of a client is what tokio-websockets hears.
fn as_another_hears(wire: &[u8], ours: &[Said], end: Option<&WsError>) {
    let (theirs, failed) = hear_otherwise(wire);
    if matches!(end, Some(WsError::TooLarge { .. })) {
        // We refuse a message as soon as its length is declared, they when it is there.
        assert!(theirs.starts_with(ours));
        return;
    }
    assert_eq!(ours, theirs);
    if end.is_some() != failed {
        // One of us sees in half a head what the other sees in a whole one.
        let longer = [wire, &[0; 16]].concat();
        let (ours, end) = hear(Role::Server, None, &longer, longer.len());
        assert!(end.is_some());
        assert_eq!((ours, true), hear_otherwise(&longer));
    }
}

/// What a connection of ours hears of octets that come in such pieces.
fn hear(role: Role, agreed: Option<&Agreed>, wire: &[u8], step: usize) -> (Vec<Said>, Option<WsError>) {
    let mut connection = Connection::new(role, agreed, LIMITS);
    let (mut scratch, mut contexts) = (Scratch::new(300), Contexts::default());
    let (mut said, mut message) = (Vec::new(), Vec::new());
    for piece in wire.chunks(step) {
        let mut piece = piece.to_vec();
        let mut rest = piece.as_mut_slice();
        loop {
            let received = match connection.receive(rest, &mut scratch, &mut contexts, Duration::ZERO) {
                Ok(received) => received,
                Err(error) => {
                    fails(&mut connection, &error);
                    return (said, Some(error));
                }
            };
            let taken = received.taken;
            match received.event {
                None => {
                    assert_eq!(taken, rest.len());
                    break;
                }
                Some(Event::Part(part)) => {
                    assert_eq!(part.offset, message.len() as u64);
                    message.extend_from_slice(part.data);
                    assert!(message.len() <= LIMITS.message);
                    if part.ends_message() {
                        let message = std::mem::take(&mut message);
                        if part.kind == Kind::Text {
                            assert!(std::str::from_utf8(&message).is_ok());
                            said.push(Said::Text(message));
                        } else {
                            said.push(Said::Binary(message));
                        }
                    }
                }
                Some(Event::Ping(payload)) => said.push(Said::Ping(payload.to_vec())),
                Some(Event::Pong(payload)) => said.push(Said::Pong(payload.to_vec())),
                Some(Event::Close(close)) => {
                    assert!(connection.is_close_received());
                    said.push(Said::Close(close.map_or_else(Vec::new, |close| close.write().unwrap())));
                }
            }
            rest = &mut rest[taken..];
        }
    }
    let mut out = BytesMut::new();
    for _ in 0..2 {
        connection.answer(Mask::UNUSED, &mut out);
    }
    assert!(!connection.has_answer() && out.len() <= 2 * (125 + 6));
    (said, None)
}

/// After an error there is one Close to send, and nothing more to hear.
fn fails(connection: &mut Connection, error: &WsError) {
    let mut out = BytesMut::new();
    connection.fail(error, Mask::UNUSED, &mut out);
    assert!((4..=131).contains(&out.len()) && out[0] == 0x88);
    let (mut ping, mut scratch) = ([0x89, 0x80], Scratch::new(300));
    let more = connection.receive(&mut ping, &mut scratch, &mut Contexts::default(), Duration::ZERO);
    assert_eq!(more.map(|received| (received.taken, received.event.is_none())), Ok((2, true)));
    assert!(Close::of(error).write().is_ok() && !connection.has_answer());
}

/// What tokio-websockets hears, and whether it finds a fault.
fn hear_otherwise(wire: &[u8]) -> (Vec<Said>, bool) {
    let limits = tokio_websockets::Limits::default().max_payload_len(Some(LIMITS.message));
    let stream = tokio::io::join(wire, tokio::io::sink());
    let mut socket = ServerBuilder::new().limits(limits).serve(stream);
    let mut said = Vec::new();
    loop {
        let message = match Pin::new(&mut socket).poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(Ok(message))) => message,
            Poll::Ready(Some(Err(Error::Protocol(_) | Error::PayloadTooLong { .. }))) => return (said, true),
            Poll::Ready(_) => return (said, false),
            Poll::Pending => unreachable!("octets in memory are always there"),
        };
        let (text, binary, ping, pong) = (message.is_text(), message.is_binary(), message.is_ping(), message.is_pong());
        let payload = message.into_payload().to_vec();
        // It takes a text whose last character is cut, if an empty frame ends it; RFC 6455 §8.1 does not.
        if text && std::str::from_utf8(&payload).is_err() {
            return (said, true);
        }
        said.push(match (text, binary, ping, pong) {
            (true, ..) => Said::Text(payload),
            (_, true, ..) => Said::Binary(payload),
            (_, _, true, _) => Said::Ping(payload),
            (.., true) => Said::Pong(payload),
            _ => Said::Close(payload),
        });
    }
}
