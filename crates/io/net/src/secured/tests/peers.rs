//! rustls' own streams at the other end: each suite, key updates, resumption.

use std::sync::Arc;

use gatepost_model::secret::Secret;
use rustls::crypto::aws_lc_rs::{self, cipher_suite, kx_group};
use rustls::{HandshakeKind, SupportedCipherSuite};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::super::handshake::{accept, connect};
use super::world::{World, pattern};
use gatepost_testkit::wire::{pair, pair_of};
use gatepost_tls::end_point::server_end_point;
use gatepost_tls::handshake::Facts;
use gatepost_tls::version::TlsVersion;

const SUITES: [SupportedCipherSuite; 6] = [
    cipher_suite::TLS13_AES_128_GCM_SHA256,
    cipher_suite::TLS13_AES_256_GCM_SHA384,
    cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
];

/// Sends `data` each way at once, closes each way, and sees that it came.
async fn exchange<A, B>(one: &mut A, other: &mut B, data: &[u8])
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let (mut read_one, mut write_one) = tokio::io::split(one);
    let (mut read_other, mut write_other) = tokio::io::split(other);
    let (mut at_one, mut at_other) = (Vec::new(), Vec::new());
    let sends = async {
        write_one.write_all(data).await.unwrap();
        write_one.shutdown().await.unwrap();
    };
    let answers = async {
        write_other.write_all(data).await.unwrap();
        write_other.shutdown().await.unwrap();
    };
    let (_, _, one, other) =
        tokio::join!(sends, answers, read_one.read_to_end(&mut at_one), read_other.read_to_end(&mut at_other));
    assert_eq!((one.unwrap(), other.unwrap()), (data.len(), data.len()));
    assert!(at_one == data && at_other == data);
}

#[tokio::test]
async fn every_suite_speaks_with_rustls_at_either_end() {
    for (suite, capacity, length) in SUITES.iter().flat_map(|suite| {
        [(1, 700), (1000, 40_000), (65_536, 300_000)].map(|(capacity, length)| (*suite, capacity, length))
    }) {
        let world = World::of(suite);
        let data = pattern(length);
        let name = || "localhost".try_into().unwrap();

        let (near, far) = pair_of(capacity);
        let (server, connector) = (world.server(), TlsConnector::from(world.rustls_client()));
        let (ours, theirs) = tokio::join!(accept(&server, near), connector.connect(name(), far));
        let (mut ours, facts) = ours.unwrap();
        let mut theirs = theirs.unwrap();
        let expected = Facts {
            version: TlsVersion::negotiated(theirs.get_ref().1.protocol_version().unwrap()).unwrap(),
            suite: facts.suite,
            group: theirs.get_ref().1.negotiated_key_exchange_group().and_then(|group| group.name().as_str()),
            alpn: Some(b"http/1.1".to_vec()),
            server_name: Some("localhost".to_owned()),
            resumed: false,
            judgement: None,
            client: None,
            manner: Some(Arc::default()),
            binder: Arc::clone(&facts.binder),
        };
        assert_eq!(facts, expected);
        let exported = theirs.get_ref().1.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b""));
        let exported = exported.ok().filter(|_| facts.version == TlsVersion::V1_3);
        let bindings = facts.binder.bindings();
        assert_eq!(bindings.exporter, exported.map(|octets| Secret::new(octets.to_vec())));
        let shown = theirs.get_ref().1.peer_certificates().unwrap_or_default();
        assert_eq!(bindings.end_point, server_end_point(&shown[0]));
        exchange(&mut ours, &mut theirs, &data).await;

        // rustls' accept ends when its tickets have gone, and here nobody reads until then.
        let (near, far) = pair_of(capacity.max(1000));
        let world = World::of(suite);
        let (client, acceptor) = (world.client(), TlsAcceptor::from(world.rustls_server()));
        let (ours, theirs) = tokio::join!(connect(&client, name(), near), acceptor.accept(far));
        let (mut ours, facts) = ours.unwrap();
        assert_eq!(facts, Facts { server_name: None, manner: None, binder: Arc::clone(&facts.binder), ..expected });
        exchange(&mut ours, &mut theirs.unwrap(), &data).await;

        let (mut server, mut client) = world.ours(pair_of(capacity)).await;
        exchange(&mut server, &mut client, &data).await;
    }
}

