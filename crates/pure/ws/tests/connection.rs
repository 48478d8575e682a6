//! What a connection does at its bounds and at its end.
#![allow(clippy::unwrap_used)]

mod wire;

use std::time::Duration;

use bytes::{BufMut, BytesMut};
use gatepost_ws::assembler::Assembler;
use gatepost_ws::close::{Close, CloseCode};
use gatepost_ws::closing::State;
use gatepost_ws::connection::Connection;
use gatepost_ws::deflate::contexts::Contexts;
use gatepost_ws::error::WsError;
use gatepost_ws::event::Event;
use gatepost_ws::limits::Limits;
use gatepost_ws::mask::Mask;
use gatepost_ws::message::Kind;
use gatepost_ws::role::Role;
use gatepost_ws::scratch::Scratch;
use wire::{BINARY, CLOSE, CONTINUATION, End, FIN, Heard, KEY, PING, PONG, TEXT, close, frame, frames};

fn limited(limits: Limits) -> End {
    End::with(Role::Server, None, limits)
}

fn said(first: u8, payload: &[u8]) -> Vec<u8> {
    frame(Role::Client, first, payload)
}

fn bye(code: u16) -> Close {
    Close { code: CloseCode::new(code).unwrap(), reason: String::new() }
}

#[test]
fn an_idle_connection_is_small() {
    assert!(size_of::<Connection>() <= 192, "{}", size_of::<Connection>());
}

#[test]
fn a_declared_length_beyond_the_limit_ends_it_at_once() {
    let head = [&[FIN | BINARY, 0xFF, 0, 0, 1, 0, 0, 0, 0, 0], KEY.as_slice()].concat();
    let mut end = End::new(Role::Server);
    assert_eq!(end.hear(&head), []);
    assert_eq!(end.heard, [Heard::Failed(WsError::TooLarge { limit: 16 << 20 })]);
    assert_eq!(frames(&end.out)[0].1[..2], 1009_u16.to_be_bytes());
}

#[test]
fn the_limit_is_one_for_all_fragments() {
    let limits = Limits { message: 10, ..Limits::default() };
    let mut end = limited(limits);
    end.hear(&[said(BINARY, &[1; 6]), said(FIN | CONTINUATION, &[2; 4])].concat());
    // The next message begins anew.
    end.hear(&[said(BINARY, &[3; 6]), said(CONTINUATION, &[4; 4])].concat());
    assert_eq!(end.heard.len(), 1);
    end.hear(&said(FIN | CONTINUATION, &[5]));
    let whole = [[1; 6].as_slice(), &[2; 4]].concat();
    assert_eq!(end.heard, [Heard::Message(Kind::Binary, whole), Heard::Failed(WsError::TooLarge { limit: 10 })]);
    assert!(end.assembler.len() <= 10);
    // Lengths that add up to more than any number.
    let mut end = limited(Limits { message: usize::MAX, ..limits });
    end.hear(&said(BINARY, &[1; 2]));
    end.hear(&[&[CONTINUATION, 0xFF, 0x7F, 255, 255, 255, 255, 255, 255, 255], KEY.as_slice()].concat());
    assert_eq!(end.heard, []);
}

#[test]
fn unread_pings_keep_one_answer() {
    let mut end = End::new(Role::Server);
    for at in 0..100_u8 {
        end.hear(&said(FIN | PING, &[at; 125]));
    }
    end.answer();
    assert_eq!(frames(&end.out), [(FIN | PONG, vec![99; 125])]);
    assert!(!end.connection.has_answer());
}

#[test]
fn floods_break_a_policy() {
    let mut end = limited(Limits { control_frames: 3, empty_frames: 2, ..Limits::default() });
    let mut flood = |now: u64, first: u8| {
        end.now = Duration::from_secs(now);
        let before = end.heard.len();
        end.hear(&said(first, b""));
        end.heard[before..].iter().any(|heard| matches!(heard, Heard::Failed(_)))
    };
    // Empty parts that end a message, and data between, are no flood.
    let table = [
        (0, FIN | PING, false),
        (0, FIN | PONG, false),
        (0, FIN | PING, false),
        (1, FIN | PING, false),
        (1, TEXT, false),
        (1, CONTINUATION, false),
        (1, FIN | CONTINUATION, false),
        (1, FIN | TEXT, false),
        (1, FIN | TEXT, false),
        (1, FIN | TEXT, false),
        (1, TEXT, true),
    ];
    for (at, (now, first, expected)) in table.into_iter().enumerate() {
        assert_eq!(flood(now, first), expected, "step {at}");
    }
    assert_eq!(frames(&end.out)[0].1[..2], 1008_u16.to_be_bytes());

    let mut end = limited(Limits { control_frames: 3, ..Limits::default() });
    end.hear(&said(FIN | PONG, b"").repeat(4));
    assert_eq!(end.heard.last(), Some(&Heard::Failed(WsError::Flood("control frames"))));
}

