//! Ends, alerts, stalls: what comes when the other side does not do as it should.

use std::io;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use gatepost_testkit::wire::{pair, pair_of};
use rustls::AlertDescription;
use rustls::crypto::aws_lc_rs::cipher_suite::{TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS13_AES_128_GCM_SHA256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio_rustls::TlsConnector;

use super::super::handshake::{accept, connect};
use super::super::stream::Secured;
use super::world::{World, pattern};

const BOTH: [rustls::SupportedCipherSuite; 2] = [TLS13_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256];

#[tokio::test]
async fn an_end_is_told_from_a_cut() {
    for suite in BOTH {
        let world = World::of(suite);
        let (mut server, mut client) = world.ours(pair()).await;
        client.write_all(b"all").await.unwrap();
        client.shutdown().await.unwrap();
        client.shutdown().await.unwrap();
        let mut seen = Vec::new();
        assert_eq!(server.read_to_end(&mut seen).await.unwrap(), 3);
        // One way is closed, the other is not (RFC 8446 §6.1).
        server.write_all(b"answer").await.unwrap();
        server.shutdown().await.unwrap();
        assert_eq!(client.read_to_end(&mut seen).await.unwrap(), 6);
        assert_eq!(seen, b"allanswer");
        let late = client.write(b"late").await.map_err(|error| error.kind());
        assert_eq!(late, Err(io::ErrorKind::BrokenPipe));

        let (mut server, mut client) = world.ours(pair()).await;
        client.write_all(b"half").await.unwrap();
        client.flush().await.unwrap();
        drop(client);
        let mut seen = Vec::new();
        for _ in 0..2 {
            let cut = server.read_to_end(&mut seen).await.map_err(|error| error.kind());
            assert_eq!((cut, seen.as_slice()), (Err(io::ErrorKind::UnexpectedEof), &b"half"[..]));
        }
    }
}

#[tokio::test]
async fn a_peer_that_breaks_records_gets_the_alert() {
    let mut altered = vec![23, 3, 3, 0, 40];
    altered.extend([7; 40]);
    let cases: [(&[u8], &str, AlertDescription); 5] = [
        (&altered, "cannot decrypt peer's message", AlertDescription::BadRecordMac),
        (&[23, 3, 3, 0x41, 1], "peer sent excess record size", AlertDescription::RecordOverflow),
        (
            b"GET / HTTP/1.1\r\n\r\n",
            "the peer sent an unprotected record where it does not belong",
            AlertDescription::UnexpectedMessage,
        ),
        (
            &[20, 3, 3, 0, 1, 1],
            "the peer sent an unprotected record where it does not belong",
            AlertDescription::UnexpectedMessage,
        ),
        (
            &[23, 3, 4, 0, 40],
            "the peer sent a record of another version that cannot be read",
            AlertDescription::DecodeError,
        ),
    ];
    for (junk, text, alert) in cases {
        let world = World::of(TLS13_AES_128_GCM_SHA256);
        let (near, far) = pair();
        let (server, connector) = (world.server(), TlsConnector::from(world.rustls_client()));
        let (ours, theirs) =
            tokio::join!(accept(&server, near), connector.connect("localhost".try_into().unwrap(), far));
        let mut ours = ours.unwrap().0;
        let (mut wire, mut session) = theirs.unwrap().into_inner();
        wire.write_all(junk).await.unwrap();
        for _ in 0..2 {
            let error = ours.read(&mut [0; 100]).await.unwrap_err();
            assert_eq!((error.kind(), error.to_string()), (io::ErrorKind::InvalidData, text.to_owned()));
        }
        assert_eq!(ours.write(b"x").await.unwrap_err().to_string(), text);
        ours.shutdown().await.unwrap();
        let mut sent = Vec::new();
        wire.read_to_end(&mut sent).await.unwrap();
        session.read_tls(&mut sent.as_slice()).unwrap();
        let told = session.process_new_packets().map(|_| ());
        assert_eq!(told, Err(rustls::Error::AlertReceived(alert)));
    }
}

#[tokio::test]
async fn an_alert_is_an_error_here_too() {
    for suite in BOTH {
        let world = World::of(suite);
        let (near, far) = pair();
        let (server, connector) = (world.server(), TlsConnector::from(world.rustls_client()));
        let (ours, theirs) =
            tokio::join!(accept(&server, near), connector.connect("localhost".try_into().unwrap(), far));
        let mut ours = ours.unwrap().0;
        let (mut wire, mut session) = theirs.unwrap().into_inner();
        // Junk makes rustls send an alert.
        session.read_tls(&mut [vec![23, 3, 3, 0, 40], vec![7; 40]].concat().as_slice()).unwrap();
        assert!(session.process_new_packets().is_err());
        let mut alert = Vec::new();
        session.write_tls(&mut alert).unwrap();
        wire.write_all(&alert).await.unwrap();
        let error = ours.read(&mut [0; 100]).await.unwrap_err();
        assert_eq!(error.to_string(), "received fatal alert: BadRecordMac");
    }
}

#[tokio::test]
async fn a_handshake_that_fails_ends_with_an_alert() {
    let world = World::of(TLS13_AES_128_GCM_SHA256);
    // What is sent, how it fails, and the last octets of what comes back.
    let cases: [(&[u8], io::ErrorKind, &[u8]); 4] = [
        (b"GET / HTTP/1.1\r\n\r\n", io::ErrorKind::InvalidData, &[21, 3, 3, 0, 2, 2, 50]),
        (&[22, 3, 1, 0, 5, 1, 0, 0, 1, 0], io::ErrorKind::InvalidData, &[21, 3, 3, 0, 2, 2, 50]),
        (&[22, 3, 1, 0xFF, 0xFF], io::ErrorKind::InvalidData, &[21, 3, 3, 0, 2, 2, 50]),
        (&[22, 3, 1], io::ErrorKind::UnexpectedEof, &[]),
    ];
    for (sent, kind, told) in cases {
        let (near, mut far) = pair();
        far.write_all(sent).await.unwrap();
        far.shutdown().await.unwrap();
        let failed = accept(&world.server(), near).await.map(|_| ()).map_err(|error| error.kind());
        assert_eq!(failed, Err(kind), "{sent:?}");
        let mut seen = Vec::new();
        far.read_to_end(&mut seen).await.unwrap();
        assert_eq!(seen, told, "{sent:?}");
    }
    // A client that trusts another authority says so.
    let other = World::of(TLS13_AES_128_GCM_SHA256);
    let (near, far) = pair();
    let (server, client) = (world.server(), other.client());
    let (at_server, at_client) =
        tokio::join!(accept(&server, near), connect(&client, "localhost".try_into().unwrap(), far));
    let reason = |error: io::Error| error.to_string();
    assert_eq!(at_client.map(|_| ()).map_err(reason), Err("invalid peer certificate: BadSignature".to_owned()));
    assert_eq!(at_server.map(|_| ()).map_err(reason), Err("received fatal alert: DecryptError".to_owned()));
}

#[tokio::test]
async fn an_endless_message_is_bounded() {
    let world = World::of(TLS13_AES_128_GCM_SHA256);
    let (near, mut far) = pair();
    let flood = async {
        // A ClientHello of 2^24 - 1 octets, in records of one.
        let _ = far.write_all(&[22, 3, 1, 0, 4, 1, 0xFF, 0xFF, 0xFF]).await;
        while far.write_all(&[22, 3, 1, 0, 1, 0]).await.is_ok() {}
    };
    let server = world.server();
    let (failed, ()) = tokio::join!(async { accept(&server, near).await.map(|_| ()) }, flood);
    assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::InvalidData);
    let (near, mut far) = pair();
    let flood = async {
        // The same, but never too long by its own words.
        let _ = far.write_all(&[22, 3, 1, 0, 4, 1, 0, 0xFF, 0xFF]).await;
        while far.write_all(&[22, 3, 1, 0, 1, 0]).await.is_ok() {}
    };
    let (failed, ()) = tokio::join!(async { accept(&server, near).await.map(|_| ()) }, flood);
    assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::InvalidData);
}

