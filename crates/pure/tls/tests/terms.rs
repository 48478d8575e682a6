//! Whole handshakes in memory, against bindings with terms of their own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gatepost_model::terms::{ClientCertificate, Terms, TlsBound};
use gatepost_model::time::Timestamp;
use gatepost_tls::bindings::{BindingTable, Bindings};
use gatepost_tls::bound::{Answer, Bound};
use gatepost_tls::client::{ClientRules, client_config, explain};
use gatepost_tls::error::TlsError;
use gatepost_tls::handshake::{Facts, Handshake};
use gatepost_tls::issue::{Authority, Issued};
use gatepost_tls::server::{ServerRules, ServerTls};
use gatepost_tls::server_certificate::ServerCertificate;
use gatepost_tls::version::TlsVersion;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ClientConnection, HandshakeKind};

const DAY: Duration = Duration::from_secs(86_400);

fn start() -> Timestamp {
    Timestamp::parse_rfc3339("2020-01-01T00:00:00Z").unwrap()
}

struct World {
    authority: Authority,
    bindings: Arc<Bindings>,
    server: ServerTls,
}

impl World {
    /// A server with these bindings; each has a certificate for its own name, or rejects where there are no terms.
    fn new(rows: &[(&str, Option<Terms>)]) -> Self {
        let authority = Authority::create("Authority", start(), 36_500 * DAY).unwrap();
        let bindings = Arc::new(Bindings::new(table(&authority, rows)));
        let server = ServerTls::new(&ServerRules::default(), Arc::clone(&bindings)).unwrap();
        Self { authority, bindings, server }
    }

    fn client(&self, max: TlsVersion, certificate: Option<&Issued>) -> Arc<ClientConfig> {
        let roots = vec![self.authority.certificate_der().to_vec()];
        let alpn = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut config = client_config(&ClientRules { roots, max, alpn, ..ClientRules::default() }).unwrap();
        if let Some(issued) = certificate {
            let key = any_supported_type(&PrivateKeyDer::try_from(issued.key.reveal()).unwrap()).unwrap();
            let chain = issued.chain.iter().cloned().map(CertificateDer::from).collect();
            config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain, key)));
        }
        Arc::new(config)
    }

    /// Carries `piece` octets at once to the server, until the client has its tickets. Gives what the client knows,
    /// or what went wrong at either end.
    fn greet(&self, client: &Arc<ClientConfig>, name: &str, piece: usize) -> Result<Seen, Wrong> {
        let local = SocketAddr::from(([127, 0, 0, 1], 443));
        let mut server = Handshake::server(&self.server.settings_for(local), &[]).unwrap();
        let mut client = ClientConnection::new(Arc::clone(client), name.to_owned().try_into().unwrap()).unwrap();
        let mut wrong = Wrong { client: None, server: None };
        while client.wants_write() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            for piece in wire.chunks(piece) {
                let received = server.receive(piece);
                wrong.server = wrong.server.or(received.map_err(|error| explain(&error)).err());
            }
            let answer = server.take_output();
            let mut rest = answer.as_slice();
            while !rest.is_empty() && wrong.client.is_none() {
                client.read_tls(&mut rest).unwrap();
                wrong.client = client.process_new_packets().map_err(|error| explain(&error)).err();
            }
        }
        if wrong.client.is_some() || wrong.server.is_some() {
            return Err(wrong);
        }
        Ok(Seen {
            version: client.protocol_version().and_then(TlsVersion::negotiated).unwrap(),
            alpn: String::from_utf8(client.alpn_protocol().unwrap().to_vec()).unwrap(),
            resumed: client.handshake_kind() == Some(HandshakeKind::Resumed),
            server: server.finish().unwrap().facts,
        })
    }
}

fn chain(facts: &Facts) -> Vec<Vec<u8>> {
    facts.client.as_ref().map(|client| client.certificates().to_vec()).unwrap_or_default()
}

#[derive(Debug)]
struct Seen {
    version: TlsVersion,
    alpn: String,
    resumed: bool,
    /// What the server knows.
    server: Facts,
}

#[derive(Debug)]
struct Wrong {
    client: Option<TlsError>,
    server: Option<TlsError>,
}

