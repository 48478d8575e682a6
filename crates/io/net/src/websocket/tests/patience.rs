//! How long a peer may be silent, or deaf.

use std::time::Duration;

use bytes::Bytes;
use gatepost_ws::error::WsError;
use gatepost_ws::role::Role;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::pipes::{binary, raw, server, socket};
use crate::error::{NetError, Wait};
use crate::websocket::heard::SocketEvent;
use crate::websocket::settings::{KeepAlive, Settings};
use crate::websocket::socket::MessageSocket;

const SECOND: Duration = Duration::from_secs(1);

fn kept_alive(keepalive: KeepAlive) -> Settings {
    Settings { keepalive: Some(keepalive), ..Settings::default() }
}

#[tokio::test(start_paused = true)]
async fn silence_is_asked_about_and_then_an_end() {
    let settings = kept_alive(KeepAlive::Ping { interval: 30 * SECOND, timeout: 10 * SECOND });
    let (near, far) = tokio::io::duplex(1000);
    let mut server = MessageSocket::new(near, Role::Server, None, settings);
    let mut client = socket(far, Role::Client);
    let start = Instant::now();
    let living = tokio::spawn(async move {
        let ended = server.receive().await;
        (ended, start.elapsed().as_secs())
    });
    // It answers three times, and then no more.
    for asked in 1..=3 {
        assert_eq!(client.receive_event().await, Ok(Some(SocketEvent::Ping(Bytes::new()))));
        assert_eq!(start.elapsed().as_secs(), 30 * asked);
        client.flush().await.unwrap();
    }
    let limit = 10 * SECOND;
    assert_eq!(living.await.unwrap(), (Err(NetError::Timeout { what: Wait::Pong, limit }), 130));
}

#[tokio::test(start_paused = true)]
async fn pongs_nobody_asked_for() {
    let settings = kept_alive(KeepAlive::Pong { interval: 30 * SECOND });
    let (mut server, mut far) = server(1000, settings);
    let start = Instant::now();
    let living = tokio::spawn(async move { server.receive().await });
    for beat in 1..=5 {
        let mut frame = [0; 2];
        far.read_exact(&mut frame).await.unwrap();
        assert_eq!((frame, start.elapsed().as_secs()), ([0x8A, 0], 30 * beat));
    }
    drop(far);
    assert_eq!(living.await.unwrap(), Err(NetError::Abrupt));
}

#[tokio::test(start_paused = true)]
async fn who_reads_nothing_is_cut() {
    let limit = Settings::default().send_time;
    let cut = NetError::Timeout { what: Wait::Write, limit };
    let (mut deaf, far) = server(1000, Settings::default());
    let start = Instant::now();
    assert_eq!(deaf.send(binary(5000, 0)).await, Err(cut.clone()));
    assert_eq!(start.elapsed(), limit);
    assert_eq!((deaf.receive().await, deaf.send(binary(1, 0)).await), (Err(cut.clone()), Err(cut.clone())));
    drop(far);

    // Also while we only receive; and what it reads in between gives it new time.
    let (mut deaf, mut far) = server(1000, Settings::default());
    deaf.feed(binary(5000, 0)).await.unwrap();
    let start = Instant::now();
    let receiving = tokio::spawn(async move { (deaf.receive().await, start.elapsed()) });
    tokio::time::sleep(limit / 2).await;
    far.read_exact(&mut [0; 500]).await.unwrap();
    assert_eq!(receiving.await.unwrap(), (Err(cut), limit + limit / 2));
}

#[tokio::test(start_paused = true)]
async fn what_waits_to_be_written_is_bounded() {
    let (mut deaf, _far) = server(1000, Settings::default());
    let mut fed = 0;
    while tokio::time::timeout(SECOND, deaf.feed(binary(1000, 0))).await.is_ok() {
        fed += 1;
    }
    assert!((60..70).contains(&fed), "{fed}");
}

#[tokio::test(start_paused = true)]
async fn answers_to_pings_do_not_pile_up() {
    let (mut deaf, mut far) = server(1000, Settings { send_time: 1000 * SECOND, ..Settings::default() });
    let start = Instant::now();
    let peer = tokio::spawn(async move {
        // As many as are allowed, and then too many.
        for _ in 0..5 {
            for _ in 0..90 {
                far.write_all(&raw(0x89, &[7; 125])).await.unwrap();
            }
            tokio::time::sleep(SECOND).await;
        }
        while far.write_all(&raw(0x89, b"")).await.is_ok() {}
        far
    });
    let ended = deaf.receive().await;
    assert!(matches!(ended, Err(NetError::WebSocket(WsError::Flood(_)))), "{ended:?}");
    assert!(start.elapsed() < 100 * SECOND);
    drop(deaf);
    drop(peer.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn the_clock_is_looked_at_for_what_is_counted() {
    let (mut server, mut far) = server(1 << 20, Settings::default());
    let receiving = tokio::spawn(async move { server.receive().await });
    // In the middle of a message whose octets look like heads: two hundred Pings, in four seconds.
    far.write_all(&raw(0x02, &[0x82; 100])).await.unwrap();
    for _ in 0..4 {
        tokio::time::sleep(SECOND).await;
        let mut octets = raw(0x00, &[0xB5; 10]);
        for _ in 0..50 {
            octets.extend(raw(0x89, b""));
        }
        let (first, second) = octets.split_at(8);
        far.write_all(first).await.unwrap();
        tokio::task::yield_now().await;
        far.write_all(second).await.unwrap();
        tokio::task::yield_now().await;
    }
    far.write_all(&raw(0x80, b"")).await.unwrap();
    assert_eq!(receiving.await.unwrap().unwrap().unwrap().len(), 140);
}

#[tokio::test(start_paused = true)]
async fn who_could_not_be_asked_owes_no_answer() {
    let keepalive = Some(KeepAlive::Ping { interval: 30 * SECOND, timeout: 10 * SECOND });
    let settings = Settings { keepalive, high_water: 1000, send_time: 1000 * SECOND, ..Settings::default() };
    let (mut slow, mut far) = server(1000, settings);
    slow.feed(binary(5000, 0)).await.unwrap();
    let receiving = tokio::spawn(async move { slow.receive().await });
    tokio::time::sleep(200 * SECOND).await;
    assert!(!receiving.is_finished());
    // Once there is room, it is asked.
    far.read_exact(&mut [0; 5004]).await.unwrap();
    let mut ping = [0; 2];
    far.read_exact(&mut ping).await.unwrap();
    assert_eq!(ping, [0x89, 0]);
    let limit = 10 * SECOND;
    assert_eq!(receiving.await.unwrap(), Err(NetError::Timeout { what: Wait::Pong, limit }));
}

#[tokio::test(start_paused = true)]
async fn without_any_room_there_is_still_an_answer() {
    let (mut narrow, mut far) = server(1000, Settings { high_water: 0, ..Settings::default() });
    let receiving = tokio::spawn(async move { narrow.receive().await });
    for (said, answer) in [(raw(0x89, b"?"), vec![0x8A, 1, b'?']), (raw(0x88, b""), vec![0x88, 0])] {
        far.write_all(&said).await.unwrap();
        let mut come = vec![0; answer.len()];
        tokio::time::timeout(SECOND, far.read_exact(&mut come)).await.unwrap().unwrap();
        assert_eq!(come, answer);
    }
    assert_eq!(receiving.await.unwrap(), Ok(None));
}
