//! Octets over messages.

use std::io;

use gatepost_ws::message::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::pipes::{binary, pair};
use crate::error::NetError;
use crate::websocket::octets::StreamSocket;

#[tokio::test(start_paused = true)]
async fn octets_go_both_ways_and_end_with_a_close() {
    for size in [10, 1000, 1 << 20] {
        let (client, server) = pair(size);
        let (mut client, mut server) = (StreamSocket::new(client), StreamSocket::new(server));
        let sent: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let expected = sent.clone();
        let serving = tokio::spawn(async move {
            let mut got = Vec::new();
            server.read_to_end(&mut got).await.unwrap();
            got
        });
        let writing = async {
            client.write_all(&sent).await.unwrap();
            client.shutdown().await.unwrap();
            let mut nothing = Vec::new();
            client.read_to_end(&mut nothing).await.unwrap();
            assert_eq!(nothing, b"");
        };
        writing.await;
        assert!(serving.await.unwrap() == expected, "{size}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_is_a_message_and_a_message_is_read_in_pieces() {
    let (client, mut server) = pair(1 << 20);
    let mut client = StreamSocket::new(client);
    client.write_all(b"one").await.unwrap();
    client.write_all(b"").await.unwrap();
    client.write_all(b"two").await.unwrap();
    for expected in [b"one".to_vec(), b"two".to_vec()] {
        assert_eq!(server.receive().await, Ok(Some(Message::from(expected))));
    }
    server.send(binary(1000, 3)).await.unwrap();
    let mut octets = [0; 1000];
    for piece in octets.chunks_mut(7) {
        client.read_exact(piece).await.unwrap();
    }
    assert_eq!(binary(1000, 3).as_bytes(), octets);
}

#[tokio::test(start_paused = true)]
async fn a_text_is_refused_and_an_abrupt_end_is_no_end() {
    let (client, mut server) = pair(1 << 20);
    let mut client = StreamSocket::new(client);
    server.send(Message::from("words")).await.unwrap();
    let reading = tokio::spawn(async move { client.read_u8().await });
    assert_eq!(server.receive().await, Ok(None));
    assert_eq!(server.closed().unwrap().code.number(), 1003);
    drop(server);
    let error = reading.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);

    let (client, server) = pair(1 << 20);
    let mut client = StreamSocket::new(client);
    drop(server);
    let error = client.read(&mut [0; 10]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<NetError>());
    assert_eq!(inner, Some(&NetError::Abrupt));
}