#[tokio::test]
async fn whoever_speaks_first_is_heard() {
    for suite in BOTH {
        for server_first in [true, false] {
            let (server, client) = World::of(suite).ours(pair()).await;
            let (mut speaker, mut listener) = if server_first { (server, client) } else { (client, server) };
            // The listener has never written: what its handshake left goes out while it waits.
            let mut heard = [0; 5];
            let speaks = async {
                speaker.write_all(b"hello").await.unwrap();
                speaker.flush().await.unwrap();
            };
            let (_, read) = tokio::join!(speaks, listener.read_exact(&mut heard));
            assert_eq!((read.unwrap(), &heard), (5, b"hello"));
        }
    }
}

fn poll_write(stream: &mut Secured<DuplexStream>, data: &[u8]) -> Poll<io::Result<usize>> {
    let cx = &mut Context::from_waker(Waker::noop());
    Pin::new(stream).poll_write_vectored(cx, &[IoSlice::new(data)])
}

#[tokio::test]
async fn a_stalled_socket_holds_the_writer() {
    for (suite, capacity) in BOTH.iter().flat_map(|suite| [1, 2, 3, 100, 16_406].map(|capacity| (*suite, capacity))) {
        let (mut server, mut client) = World::of(suite).ours(pair_of(capacity)).await;
        let data = pattern(100_000);
        let Poll::Ready(Ok(first)) = poll_write(&mut server, &data) else { panic!("the first write is taken") };
        assert_eq!(first, 65_536);
        let kept = server.state.unsent.left().len();
        assert!(poll_write(&mut server, &data[first..]).is_pending());
        assert_eq!(server.state.unsent.left().len(), kept, "nothing more is sealed");
        let mut seen = vec![0; data.len()];
        let rest = async {
            server.write_all(&data[first..]).await.unwrap();
            server.flush().await.unwrap();
        };
        let (_, read) = tokio::join!(rest, client.read_exact(&mut seen));
        read.unwrap();
        assert!(seen == data);
        assert!(server.state.unsent.is_empty() && server.state.received.capacity() == 0);
    }
}