#[test]
fn they_close_first() {
    let mut end = End::new(Role::Server);
    end.hear(&said(FIN | CLOSE, &close(4000, "why")));
    let why = Close { reason: "why".into(), ..bye(4000) };
    assert_eq!(end.heard, [Heard::Close(Some(why))]);
    assert_eq!(end.connection.state(), State::Answering);
    // The message under way may be finished (RFC 6455 §5.5.1); what they say now is not heard.
    end.send(Kind::Text, b"last");
    end.hear(&said(FIN | TEXT, b"\xff"));
    end.answer();
    assert_eq!(frames(&end.out), [(FIN | TEXT, b"last".to_vec()), (FIN | CLOSE, close(4000, ""))]);
    assert_eq!((end.connection.state(), end.heard.len()), (State::Closed, 1));
}

#[test]
fn they_close_first_and_we_have_our_own_word() {
    let mut end = End::new(Role::Server);
    end.hear(&[said(FIN | PING, b"?"), said(FIN | CLOSE, b"")].concat());
    assert_eq!(end.heard, [Heard::Ping(b"?".to_vec()), Heard::Close(None)]);
    end.connection.close(Some(&bye(1001)), Mask::UNUSED, &mut end.out).unwrap();
    assert!(!end.connection.has_answer());
    assert_eq!(frames(&end.out), [(FIN | CLOSE, close(1001, ""))]);
    assert_eq!(end.connection.state(), State::Closed);
}

#[test]
fn we_close_first() {
    let mut end = End::new(Role::Client);
    end.connection.close(Some(&bye(1000)), Mask::new(KEY), &mut end.out).unwrap();
    assert_eq!(end.connection.state(), State::Closing);
    // Data and pings that were under way are told, and not answered.
    let server = |first, payload: &[u8]| frame(Role::Server, first, payload);
    end.hear(&[server(FIN | TEXT, b"late"), server(FIN | PING, b"?")].concat());
    end.answer();
    end.hear(&server(FIN | CLOSE, &close(1000, "")));
    end.answer();
    let heard =
        [Heard::Message(Kind::Text, b"late".to_vec()), Heard::Ping(b"?".to_vec()), Heard::Close(Some(bye(1000)))];
    assert_eq!(end.heard, heard);
    assert_eq!(frames(&end.out), [(FIN | CLOSE, close(1000, ""))]);
    assert_eq!(end.connection.state(), State::Closed);
}

#[test]
fn both_close_at_once() {
    let mut ends = [End::new(Role::Client), End::new(Role::Server)];
    for end in &mut ends {
        end.connection.close(None, Mask::new(KEY), &mut end.out).unwrap();
    }
    let [client, server] = &mut ends;
    server.hear(&client.out);
    client.hear(&server.out);
    for end in &mut ends {
        let sent = end.out.len();
        end.answer();
        assert_eq!((end.out.len(), end.connection.state()), (sent, State::Closed));
        assert_eq!(end.heard, [Heard::Close(None)]);
        assert!(end.connection.is_close_received());
    }
}

#[test]
fn nothing_is_sent_after_our_close() {
    let mut end = End::new(Role::Server);
    end.connection.close(None, Mask::UNUSED, &mut end.out).unwrap();
    let sent = end.out.len();
    let (connection, contexts, out) = (&mut end.connection, &mut end.contexts, &mut end.out);
    let mask = Mask::UNUSED;
    let refused = [
        connection.close(None, mask, out),
        connection.ping(b"", mask, out),
        connection.pong(b"", mask, out),
        connection.send(Kind::Text, b"", mask, contexts, out),
        connection.send_part(Kind::Text, b"", true, mask, contexts, out),
        connection.send_head(Kind::Text, 0, true, mask).map(drop),
    ];
    assert_eq!(refused, [const { Err(WsError::Closed) }; 6]);
    connection.fail(&WsError::Text, mask, out);
    assert_eq!((end.out.len(), end.connection.state()), (sent, State::Closed));
}

#[test]
fn after_a_failure_nothing_is_heard_and_one_close_is_sent() {
    let mut end = End::new(Role::Server);
    end.hear(&[said(FIN | PING, b"?"), said(FIN | 3, b"")].concat());
    end.hear(&[said(FIN | TEXT, b"more"), said(FIN | CLOSE, b"")].concat());
    end.answer();
    let out = frames(&end.out);
    let reason = "malformed WebSocket frame: the opcode is reserved";
    assert_eq!(out, [(FIN | CLOSE, close(1002, reason))]);
    assert_eq!((end.heard.len(), end.connection.state()), (2, State::Closed));
    assert!(!end.connection.is_close_received());
}