#[tokio::test]
async fn both_key_exchanges_are_understood() {
    for (groups, expected) in [
        (vec![kx_group::X25519MLKEM768], rustls::NamedGroup::X25519MLKEM768),
        (vec![kx_group::X25519], rustls::NamedGroup::X25519),
        // A share for a group that the server does not take makes it ask again (RFC 8446 §4.1.4).
        (vec![kx_group::SECP384R1, kx_group::X25519], rustls::NamedGroup::secp384r1),
    ] {
        let world = World::new(rustls::crypto::CryptoProvider { kx_groups: groups, ..aws_lc_rs::default_provider() });
        let (near, far) = pair();
        let (server, connector) = (world.server(), TlsConnector::from(world.rustls_client()));
        let (ours, theirs) =
            tokio::join!(accept(&server, near), connector.connect("localhost".try_into().unwrap(), far));
        let mut theirs = theirs.unwrap();
        assert_eq!(theirs.get_ref().1.negotiated_key_exchange_group().map(|group| group.name()), Some(expected));
        exchange(&mut ours.unwrap().0, &mut theirs, b"hello").await;
    }
}

/// Writes and flushes `data` at one end and reads it at the other.
async fn carry(from: &mut (impl AsyncWrite + Unpin), to: &mut (impl AsyncRead + Unpin), data: &[u8]) {
    let mut read = vec![0; data.len()];
    let send = async {
        from.write_all(data).await.unwrap();
        from.flush().await.unwrap();
    };
    let (_, received) = tokio::join!(send, to.read_exact(&mut read));
    received.unwrap();
    assert!(read == data);
}

#[tokio::test]
async fn keys_are_updated_from_either_side() {
    for suite in &SUITES[..3] {
        let world = World::of(*suite);
        let (near, far) = pair();
        let (server, connector) = (world.server(), TlsConnector::from(world.rustls_client()));
        let (ours, theirs) =
            tokio::join!(accept(&server, near), connector.connect("localhost".try_into().unwrap(), far));
        let (mut ours, mut theirs) = (ours.unwrap().0, theirs.unwrap());
        for round in 1..20_usize {
            // It asks for ours too, which come before our next data (RFC 8446 §4.6.3).
            theirs.get_mut().1.refresh_traffic_keys().unwrap();
            carry(&mut theirs, &mut ours, &pattern(round * 1000)).await;
            carry(&mut ours, &mut theirs, &pattern(round * 3000)).await;
        }
        let (near, far) = pair();
        let (client, acceptor) = (world.client(), TlsAcceptor::from(world.rustls_server()));
        let name = "localhost".try_into().unwrap();
        let (ours, theirs) = tokio::join!(connect(&client, name, near), acceptor.accept(far));
        let (mut ours, mut theirs) = (ours.unwrap().0, theirs.unwrap());
        for round in 1..20_usize {
            theirs.get_mut().1.refresh_traffic_keys().unwrap();
            carry(&mut theirs, &mut ours, &pattern(round * 1000)).await;
            carry(&mut ours, &mut theirs, &pattern(round * 3000)).await;
        }
    }
}

#[tokio::test]
async fn sessions_resume_at_either_end() {
    for suite in SUITES {
        let name = || "localhost".try_into().unwrap();
        let world = World::of(suite);
        let (client, acceptor) = (world.client(), TlsAcceptor::from(world.rustls_server()));
        for resumed in [false, true, true] {
            let (near, far) = pair();
            let (ours, theirs) = tokio::join!(connect(&client, name(), near), acceptor.accept(far));
            let ((mut ours, facts), mut theirs) = (ours.unwrap(), theirs.unwrap());
            assert_eq!(facts.resumed, resumed, "{suite:?}");
            exchange(&mut ours, &mut theirs, b"hello").await;
        }
        let world = World::of(suite);
        let (server, connector) = (world.server(), TlsConnector::from(world.rustls_client()));
        for (resumed, kind) in
            [(false, HandshakeKind::Full), (true, HandshakeKind::Resumed), (true, HandshakeKind::Resumed)]
        {
            let (near, far) = pair();
            let (ours, theirs) = tokio::join!(accept(&server, near), connector.connect(name(), far));
            let ((mut ours, facts), mut theirs) = (ours.unwrap(), theirs.unwrap());
            assert_eq!((facts.resumed, theirs.get_ref().1.handshake_kind()), (resumed, Some(kind)), "{suite:?}");
            exchange(&mut ours, &mut theirs, b"hello").await;
            // Who comes anew gets two tickets, who used one up gets one; in TLS 1.2 there are none of this kind.
            let tickets = if facts.version == TlsVersion::V1_2 { 0 } else { 2 - u32::from(resumed) };
            assert_eq!(theirs.get_ref().1.tls13_tickets_received(), tickets, "{suite:?}");
        }
    }
}
