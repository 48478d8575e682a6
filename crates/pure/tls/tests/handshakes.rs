//! Whole handshakes in memory: what a client concludes about a server's certificate, and what the server shows.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gatepost_model::fault::Fault;
use gatepost_model::time::Timestamp;
use gatepost_tls::bindings::{BindingTable, Bindings};
use gatepost_tls::certificate::Certificate;
use gatepost_tls::client::{ClientRules, client_config, client_settings, explain};
use gatepost_tls::error::TlsError;
use gatepost_tls::handshake::{Facts, Handshake};
use gatepost_tls::issue::Authority;
use gatepost_tls::server::{ServerRules, ServerTls};
use gatepost_tls::server_certificate::ServerCertificate;
use gatepost_tls::settings::ClientSettings;
use gatepost_tls::verify::flaw::{Flaw, Flaws};
use gatepost_tls::verify::pin::{Digest, Pin, Pins, Place};
use gatepost_tls::version::TlsVersion;
use rustls::{CipherSuite, ClientConnection, HandshakeKind, ServerConnection};

const DAY: Duration = Duration::from_secs(86_400);

/// Certificates begin here; rustls compares them with the clock of the machine.
fn start() -> Timestamp {
    Timestamp::parse_rfc3339("2020-01-01T00:00:00Z").unwrap()
}

fn local() -> SocketAddr {
    "127.0.0.1:8443".parse().unwrap()
}

fn authority() -> Authority {
    Authority::create("Handshake authority", start(), 36_500 * DAY).unwrap()
}

fn server(authority: &Authority, key: &str, names: &[&str], from: Timestamp, span: Duration) -> ServerTls {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let issued = authority.issue_server(&names, from, span).unwrap();
    let certificate = ServerCertificate::new(issued.chain, &issued.key).unwrap();
    let table = BindingTable::new([(key.parse().unwrap(), Arc::new(certificate))]);
    ServerTls::new(&ServerRules::default(), Arc::new(Bindings::new(table))).unwrap()
}

fn rules(authority: &Authority) -> ClientRules {
    ClientRules { roots: vec![authority.certificate_der().to_vec()], ..ClientRules::default() }
}

