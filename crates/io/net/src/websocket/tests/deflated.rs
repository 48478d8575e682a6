//! With compression agreed on.

use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use gatepost_ws::deflate::agreed::{Agreed, agree};
use gatepost_ws::deflate::config::Config;
use gatepost_ws::error::WsError;
use gatepost_ws::handshake::extension::Extension;
use gatepost_ws::message::{Kind, Message};
use gatepost_ws::role::Role;
use tokio::io::{AsyncReadExt, DuplexStream, duplex};

use super::pipes::binary;
use crate::error::NetError;
use crate::websocket::settings::Settings;
use crate::websocket::socket::MessageSocket;

fn agreed(config: &Config) -> Agreed {
    let offered = [Extension { name: "permessage-deflate".into(), parameters: Vec::new() }];
    agree(config, &offered).unwrap().0
}

/// A client and a server over a pipe of this size.
fn pair(size: usize, config: &Config) -> (MessageSocket<DuplexStream>, MessageSocket<DuplexStream>) {
    let (near, far) = duplex(size);
    let agreed = agreed(config);
    let socket = |stream, role| MessageSocket::new(stream, role, Some(&agreed), Settings::default());
    (socket(near, Role::Client), socket(far, Role::Server))
}

#[tokio::test(start_paused = true)]
async fn messages_arrive_whatever_was_agreed_on() {
    for (size, config) in [(1 << 20, Config::default()), (1000, Config::shared()), (7, Config::default())] {
        let (mut client, mut server) = pair(size, &config);
        for length in [0, 1, 63, 64, 300, 20_000, 70_000] {
            let message = binary(length, 3);
            let echoed = tokio::spawn(async move {
                let message = server.receive().await.unwrap().unwrap();
                server.send(message).await.unwrap();
                server
            });
            client.send(message.clone()).await.unwrap();
            assert!(client.receive().await.unwrap() == Some(message), "{length} through {size}");
            server = echoed.await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_bomb_is_refused_before_it_is_large() {
    let (mut client, mut server) = pair(1 << 20, &Config::default());
    let sending = tokio::spawn(async move {
        // It hears of the refusal while it sends, or after.
        let _ = client.send(Message::from(vec![0; 64 << 20])).await;
        client.receive().await
    });
    let limit = Settings::default().limits.message;
    assert_eq!(server.receive().await, Err(NetError::WebSocket(WsError::TooLarge { limit })));
    drop(server);
    assert_eq!(sending.await.unwrap(), Ok(None));
}

#[tokio::test(start_paused = true)]
async fn parts_are_inflated_as_they_come() {
    let (mut client, mut server) = pair(1 << 20, &Config::default());
    let text = Bytes::from("all work and no play ".repeat(5000));
    client.send_part(Kind::Text, text.clone(), false).await.unwrap();
    let mut got = Vec::new();
    while got.len() < text.len() {
        let part = server.receive_part().await.unwrap().unwrap();
        assert_eq!((part.offset, part.last), (u64::try_from(got.len()).unwrap(), false));
        got.extend_from_slice(&part.data);
    }
    assert!(got == text);
    client.send_part(Kind::Text, Bytes::new(), true).await.unwrap();
    assert!(server.receive_part().await.unwrap().unwrap().last);
}

#[tokio::test(start_paused = true)]
async fn who_is_silent_gives_memory_back_and_goes_on_after() {
    let (mut client, mut server) = pair(1 << 20, &Config::default());
    let echoing = tokio::spawn(async move {
        while let Ok(Some(message)) = server.receive().await {
            server.send(message).await.unwrap();
        }
    });
    for round in 0..5 {
        let message = Message::from(format!("{round}: ") + &"the same again and again ".repeat(20));
        client.send(message.clone()).await.unwrap();
        assert_eq!(client.receive().await, Ok(Some(message)));
        assert!(tokio::time::timeout(Duration::from_secs(60), client.receive()).await.is_err());
    }
    drop(client);
    echoing.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_only_sends_gives_memory_back_too() {
    let (client, mut far) = duplex(1 << 20);
    let agreed = agreed(&Config::default());
    let (mut receiver, mut sender) =
        MessageSocket::new(client, Role::Client, Some(&agreed), Settings::default()).split();
    let receiving = tokio::spawn(async move { receiver.receive().await });
    let text = "the same again and again, and then the same".repeat(3);
    let mut lengths = Vec::new();
    // As messages, and as parts; after a rest nothing refers to what was said before.
    for (at, pause) in [0, 0, 60, 0, 60].into_iter().enumerate() {
        tokio::time::sleep(Duration::from_secs(pause)).await;
        if at % 2 == 0 {
            sender.send_part(Kind::Text, Bytes::from(text.clone()), true).await.unwrap();
        } else {
            sender.send(Message::from(text.clone())).await.unwrap();
        }
        lengths.push(far.read(&mut [0; 1000]).await.unwrap());
    }
    let (whole, short) = (lengths[0], lengths[1]);
    assert!(short < whole, "{lengths:?}");
    assert_eq!(lengths, [whole, short, whole, short, whole]);
    assert!(!receiving.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_stall_that_is_over_leaves_the_alarm_to_what_is_still_due() {
    let (near, mut far) = duplex(10);
    let agreed = agreed(&Config::default());
    let mut server = MessageSocket::new(near, Role::Server, Some(&agreed), Settings::default());
    let mut cx = Context::from_waker(Waker::noop());
    let engine = server.engine();
    engine.start_send(binary(20_000, 0)).unwrap();
    assert!(engine.poll_flush(&mut cx).is_pending() && engine.alarm.is_set());
    while engine.poll_flush(&mut cx).is_pending() {
        let _ = far.read(&mut [0; 10]).await.unwrap();
    }
    assert!(engine.worked.is_some() && engine.alarm.is_set());
}
