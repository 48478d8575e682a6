//! What both ends of a connection can be told by (RFC 5929, RFC 9266), held against what rustls exports itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gatepost_model::channel::ChannelBindings;
use gatepost_model::time::Timestamp;
use gatepost_tls::bindings::{BindingTable, Bindings};
use gatepost_tls::client::{ClientRules, client_config, client_settings};
use gatepost_tls::end_point::server_end_point;
use gatepost_tls::handshake::{Established, Facts, Handshake, Protection};
use gatepost_tls::issue::{Authority, Issued};
use gatepost_tls::record::traffic::Traffic;
use gatepost_tls::server::{ServerRules, ServerTls};
use gatepost_tls::server_certificate::ServerCertificate;
use gatepost_tls::settings::ClientSettings;
use gatepost_tls::version::TlsVersion;
use rustls::ClientConnection;

const DAY: Duration = Duration::from_secs(86_400);

struct World {
    authority: Authority,
    issued: Issued,
    server: ServerTls,
}

fn start() -> Timestamp {
    Timestamp::parse_rfc3339("2020-01-01T00:00:00Z").unwrap()
}

fn local() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 443))
}

fn table(issued: &Issued) -> BindingTable {
    let certificate = ServerCertificate::new(issued.chain.clone(), &issued.key).unwrap();
    BindingTable::new([("a.test:443".parse().unwrap(), Arc::new(certificate))])
}

impl World {
    fn new() -> Self {
        let authority = Authority::create("Authority", start(), 36_500 * DAY).unwrap();
        let issued = authority.issue_server(&["a.test".to_owned()], start(), 30_000 * DAY).unwrap();
        let server = ServerTls::new(&ServerRules::default(), Arc::new(Bindings::new(table(&issued)))).unwrap();
        Self { authority, issued, server }
    }

    fn rules(&self, max: TlsVersion) -> ClientRules {
        ClientRules { roots: vec![self.authority.certificate_der().to_vec()], max, ..ClientRules::default() }
    }

    /// Ours at both ends; what either knows.
    fn greet(&self, client: &ClientSettings) -> (Facts, Facts) {
        let mut server = Handshake::server(&self.server.settings_for(local()), &[]).unwrap();
        let mut client = Handshake::client(client, "a.test".try_into().unwrap()).unwrap();
        while !client.is_over() {
            server.receive(&client.take_output()).unwrap();
            client.receive(&server.take_output()).unwrap();
        }
        server.receive(&client.take_output()).unwrap();
        client.receive(&server.take_output()).unwrap();
        (server.finish().unwrap().facts, with_tickets(client.finish().unwrap()))
    }
}

/// What a client knows, once it has read the tickets that came behind the handshake.
fn with_tickets(established: Established) -> Facts {
    let Established { facts, protection, mut received, .. } = established;
    if let Protection::Traffic(mut traffic) = protection {
        let mut rest = received.as_mut_slice();
        while let Ok(Some(length)) = Traffic::measure(rest) {
            let (record, behind) = rest.split_at_mut(length);
            traffic.open_in_place(record).unwrap();
            rest = behind;
        }
    }
    facts
}

#[test]
fn both_ends_agree_and_each_connection_is_another() {
    let world = World::new();
    let end_point = server_end_point(&world.issued.chain[0]);
    assert!(end_point.is_some());
    for (max, exports) in [(TlsVersion::V1_3, true), (TlsVersion::V1_2, false)] {
        let client = client_settings(&world.rules(max)).unwrap();
        let mut seen: Vec<ChannelBindings> = Vec::new();
        for resumed in [false, true] {
            let (server, client) = world.greet(&client);
            assert_eq!((server.resumed, client.resumed), (resumed, resumed), "{max:?}");
            let bindings = server.binder.bindings();
            assert_eq!(bindings, client.binder.bindings(), "{max:?}");
            assert_eq!((bindings.exporter.is_some(), &bindings.end_point), (exports, &end_point));
            assert!(!exports || !seen.contains(bindings));
            seen.push(bindings.clone());
        }
    }
}

#[test]
fn rustls_exports_the_same() {
    let world = World::new();
    let mut server = Handshake::server(&world.server.settings_for(local()), &[]).unwrap();
    let config = Arc::new(client_config(&world.rules(TlsVersion::V1_3)).unwrap());
    let mut client = ClientConnection::new(config, "a.test".try_into().unwrap()).unwrap();
    while client.wants_write() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        server.receive(&wire).unwrap();
        let answer = server.take_output();
        let mut rest = answer.as_slice();
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets().unwrap();
        }
    }
    let exported = client.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b"")).unwrap();
    let facts = server.finish().unwrap().facts;
    assert!(facts.binder.bindings().exporter.as_ref().is_some_and(|ours| ours.matches(&exported)));
    assert_eq!(format!("{:?}", facts.binder.bindings().exporter), "Some(****)");
}

#[test]
fn after_a_swap_a_resumed_session_binds_to_nothing_that_both_know() {
    let world = World::new();
    let client = client_settings(&world.rules(TlsVersion::V1_3)).unwrap();
    world.greet(&client);
    let next = world.authority.issue_server(&["a.test".to_owned()], start(), 30_000 * DAY).unwrap();
    world.server.bindings().replace(table(&next));
    let (server, client) = world.greet(&client);
    assert!(server.resumed && client.resumed);
    let (server, client) = (server.binder.bindings(), client.binder.bindings());
    assert_eq!(server.end_point, server_end_point(&next.chain[0]));
    assert_eq!(client.end_point, server_end_point(&world.issued.chain[0]));
    assert_eq!(server.exporter, client.exporter);
}