fn table(authority: &Authority, rows: &[(&str, Option<Terms>)]) -> BindingTable {
    BindingTable::of(rows.iter().map(|(key, terms)| {
        let name = key.split_once(':').unwrap().0.to_owned();
        let answer = match terms {
            None => Answer::Reject,
            Some(_) => {
                let issued = authority.issue_server(&[name], start(), 30_000 * DAY).unwrap();
                Answer::Certificate(Arc::new(ServerCertificate::new(issued.chain, &issued.key).unwrap()))
            }
        };
        (key.parse().unwrap(), Bound::new(answer, &terms.clone().unwrap_or_default()))
    }))
}

fn world() -> World {
    let terms = |change: fn(&mut Terms)| {
        let mut terms = Terms::default();
        change(&mut terms);
        Some(terms)
    };
    World::new(&[
        ("plain.test:443", terms(|_| {})),
        ("new.test:443", terms(|terms| terms.min_tls = Some(TlsBound::V1_3))),
        ("old.test:443", terms(|terms| terms.max_tls = Some(TlsBound::V1_2))),
        ("one.test:443", terms(|terms| terms.http2 = Some(false))),
        ("fresh.test:443", terms(|terms| terms.tickets = Some(false))),
        ("keyless.test:443", terms(|terms| terms.client_certificate = ClientCertificate::Require)),
        ("gone.test:443", None),
    ])
}

#[test]
fn each_binding_keeps_its_terms() {
    let world = world();
    let (new, old) = (TlsVersion::V1_3, TlsVersion::V1_2);
    let table = [
        ("plain.test", new, Ok((new, "h2"))),
        ("plain.test", old, Ok((old, "h2"))),
        ("new.test", new, Ok((new, "h2"))),
        ("new.test", old, Err("ProtocolVersion")),
        ("old.test", new, Ok((old, "h2"))),
        ("one.test", new, Ok((new, "http/1.1"))),
        ("gone.test", new, Err("AccessDenied")),
        ("other.test", new, Err("AccessDenied")),
    ];
    for (name, max, outcome) in table {
        // Whole, and octet by octet: the name is heard before anything is answered.
        for piece in [usize::MAX, 1] {
            let seen = world.greet(&world.client(max, None), name, piece);
            let seen = seen.map(|seen| (seen.version, seen.alpn)).map_err(|wrong| wrong.client);
            let outcome = outcome.map(|(version, alpn)| (version, alpn.to_owned()));
            let outcome = outcome.map_err(|alert: &str| Some(TlsError::Refused { alert: alert.into() }));
            assert_eq!(seen, outcome, "{name} {max:?}");
        }
    }
}

#[test]
fn the_server_knows_that_it_rejected() {
    let world = world();
    let greet = |name| world.greet(&world.client(TlsVersion::V1_3, None), name, usize::MAX);
    assert_eq!(greet("gone.test").unwrap_err().server, Some(TlsError::Rejected));
    assert_eq!(greet("other.test").unwrap_err().server, Some(TlsError::NotBound));
    // Terms that nobody can keep are not passed over: no authority is named for the clients' certificates.
    assert!(greet("keyless.test").is_err());
}

#[test]
fn tickets_are_given_only_where_they_may_be() {
    let world = world();
    for (name, resumed) in [("plain.test", true), ("one.test", true), ("fresh.test", false)] {
        for max in [TlsVersion::V1_2, TlsVersion::V1_3] {
            let client = world.client(max, None);
            assert!(!world.greet(&client, name, usize::MAX).unwrap().resumed);
            assert_eq!(world.greet(&client, name, usize::MAX).unwrap().resumed, resumed, "{name} {max:?}");
        }
    }
}

#[test]
fn a_session_is_not_taken_up_under_other_terms() {
    let plain = [("a.test:443", Some(Terms::default()))];
    let world = World::new(&plain);
    let client = world.client(TlsVersion::V1_3, None);
    assert!(!world.greet(&client, "a.test", usize::MAX).unwrap().resumed);
    assert!(world.greet(&client, "a.test", usize::MAX).unwrap().resumed);
    let strict = Terms { http2: Some(false), ..Terms::default() };
    world.bindings.replace(table(&world.authority, &[("a.test:443", Some(strict))]));
    assert!(!world.greet(&client, "a.test", usize::MAX).unwrap().resumed);
}