/// Carries records between the two until they are done or one gives up; the client's verdict.
fn shake(client: &mut ClientConnection, server: &mut ServerConnection) -> Result<(), TlsError> {
    for _ in 0..10 {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        let mut read = wire.as_slice();
        while !read.is_empty() {
            server.read_tls(&mut read).unwrap();
            // Its alert goes to the client, whose error is the one that counts.
            let _ = server.process_new_packets();
        }
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        let mut read = wire.as_slice();
        while !read.is_empty() {
            client.read_tls(&mut read).unwrap();
            client.process_new_packets().map_err(|error| explain(&error))?;
        }
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    Ok(())
}

/// A handshake of ours at both ends; what the client knows after it.
fn greet(client: &ClientSettings, server: &ServerTls, name: &str) -> Result<Facts, TlsError> {
    let mut server = Handshake::server(&server.settings_for(local()), &[]).unwrap();
    let mut client = Handshake::client(client, name.to_owned().try_into().unwrap()).unwrap();
    while !client.is_over() {
        // Its alert goes to the client, whose error is the one that counts.
        let _ = server.receive(&client.take_output());
        client.receive(&server.take_output()).map_err(|error| explain(&error))?;
    }
    // The server's tickets come behind its last word.
    let _ = server.receive(&client.take_output());
    client.receive(&server.take_output()).map_err(|error| explain(&error))?;
    client.finish().map(|established| established.facts).map_err(|error| explain(&error))
}

/// The flaws that a client finds, and whether it goes on.
fn meet(rules: &ClientRules, server: &ServerTls, name: &str) -> Result<Flaws, TlsError> {
    let facts = greet(&client_settings(rules).unwrap(), server, name)?;
    Ok(facts.judgement.unwrap().flaws())
}

fn flaws(error: &TlsError) -> Vec<Flaw> {
    let TlsError::Certificate(judgement) = error else { panic!("{error}") };
    judgement.flaws().iter().collect()
}

#[test]
fn verdicts_are_named() {
    let authority = authority();
    let late = Timestamp::parse_rfc3339("2090-01-01T00:00:00Z").unwrap();
    let names = ["localhost", "*.example.com"];
    let table = [
        ("localhost", start(), 30_000 * DAY, "good"),
        ("localhost", start(), DAY, "the certificate expired at 2020-01-02T00:00:00Z"),
        ("localhost", late, DAY, "the certificate is not valid yet, only from 2089-12-31T23:55:00Z"),
        (
            "127.0.0.1",
            start(),
            30_000 * DAY,
            "the certificate is not valid for 127.0.0.1; it is valid for localhost, *.example.com",
        ),
        ("other.example", start(), 30_000 * DAY, "the other end refused the handshake: AccessDenied"),
        ("a.example.com", start(), 30_000 * DAY, "good"),
    ];
    for (name, from, span, verdict) in table {
        let server = server(&authority, "0.0.0.0:0", &names, from, span);
        let heard = meet(&rules(&authority), &server, name).map_or_else(|error| error.to_string(), |_| "good".into());
        assert_eq!(heard, verdict, "{name} {from}");
    }
    let other = Authority::create("Other authority", start(), DAY).unwrap();
    let server = server(&authority, "localhost:0", &["localhost"], start(), 30_000 * DAY);
    assert_eq!(flaws(&meet(&rules(&other), &server, "localhost").unwrap_err()), [Flaw::Untrusted]);
    assert_eq!(flaws(&meet(&ClientRules::default(), &server, "localhost").unwrap_err()), [Flaw::Untrusted]);
}

#[test]
fn what_is_ignored_is_ignored_by_name_and_known() {
    let authority = authority();
    let server = server(&authority, "0.0.0.0:0", &["localhost"], start(), DAY);
    let both: Flaws = [Flaw::Untrusted, Flaw::Expired].into_iter().collect();
    let table = [(Flaws::NONE, false), (Flaw::Expired.into(), false), (Flaw::Untrusted.into(), false), (both, true)];
    for (ignored, passes) in table {
        let met = meet(&ClientRules { ignored, ..ClientRules::default() }, &server, "localhost");
        assert_eq!(met.is_ok(), passes, "{ignored}");
        assert_eq!(met.unwrap_or_else(|error| flaws(&error).into_iter().collect()), both);
    }
}

#[test]
fn pins_hold_for_new_and_for_resumed_sessions() {
    let authority = authority();
    let server = server(&authority, "0.0.0.0:0", &["localhost"], start(), 30_000 * DAY);
    let root = Certificate::parse(authority.certificate_der()).unwrap();
    let pin = |spki| Pin { place: Place::Root, digest: Digest::Spki(spki), until: None };
    // TLS 1.2 resumes by what the handshake itself brings.
    let max = TlsVersion::V1_2;
    let with = |any_of, report_only| ClientRules { pins: Pins { any_of, report_only }, max, ..rules(&authority) };
    let error = meet(&with(vec![pin([0; 32])], false), &server, "localhost").unwrap_err();
    assert_eq!((flaws(&error), error.code()), (vec![Flaw::Pin], "GP-TLS-014"));
    let reporting = client_settings(&with(vec![pin([0; 32])], true)).unwrap();
    assert!(greet(&reporting, &server, "localhost").unwrap().judgement.unwrap().pins_missed);
    let good = client_settings(&with(vec![pin([0; 32]), pin(root.spki)], false)).unwrap();
    for resumed in [false, true] {
        let facts = greet(&good, &server, "localhost").unwrap();
        let judgement = facts.judgement.unwrap();
        assert_eq!((facts.resumed, judgement.pins_missed, judgement.flaws()), (resumed, false, Flaws::NONE));
        assert_eq!(judgement.path.last().unwrap(), authority.certificate_der());
    }
    // The sessions of the one are the other's too, but not its pins.
    let other = good.judged_like(&client_settings(&with(vec![pin([0; 32])], false)).unwrap());
    assert_eq!(flaws(&greet(&other, &server, "localhost").unwrap_err()), [Flaw::Pin]);
}

#[test]
fn no_common_protocol_is_refused() {
    let authority = authority();
    let server = server(&authority, "localhost:0", &["localhost"], start(), 30_000 * DAY);
    let ftp = ClientRules { alpn: vec![b"ftp".to_vec()], ..rules(&authority) };
    let refused = Err(TlsError::Refused { alert: "NoApplicationProtocol".into() });
    assert_eq!(meet(&ftp, &server, "localhost"), refused);
}

#[test]
fn aes_128_comes_first_and_sessions_resume() {
    let authority = authority();
    let server = server(&authority, "localhost:0", &["localhost"], start(), 30_000 * DAY);
    let table = [
        (TlsVersion::V1_3, CipherSuite::TLS13_AES_128_GCM_SHA256),
        (TlsVersion::V1_2, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ];
    for (version, suite) in table {
        let rules = ClientRules { min: version, max: version, ..rules(&authority) };
        let config = Arc::new(client_config(&rules).unwrap());
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let name = "localhost".try_into().unwrap();
            let mut client = ClientConnection::new(Arc::clone(&config), name).unwrap();
            let mut server = ServerConnection::new(server.config_for(local())).unwrap();
            shake(&mut client, &mut server).unwrap();
            let negotiated = client.negotiated_cipher_suite().unwrap().suite();
            let seen = client.handshake_kind();
            // A first handshake may need another round for the key share.
            let full = matches!(seen, Some(HandshakeKind::Full | HandshakeKind::FullWithHelloRetryRequest));
            assert_eq!((negotiated, full), (suite, kind == HandshakeKind::Full), "{seen:?}");
        }
    }
}

#[test]
fn a_session_does_not_outlive_its_binding() {
    let authority = authority();
    let server = server(&authority, "localhost:0", &["localhost"], start(), 30_000 * DAY);
    let config = Arc::new(client_config(&rules(&authority)).unwrap());
    let attempt = || {
        let mut client = ClientConnection::new(Arc::clone(&config), "localhost".try_into().unwrap()).unwrap();
        shake(&mut client, &mut ServerConnection::new(server.config_for(local())).unwrap())
    };
    assert_eq!(attempt(), Ok(()));
    server.bindings().replace(BindingTable::default());
    assert_eq!(attempt(), Err(TlsError::Refused { alert: "AccessDenied".into() }));
}

#[test]
fn rules_that_leave_no_version_are_refused() {
    let detail = "no version from TLSv1.3 to TLSv1.2".to_owned();
    let (min, max) = (TlsVersion::V1_3, TlsVersion::V1_2);
    let server = ServerTls::new(&ServerRules { min, max, ..ServerRules::default() }, Arc::default());
    assert_eq!(server.map(|_| ()), Err(TlsError::Setting { detail: detail.clone() }));
    let client = client_config(&ClientRules { min, max, ..ClientRules::default() });
    assert_eq!(client.map(|_| ()), Err(TlsError::Setting { detail }));
    let rootless = client_config(&ClientRules { roots: vec![b"junk".to_vec()], ..ClientRules::default() });
    assert!(matches!(rootless, Err(TlsError::Malformed { what: "root certificate", .. })));
}

#[test]
fn the_server_knows_why_it_refused() {
    let authority = authority();
    let tls = server(&authority, "localhost:0", &["localhost"], start(), 30_000 * DAY);
    let config = Arc::new(client_config(&rules(&authority)).unwrap());
    let mut client = ClientConnection::new(config, "other.example".try_into().unwrap()).unwrap();
    let mut server = ServerConnection::new(tls.config_for(local())).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    server.read_tls(&mut hello.as_slice()).unwrap();
    assert_eq!(server.process_new_packets().map_err(|error| explain(&error)).map(|_| ()), Err(TlsError::NotBound));
}

#[test]
fn a_machine_has_more_addresses_than_are_kept() {
    let authority = authority();
    let tls = server(&authority, "localhost:0", &["localhost"], start(), 30_000 * DAY);
    let config = |last: u8| tls.config_for(SocketAddr::from(([127, 0, 0, last], 443)));
    assert!(Arc::ptr_eq(&config(1), &config(1)));
    let first = config(1);
    for last in 2..=200 {
        config(last);
    }
    assert!(!Arc::ptr_eq(&first, &config(1)));
}

#[test]
fn what_was_agreed_on_has_the_names_of_the_registries() {
    let authority = authority();
    let server = server(&authority, "a.test:0", &["a.test"], start(), 36_000 * DAY);
    let said = |rules| {
        let facts = greet(&client_settings(&rules).unwrap(), &server, "a.test").unwrap();
        assert!(facts.group.unwrap().starts_with("X25519"), "{facts:?}");
        facts.suite
    };
    assert_eq!(said(rules(&authority)), "TLS_AES_128_GCM_SHA256");
    let old = ClientRules { max: TlsVersion::V1_2, ..rules(&authority) };
    assert_eq!(said(old), "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
}