#[tokio::test]
async fn readers_with_little_room_get_everything() {
    for suite in BOTH {
        for room in [1, 7, 4096, 16_384, 16_385, 100_000] {
            let (mut server, mut client) = World::of(suite).ours(pair()).await;
            let data = pattern(if room < 100 { 20_000 } else { 150_000 });
            let writes = async {
                server.write_all(&data).await.unwrap();
                server.shutdown().await.unwrap();
            };
            let reads = async {
                let mut seen = Vec::new();
                let mut place = vec![0; room];
                loop {
                    match client.read(&mut place).await.unwrap() {
                        0 => return seen,
                        count => seen.extend_from_slice(&place[..count]),
                    }
                }
            };
            let (_, seen) = tokio::join!(writes, reads);
            assert!(seen == data, "{room}");
            let state = &client.state;
            assert!(state.unread.is_empty() && state.received.capacity() == 0);
        }
    }
}

#[tokio::test]
async fn a_flush_with_nothing_to_send_leaves_the_socket_alone() {
    let (near, far) = pair();
    let (mut server, mut client) =
        World::of(TLS13_AES_128_GCM_SHA256).ours((Counted::new(near), Counted::new(far))).await;
    client.write_all(b"hello").await.unwrap();
    server.read_exact(&mut [0; 5]).await.unwrap();
    server.write_all(b"hello").await.unwrap();
    let written = server.socket().writes;
    server.flush().await.unwrap();
    server.flush().await.unwrap();
    assert_eq!(server.socket().writes, written);
    assert_eq!(server.write_vectored(&[IoSlice::new(b"one "), IoSlice::new(b"write")]).await.unwrap(), 9);
    assert_eq!(server.socket().writes, written + 1);
}

/// Counts writes.
struct Counted {
    stream: DuplexStream,
    writes: usize,
}

impl Counted {
    fn new(stream: DuplexStream) -> Self {
        Self { stream, writes: 0 }
    }
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.writes += 1;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
