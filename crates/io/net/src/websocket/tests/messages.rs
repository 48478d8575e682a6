//! What goes in comes out, whatever it is cut into, and at which price.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use bytes::Bytes;
use gatepost_ws::message::{Kind, Message};
use gatepost_ws::role::Role;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::pipes::{Slow, binary, frames, pair, raw, server, socket};
use crate::error::NetError;
use crate::websocket::engine::Engine;
use crate::websocket::heard::{MessagePart, SocketEvent};
use crate::websocket::settings::Settings;

/// Lengths on both sides of every bound: of heads, of read buffers, of what is copied.
const LENGTHS: [usize; 14] =
    [0, 1, 125, 126, 1024, 8191, 8192, 16_370, 16_384, 65_535, 65_536, 131_060, 131_072, 400_000];

async fn echo(
    mut socket: crate::websocket::socket::MessageSocket<impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>,
) {
    while let Some(message) = socket.receive().await.unwrap() {
        socket.send(message).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn messages_of_any_length_arrive_through_pipes_of_any_size() {
    for size in [7, 1000, 70_000, 1 << 20] {
        let (mut client, server) = pair(size);
        let server = tokio::spawn(echo(server));
        for length in LENGTHS {
            let message = binary(length, size);
            client.send(message.clone()).await.unwrap();
            assert!(client.receive().await.unwrap() == Some(message), "{length} through {size}");
        }
        client.send(Message::from("κόσμε")).await.unwrap();
        assert_eq!(client.receive().await, Ok(Some(Message::from("κόσμε"))));
        client.close(gatepost_ws::close::CloseCode::NORMAL, "").await.unwrap();
        server.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_came_at_once_is_answered_at_once() {
    let (near, mut far) = duplex(1 << 20);
    let near = Slow::new(near, usize::MAX);
    let writes = Arc::clone(&near.writes);
    let echo = tokio::spawn(echo(socket(near, Role::Server)));
    for (messages, length, expected) in [(16, 20, 1), (1, 1024, 1), (15, 1024, 1), (16, 7000, 7), (1, 65_536, 1)] {
        let messages: Vec<_> = (0..messages).map(|seed| binary(length, seed)).collect();
        let before = writes.load(Ordering::Relaxed);
        far.write_all(&frames(Role::Client, &messages)).await.unwrap();
        let expected_octets = frames(Role::Server, &messages);
        let mut octets = vec![0; expected_octets.len()];
        far.read_exact(&mut octets).await.unwrap();
        assert!(octets == expected_octets);
        let wrote = writes.load(Ordering::Relaxed) - before;
        assert!(wrote <= expected, "{} messages of {length} octets: {wrote} writes", messages.len());
    }
    drop(far);
    assert!(echo.await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_was_left_for_later_goes_out_before_anybody_waits() {
    let (mut server, mut far) = server(1 << 20, Settings::default());
    far.write_all(&frames(Role::Client, &[binary(1, 1), binary(2, 2)])).await.unwrap();
    let first = server.receive().await.unwrap().unwrap();
    server.send(first).await.unwrap();
    // The second one is not answered: the first answer may not wait for that.
    assert!(server.receive().await.unwrap().is_some());
    tokio::select! {
        biased;
        _ = server.receive() => unreachable!("nothing more was sent"),
        octet = far.read_u8() => assert_eq!(octet.unwrap(), 0x82),
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_by_futures_that_are_dropped() {
    let messages: Vec<_> = LENGTHS.into_iter().take(9).map(|length| binary(length, length)).collect();
    let (near, far) = duplex(1 << 20);
    let (near, far) = (Slow::new(near, 97), Slow::new(far, 89));
    let (mut client, mut server) = (socket(near, Role::Client), socket(far, Role::Server));
    let sent = messages.clone();
    let sending = tokio::spawn(async move {
        for message in sent {
            client.feed(message).await.unwrap();
            // Each poll by a future of its own.
            poll_fn(|cx| match std::pin::pin!(client.flush()).poll(cx) {
                Poll::Ready(done) => Poll::Ready(done),
                Poll::Pending => Poll::Pending,
            })
            .await
            .unwrap();
        }
        client
    });
    let mut got = Vec::new();
    while got.len() < messages.len() {
        let message = poll_fn(|cx| std::pin::pin!(server.receive()).poll(cx)).await;
        got.push(message.unwrap().unwrap());
    }
    assert!(got == messages);
    drop(sending.await.unwrap());
    assert_eq!(server.receive().await, Err(NetError::Abrupt));
}

#[tokio::test(start_paused = true)]
async fn parts_come_as_they_come() {
    let (mut client, mut server) = pair(1 << 20);
    let part = |offset, data: &'static [u8], last| {
        Ok(Some(MessagePart { kind: Kind::Binary, offset, data: Bytes::from_static(data), last }))
    };
    client.send_part(Kind::Binary, Bytes::from_static(b"ab"), false).await.unwrap();
    assert_eq!(server.receive_part().await, part(0, b"ab", false));
    assert!(matches!(server.receive().await, Err(NetError::Request { .. })));
    // A whole message has no place between parts.
    assert!(client.send(Message::from("x")).await.is_err());
    client.ping(b"between").await.unwrap();
    client.send_part(Kind::Binary, Bytes::from_static(b"cd"), false).await.unwrap();
    assert_eq!(server.receive_part().await, part(2, b"cd", false));
    client.send_part(Kind::Binary, Bytes::new(), true).await.unwrap();
    assert_eq!(server.receive_part().await, part(4, b"", true));
    client.send(Message::from("whole")).await.unwrap();
    assert_eq!(server.receive().await, Ok(Some(Message::from("whole"))));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_begun_can_be_taken_in_parts() {
    let (mut server, mut far) = server(1 << 20, Settings::default());
    far.write_all(&raw(0x02, b"abc")).await.unwrap();
    let waiting = tokio::time::timeout(std::time::Duration::from_secs(1), server.receive()).await;
    assert!(waiting.is_err());
    let part = server.receive_part().await.unwrap().unwrap();
    assert_eq!((part.offset, &part.data[..], part.last), (0, b"abc".as_slice(), false));
    far.write_all(&raw(0x80, b"de")).await.unwrap();
    let part = server.receive_part().await.unwrap().unwrap();
    assert_eq!((part.offset, &part.data[..], part.last), (3, b"de".as_slice(), true));
}

#[tokio::test(start_paused = true)]
async fn control_frames_are_shown_to_who_wants_them() {
    let (mut client, mut server) = pair(1 << 20);
    client.ping(b"are you there").await.unwrap();
    client.pong(b"unasked").await.unwrap();
    client.send(Message::from("hi")).await.unwrap();
    client.start_close(None).await.unwrap();
    let mut seen = Vec::new();
    while let Some(event) = server.receive_event().await.unwrap() {
        seen.push(event);
    }
    let expected = [
        SocketEvent::Ping(Bytes::from_static(b"are you there")),
        SocketEvent::Pong(Bytes::from_static(b"unasked")),
        SocketEvent::Message(Message::from("hi")),
        SocketEvent::Close(None),
    ];
    assert_eq!(seen, expected);
    let answer = client.receive_event().await.unwrap();
    assert_eq!(answer, Some(SocketEvent::Pong(Bytes::from_static(b"are you there"))));
}

#[tokio::test(start_paused = true)]
async fn every_ping_is_answered_in_its_place() {
    let (mut server, mut far) = server(1 << 20, Settings::default());
    let pings = [raw(0x01, b"a"), raw(0x89, b"1"), raw(0x89, b"2"), raw(0x80, b"b"), raw(0x89, b"3")].concat();
    far.write_all(&pings).await.unwrap();
    let message = server.receive().await.unwrap().unwrap();
    server.send(message).await.unwrap();
    assert!(tokio::time::timeout(std::time::Duration::from_secs(1), server.receive()).await.is_err());
    let mut answer = [0; 13];
    far.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"\x8a\x011\x8a\x012\x81\x02ab\x8a\x013");
}

#[tokio::test(start_paused = true)]
async fn many_small_fragments_make_a_message() {
    let (mut server, mut far) = server(1 << 20, Settings::default());
    let mut octets = raw(0x01, b"a");
    for _ in 0..65_535 {
        octets.extend(raw(0x00, b"a"));
    }
    octets.extend(raw(0x80, b"a"));
    let writing = tokio::spawn(async move {
        far.write_all(&octets).await.unwrap();
        far
    });
    let message = server.receive().await.unwrap().unwrap();
    assert!(message == Message::from("a".repeat(65_537)));
    writing.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_is_idle_owns_nothing() {
    let (near, mut far) = duplex(1 << 20);
    let mut engine = Engine::new(near, Role::Server, None, Settings::default());
    for length in LENGTHS {
        far.write_all(&frames(Role::Client, &[binary(length, 0)])).await.unwrap();
        let message = poll_fn(|cx| {
            let mut writes = std::task::Context::from_waker(cx.waker());
            engine.poll_until(
                cx,
                &mut writes,
                crate::websocket::heard::Wanted::Messages,
                crate::websocket::heard::Heard::message,
            )
        });
        let message = message.await.unwrap().unwrap();
        engine.start_send(message).unwrap();
        poll_fn(|cx| engine.poll_flush(cx)).await.unwrap();
        let _ = futures(&mut engine).await;
        assert!(engine.incoming.owns_nothing() && engine.outgoing.is_done(), "{length}");
        let mut answer = vec![0; frames(Role::Server, &[binary(length, 0)]).len()];
        far.read_exact(&mut answer).await.unwrap();
    }
    // With the stream, and what the runtime has for both, this is what an idle connection costs.
    assert!(size_of::<Engine<tokio::net::TcpStream>>() <= 768, "{}", size_of::<Engine<tokio::net::TcpStream>>());
}

/// Looks for more once, and finds nothing.
async fn futures(engine: &mut Engine<tokio::io::DuplexStream>) -> bool {
    poll_fn(|cx| {
        let mut writes = std::task::Context::from_waker(cx.waker());
        let next = engine.poll_until(
            cx,
            &mut writes,
            crate::websocket::heard::Wanted::Messages,
            crate::websocket::heard::Heard::message,
        );
        Poll::Ready(next.is_pending())
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn no_connection_sees_what_another_received() {
    let mut pairs: Vec<_> = (0..4).map(|_| pair(50_000)).collect();
    let mut kept = Vec::new();
    for round in 0..200_usize {
        let (client, server) = &mut pairs[round % 4];
        let message = binary((round * 7919) % 40_000, round);
        let sending = client.send(message.clone());
        let (sent, got) = tokio::join!(sending, server.receive());
        sent.unwrap();
        kept.push((message, got.unwrap().unwrap()));
        if round % 3 == 0 {
            kept.swap_remove(round % kept.len());
        }
        assert!(kept.iter().all(|(sent, got)| sent == got), "{round}");
    }
}
