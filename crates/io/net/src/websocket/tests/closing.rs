//! The end of a connection, in all orders.

use gatepost_ws::close::{Close, CloseCode};
use gatepost_ws::error::WsError;
use gatepost_ws::message::Message;
use gatepost_ws::role::Role;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::pipes::{binary, frames, pair, raw, server, socket};
use crate::error::{NetError, Wait};
use crate::websocket::settings::Settings;
use crate::websocket::socket::MessageSocket;

type Socket = MessageSocket<DuplexStream>;

fn close(code: CloseCode, reason: &str) -> Close {
    Close { code, reason: reason.to_owned() }
}

/// Receives to the end, and lets go of the stream: the other end waits for that.
async fn to_the_end(mut socket: Socket) -> (Result<usize, NetError>, Option<Close>) {
    let mut messages = 0;
    loop {
        match socket.receive().await {
            Ok(Some(_)) => messages += 1,
            Ok(None) => return (Ok(messages), socket.closed().cloned()),
            Err(error) => return (Err(error), socket.closed().cloned()),
        }
    }
}

async fn closing(mut socket: Socket, code: CloseCode, reason: &str) -> (Result<usize, NetError>, Option<Close>) {
    let ended = socket.close(code, reason).await;
    (ended.map(|()| 0), socket.closed().cloned())
}