#[test]
fn what_may_not_be_sent() {
    let mut end = End::new(Role::Server);
    let (connection, contexts, out) = (&mut end.connection, &mut end.contexts, &mut end.out);
    let (mask, unsendable) = (Mask::UNUSED, |result| matches!(result, Err(WsError::Unsendable(_))));
    assert!(unsendable(connection.ping(&[0; 126], mask, out)));
    let long = Close { reason: "x".repeat(124), ..bye(1000) };
    assert!(unsendable(connection.close(Some(&long), mask, out)));
    assert!(unsendable(connection.send_head(Kind::Binary, u64::MAX, true, mask).map(drop)));
    assert!(out.is_empty());
    connection.send_part(Kind::Text, b"a", false, mask, contexts, out).unwrap();
    assert!(unsendable(connection.send(Kind::Text, b"b", mask, contexts, out)));
    assert!(unsendable(connection.send_part(Kind::Binary, b"c", true, mask, contexts, out)));
    connection.ping(b"between", mask, out).unwrap();
    connection.send_part(Kind::Text, b"d", true, mask, contexts, out).unwrap();
    connection.send(Kind::Binary, b"e", mask, contexts, out).unwrap();
    let expected: [(u8, &[u8]); 4] =
        [(TEXT, b"a"), (FIN | PING, b"between"), (FIN | CONTINUATION, b"d"), (FIN | BINARY, b"e")];
    assert_eq!(frames(&end.out), expected.map(|(first, payload)| (first, payload.to_vec())));
}

/// A payload that is read straight into the message's buffer is unmasked there.
#[test]
fn the_rest_of_a_frame_is_read_to_where_it_stays() {
    let payload: Vec<u8> = (0..200_000_u32).map(|at| at.to_le_bytes()[0]).collect();
    let octets = said(FIN | BINARY, &payload);
    let mut connection = Connection::new(Role::Server, None, Limits::default());
    let (mut scratch, mut contexts, mut assembler) = (Scratch::new(0), Contexts::default(), Assembler::new());
    let (first, mut rest) = octets.split_at(1001);
    let mut first = first.to_vec();
    let received = connection.receive(&mut first, &mut scratch, &mut contexts, Duration::ZERO).unwrap();
    let Some(Event::Part(part)) = received.event else { panic!("no part") };
    assert!(part.in_place && assembler.push(&part).is_none());
    let mut message = None;
    while connection.expected() > 0 {
        assert_eq!(connection.expected(), u64::try_from(rest.len()).unwrap());
        let mut room = assembler.room(connection.expected());
        let read = room.remaining_mut().min(rest.len()).min(7777);
        assert!(read > 0);
        room.put_slice(&rest[..read]);
        rest = &rest[read..];
        message = assembler.receive(&mut connection, &mut scratch, &mut contexts, Duration::ZERO).unwrap();
        assert!(assembler.len() <= payload.len());
    }
    assert_eq!(message.unwrap().into_bytes(), payload);
    assert!(assembler.is_empty());
}

/// A frame whose payload is written by reference.
#[test]
fn heads_for_payloads_that_are_written_by_reference() {
    for role in [Role::Client, Role::Server] {
        let (mut sender, mut receiver) = (End::new(role), End::new(role.peer()));
        let mut payload = b"by reference".to_vec();
        let head = sender.connection.send_head(Kind::Text, 12, true, Mask::new(KEY)).unwrap();
        if role == Role::Client {
            let (first, second) = payload.split_at_mut(5);
            let rest = Mask::new(KEY).over(first);
            rest.apply(second);
        }
        receiver.hear(&[head.as_slice(), &payload].concat());
        assert_eq!(receiver.heard, [Heard::Message(Kind::Text, b"by reference".to_vec())]);
    }
}

/// One frame may be larger than any buffer: its parts come as they are read.
#[test]
fn parts_come_before_the_frame_is_whole() {
    let mut connection = Connection::new(Role::Server, None, Limits::default());
    let (mut scratch, mut contexts) = (Scratch::new(0), Contexts::default());
    let mut octets = BytesMut::from(said(TEXT, "αβγ".as_bytes()).as_slice());
    let mut told = Vec::new();
    for piece in octets.chunks_mut(8) {
        let received = connection.receive(piece, &mut scratch, &mut contexts, Duration::ZERO).unwrap();
        let Some(Event::Part(part)) = received.event else { panic!("no part") };
        told.push((part.offset, part.left, part.fin, part.last, part.data.to_vec()));
    }
    assert_eq!(told, [(0, 4, false, false, b"\xce\xb1".to_vec()), (2, 0, false, false, b"\xce\xb2\xce\xb3".to_vec())]);
}