#[test]
fn a_connection_keeps_the_manner_that_it_was_made_in() {
    let plain = Some(Terms::default());
    let world = World::new(&[("www.test:443", plain.clone()), ("secure.test:443", None)]);
    let strict = Some(Terms {
        client_certificate: ClientCertificate::Require,
        client_authorities: vec![world.authority.certificate_der().to_vec()],
        ..Terms::default()
    });
    let one = [("www.test:443", plain), ("secure.test:443", strict.clone())];
    let both = [("www.test:443", strict.clone()), ("secure.test:443", strict)];
    let names = ["ali".to_owned()];
    let own = world.authority.issue_client(&names, start(), 30_000 * DAY).unwrap();
    let local = SocketAddr::from(([127, 0, 0, 1], 443));
    let admitted = |world: &World, seen: &Seen| {
        ["www.test", "secure.test"].map(|host| world.bindings.admits(local, seen.server.manner.as_deref(), host))
    };
    world.bindings.replace(table(&world.authority, &one));
    let anonymous = world.greet(&world.client(TlsVersion::V1_3, None), "www.test", usize::MAX).unwrap();
    let known = world.greet(&world.client(TlsVersion::V1_3, Some(&own)), "secure.test", usize::MAX).unwrap();
    assert_eq!([admitted(&world, &anonymous), admitted(&world, &known)], [[true, false], [false, true]]);
    // Nobody who came without a certificate has one because the terms are the same by now.
    world.bindings.replace(table(&world.authority, &both));
    assert_eq!([admitted(&world, &anonymous), admitted(&world, &known)], [[false, false], [true, true]]);
}

#[test]
fn clients_show_certificates_of_the_right_authority() {
    let other = Authority::create("Other", start(), 36_500 * DAY).unwrap();
    let mut world = world();
    let names = ["ali".to_owned()];
    let ours = world.authority.issue_client(&names, start(), 30_000 * DAY).unwrap();
    let theirs = other.issue_client(&names, start(), 30_000 * DAY).unwrap();
    let server = world.authority.issue_server(&names, start(), 30_000 * DAY).unwrap();
    let of = |client_certificate| {
        let client_authorities = vec![world.authority.certificate_der().to_vec()];
        Some(Terms { client_certificate, client_authorities, ..Terms::default() })
    };
    let lenient = of(ClientCertificate::Require).map(|terms| Terms { usage_check: false, ..terms });
    let tickets = of(ClientCertificate::Require).map(|terms| Terms { tickets: Some(true), ..terms });
    let rows = [
        ("must.test:443", of(ClientCertificate::Require)),
        ("may.test:443", of(ClientCertificate::Request)),
        ("lenient.test:443", lenient),
        ("again.test:443", tickets),
    ];
    world.bindings = Arc::new(Bindings::new(table(&world.authority, &rows)));
    world.server = ServerTls::new(&ServerRules::default(), Arc::clone(&world.bindings)).unwrap();
    let table = [
        ("must.test", Some(&ours), true),
        ("must.test", None, false),
        ("must.test", Some(&theirs), false),
        ("must.test", Some(&server), false),
        ("may.test", Some(&ours), true),
        ("may.test", None, true),
        ("may.test", Some(&theirs), false),
        ("lenient.test", Some(&server), true),
        ("lenient.test", Some(&theirs), false),
        ("lenient.test", None, false),
    ];
    for (name, certificate, good) in table {
        for max in [TlsVersion::V1_2, TlsVersion::V1_3] {
            let outcome = world.greet(&world.client(max, certificate), name, usize::MAX);
            assert_eq!(outcome.is_ok(), good, "{name} {outcome:?}");
            let shown = certificate.map(|issued| issued.chain.clone()).unwrap_or_default();
            match outcome {
                Ok(seen) => assert_eq!(chain(&seen.server), shown, "{name}"),
                Err(wrong) if certificate.is_none() => assert!(wrong.server.is_some(), "{name}"),
                Err(wrong) => {
                    let Some(TlsError::Certificate(judgement)) = wrong.server else { panic!("{name}: {wrong:?}") };
                    assert_eq!(judgement.chain, shown, "the server knows all that was wrong, and with what");
                }
            }
        }
    }
    // A session in which a certificate was shown is taken up only where somebody wants that, and it is known whose.
    for (name, resumed) in [("must.test", false), ("may.test", false), ("again.test", true)] {
        for max in [TlsVersion::V1_2, TlsVersion::V1_3] {
            let client = world.client(max, Some(&ours));
            world.greet(&client, name, usize::MAX).unwrap();
            let again = world.greet(&client, name, usize::MAX).unwrap();
            assert_eq!((again.resumed, chain(&again.server)), (resumed, ours.chain.clone()), "{name} {max:?}");
        }
    }
}