#[tokio::test(start_paused = true)]
async fn either_end_may_close_and_both_at_once() {
    let code = CloseCode::GOING_AWAY;
    let (client, server) = pair(1 << 20);
    let ends = tokio::join!(closing(client, code, "later"), to_the_end(server));
    assert_eq!(ends, ((Ok(0), Some(close(code, ""))), (Ok(0), Some(close(code, "later")))));

    let (client, server) = pair(1 << 20);
    let ends = tokio::join!(to_the_end(client), closing(server, code, "later"));
    assert_eq!(ends, ((Ok(0), Some(close(code, "later"))), (Ok(0), Some(close(code, "")))));

    let (client, server) = pair(1 << 20);
    let ends = tokio::join!(closing(client, CloseCode::NORMAL, "a"), closing(server, code, "b"));
    assert_eq!(ends, ((Ok(0), Some(close(code, "b"))), (Ok(0), Some(close(CloseCode::NORMAL, "a")))));
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_before_a_close_arrives_before_it() {
    let (mut client, mut server) = pair(1 << 20);
    for seed in 0..3 {
        client.feed(binary(10_000, seed)).await.unwrap();
        server.feed(binary(10_000, seed)).await.unwrap();
    }
    client.start_close(None).await.unwrap();
    assert_eq!(client.send(Message::from("late")).await, Err(NetError::WebSocket(WsError::Closed)));
    let ends = tokio::join!(to_the_end(client), to_the_end(server));
    // An empty Close is answered with an empty one.
    assert_eq!(ends, ((Ok(3), None), (Ok(3), None)));
}

#[tokio::test(start_paused = true)]
async fn an_end_without_a_close_is_abrupt_wherever_it_comes() {
    let whole = frames(Role::Client, &[binary(300, 1)]);
    for cut in [0, 1, 3, 7, 200, whole.len()] {
        let (server, mut far) = server(1 << 20, Settings::default());
        far.write_all(&whole[..cut]).await.unwrap();
        drop(far);
        assert_eq!(to_the_end(server).await, (Err(NetError::Abrupt), None), "{cut}");
    }
    // Also after our own Close.
    let (mut client, server) = pair(1 << 20);
    client.start_close(None).await.unwrap();
    drop(server);
    assert_eq!(client.receive().await, Err(NetError::Abrupt));
    assert_eq!(client.receive().await, Err(NetError::Abrupt));
    assert_eq!(client.send(Message::from("x")).await, Err(NetError::Abrupt));
}

type IsExpected = fn(&WsError) -> bool;

#[tokio::test(start_paused = true)]
async fn a_peer_that_breaks_a_rule_is_told_which() {
    let huge = [0x82, 0xFF, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4];
    let table: [(&[u8], u16, IsExpected); 5] = [
        (&raw(0xC1, b""), 1002, |error| matches!(error, WsError::Frame(_))),
        (&[0x81, 0x01, 0x61], 1002, |error| matches!(error, WsError::Frame(_))),
        (&raw(0x01, b"\xff"), 1007, |error| *error == WsError::Text),
        (&raw(0x88, b"\x03\xed"), 1002, |error| matches!(error, WsError::Close(_))),
        (&huge, 1009, |error| matches!(error, WsError::TooLarge { .. })),
    ];
    for (octets, code, expected) in table {
        let (server, mut far) = server(1 << 20, Settings::default());
        // What follows is not listened to, and does not break the connection before our words are read.
        far.write_all(&[octets, &[0x55; 1000]].concat()).await.unwrap();
        let peer = async {
            let mut answer = Vec::new();
            far.read_to_end(&mut answer).await.unwrap();
            drop(far);
            answer
        };
        let ((ended, _), answer) = tokio::join!(to_the_end(server), peer);
        let Err(NetError::WebSocket(error)) = ended else { panic!("{ended:?}") };
        assert!(expected(&error), "{error}");
        assert_eq!((answer[0], &answer[2..4]), (0x88, code.to_be_bytes().as_slice()), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_ends_the_stream_first_and_a_client_waits_for_it() {
    let (mut server, mut far) = server(1 << 20, Settings::default());
    far.write_all(&raw(0x88, b"\x03\xe8bye")).await.unwrap();
    assert_eq!(server.receive().await, Ok(None));
    let mut answer = Vec::new();
    far.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"\x88\x02\x03\xe8");

    let (near, mut far) = tokio::io::duplex(1 << 20);
    let mut client = socket(near, Role::Client);
    far.write_all(b"\x88\x02\x03\xe8").await.unwrap();
    let ending = tokio::spawn(async move { client.receive().await });
    let mut answer = [0; 8];
    far.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer[..2], b"\x88\x82");
    assert!(!ending.is_finished());
    drop(far);
    assert_eq!(ending.await.unwrap(), Ok(None));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever_for_an_end() {
    let limit = Settings::default().close_time;
    // The peer does not answer our Close, but goes on talking.
    let (mut client, mut server) = pair(1 << 20);
    let before = tokio::time::Instant::now();
    server.send(Message::from("what?")).await.unwrap();
    assert_eq!(client.close(CloseCode::NORMAL, "").await, Err(NetError::Timeout { what: Wait::Close, limit }),);
    assert_eq!(before.elapsed().as_secs(), limit.as_secs());

    // It does, but does not end the stream.
    let (near, mut far) = tokio::io::duplex(1 << 20);
    let mut client = socket(near, Role::Client);
    far.write_all(b"\x88\x00").await.unwrap();
    let before = tokio::time::Instant::now();
    assert_eq!(client.receive().await, Ok(None));
    assert_eq!(before.elapsed().as_secs(), limit.as_secs());

    // It reads nothing.
    let (mut server, mut far) = super::pipes::server(10, Settings::default());
    far.write_all(&raw(0x82, b"x")).await.unwrap();
    assert!(server.receive().await.unwrap().is_some());
    let sent = tokio::time::timeout(std::time::Duration::from_secs(1), server.send(binary(100, 0))).await;
    assert!(sent.is_err());
    far.write_all(&raw(0x88, b"")).await.unwrap();
    assert_eq!(server.receive().await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn a_reason_that_is_too_long_sends_nothing() {
    let (mut client, mut server) = pair(1 << 20);
    let refused = client.close(CloseCode::NORMAL, &"x".repeat(124)).await;
    assert!(matches!(refused, Err(NetError::WebSocket(WsError::Unsendable(_)))));
    client.send(Message::from("still here")).await.unwrap();
    assert_eq!(server.receive().await, Ok(Some(Message::from("still here"))));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_goes_on_instead_of_closing_is_cut_in_time() {
    let limit = Settings::default().close_time;
    let (mut server, mut far) = server(1000, Settings::default());
    server.start_close(None).await.unwrap();
    let start = tokio::time::Instant::now();
    // There is always something to read.
    let ended = loop {
        far.write_all(&raw(0x82, b"on and on")).await.unwrap();
        tokio::time::advance(limit / 4).await;
        match server.receive().await {
            Ok(message) => assert!(message.is_some() && start.elapsed() < limit),
            Err(error) => break error,
        }
    };
    assert_eq!((ended, start.elapsed()), (NetError::Timeout { what: Wait::Close, limit }, limit));
}
