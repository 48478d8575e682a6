//! Whole handshakes in memory: the certificates of clients against revocation lists.

use std::net::SocketAddr;
use std::sync::Arc;

use gatepost_model::secret::Secret;
use gatepost_model::terms::{ClientCertificate, Revocation, Terms};
use gatepost_testkit::authority::{Authority, Leaf};
use gatepost_tls::bindings::{BindingTable, Bindings};
use gatepost_tls::bound::{Answer, Bound};
use gatepost_tls::client::{ClientRules, client_settings, explain};
use gatepost_tls::error::TlsError;
use gatepost_tls::handshake::{Facts, Handshake};
use gatepost_tls::identity::Identity;
use gatepost_tls::lists::RevocationLists;
use gatepost_tls::server::{ServerRules, ServerTls};
use gatepost_tls::server_certificate::ServerCertificate;
use gatepost_tls::verify::flaw::Flaw;
use gatepost_tls::version::TlsVersion;

fn local() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 443))
}

struct World {
    authority: Authority,
    server: ServerTls,
    own: Leaf,
}

impl World {
    fn new() -> Self {
        let authority = Authority::new();
        let server = ServerTls::new(&ServerRules::default(), Arc::new(Bindings::default())).unwrap();
        Self { own: authority.issue(&["a.test"]), authority, server }
    }

    fn bind(&self, terms: Terms, lists: Vec<Vec<u8>>) {
        let chain = vec![self.own.certificate_der.clone(), self.authority.der().to_vec()];
        let certificate = ServerCertificate::new(chain, &Secret::new(self.own.key_der.clone())).unwrap();
        let terms = Terms { client_authorities: vec![self.authority.der().to_vec()], ..terms };
        let bound = Bound::new(Answer::Certificate(Arc::new(certificate)), &terms);
        let bound = bound.with_revocation_lists(RevocationLists::new(lists).unwrap());
        self.server.bindings().replace(BindingTable::of([("a.test:0".parse().unwrap(), bound)]));
    }

    /// What the server finds wrong with a client that shows this.
    fn greet(&self, client: Option<&Leaf>, max: TlsVersion) -> Result<Facts, TlsError> {
        let identity = client
            .map(|leaf| Identity::new(vec![leaf.certificate_der.clone()], Secret::new(leaf.key_der.clone())).unwrap());
        let roots = vec![self.authority.der().to_vec()];
        let client = client_settings(&ClientRules { roots, identity, max, ..ClientRules::default() }).unwrap();
        let mut server = Handshake::server(&self.server.settings_for(local()), &[]).unwrap();
        let mut client = Handshake::client(&client, "a.test".try_into().unwrap()).unwrap();
        while !server.is_over() {
            server.receive(&client.take_output()).map_err(|error| explain(&error))?;
            client.receive(&server.take_output()).map_err(|error| explain(&error))?;
        }
        server.finish().map(|established| established.facts).map_err(|error| explain(&error))
    }
}

fn flaws(error: &TlsError) -> Vec<Flaw> {
    let TlsError::Certificate(judgement) = error else { panic!("{error}") };
    judgement.flaws().iter().collect()
}

#[test]
fn clients_are_held_against_lists_and_without_one_nobody_is_let_in() {
    let (world, other) = (World::new(), Authority::new());
    let (good, bad) = (world.authority.issue_client("ali"), world.authority.issue_client("eve"));
    let list = world.authority.revocation_list(&[&bad], 4000);
    let old = world.authority.revocation_list(&[], 2001);
    let foreign = other.revocation_list(&[], 4000);
    let on = |revocation| Terms { revocation, client_certificate: ClientCertificate::Require, ..Terms::default() };
    let listed = Terms { revocation_lists: vec!["/a.crl".into()], ..on(Revocation::Listed) };
    let unknown = [Flaw::RevocationUnknown];
    type Row<'a> = (Terms, Vec<&'a Vec<u8>>, &'a [Flaw], &'a [Flaw]);
    let table: [Row<'_>; 9] = [
        (on(Revocation::Listed), vec![], &[], &[]),
        (on(Revocation::Off), vec![&list], &[], &[]),
        (on(Revocation::On), vec![], &unknown, &unknown),
        (on(Revocation::Cached), vec![], &unknown, &unknown),
        (listed.clone(), vec![], &unknown, &unknown),
        (listed.clone(), vec![&list], &[], &[Flaw::Revoked]),
        (on(Revocation::On), vec![&list, &foreign], &[], &[Flaw::Revoked]),
        (listed.clone(), vec![&old], &[Flaw::RevocationFailed], &[Flaw::RevocationFailed]),
        // It has the name of the authority, and another key.
        (listed, vec![&foreign], &[Flaw::RevocationFailed], &[Flaw::RevocationFailed]),
    ];
    for (terms, lists, of_good, of_bad) in table {
        world.bind(terms.clone(), lists.into_iter().cloned().collect());
        for (client, expected) in [(&good, of_good), (&bad, of_bad)] {
            for max in [TlsVersion::V1_2, TlsVersion::V1_3] {
                let found = world.greet(Some(client), max).map(|_| ()).map_err(|error| flaws(&error));
                let expected = if expected.is_empty() { Ok(()) } else { Err(expected.to_vec()) };
                assert_eq!(found, expected, "{:?} {max:?}", terms.revocation);
            }
        }
    }
}

#[test]
fn who_shows_no_certificate_has_none_that_could_be_revoked() {
    let world = World::new();
    let terms =
        Terms { client_certificate: ClientCertificate::Request, revocation: Revocation::On, ..Terms::default() };
    world.bind(terms, vec![]);
    assert!(world.greet(None, TlsVersion::V1_3).unwrap().client.is_none());
    assert!(world.greet(Some(&world.authority.issue_client("ali")), TlsVersion::V1_3).is_err());
}

#[test]
fn a_connection_ends_with_the_lists_that_it_was_judged_by() {
    let world = World::new();
    let client = world.authority.issue_client("ali");
    let terms = Terms {
        client_certificate: ClientCertificate::Require,
        revocation_lists: vec!["/a.crl".into()],
        ..Terms::default()
    };
    let (before, after) =
        (world.authority.revocation_list(&[], 4000), world.authority.revocation_list(&[&client], 4000));
    world.bind(terms.clone(), vec![before.clone()]);
    let facts = world.greet(Some(&client), TlsVersion::V1_3).unwrap();
    let admitted = || world.server.bindings().admits(local(), facts.manner.as_deref(), "a.test");
    assert!(admitted());
    world.bind(terms.clone(), vec![before]);
    assert!(admitted(), "the same again");
    world.bind(terms, vec![after]);
    assert!(!admitted());
}

#[test]
fn each_handshake_is_told_only_where_somebody_wants_that() {
    let world = World::new();
    let logged = |name| world.server.bindings().are_logged(local(), Some(name));
    for (log, expected) in [(None, false), (Some(false), false), (Some(true), true)] {
        world.bind(Terms { log, ..Terms::default() }, vec![]);
        assert_eq!((logged("a.test"), logged("b.test")), (expected, false));
    }
    for (max, suite) in
        [(TlsVersion::V1_3, "TLS_AES_128_GCM_SHA256"), (TlsVersion::V1_2, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")]
    {
        let facts = world.greet(None, max).unwrap();
        assert_eq!(facts.suite, suite);
        assert!(facts.group.is_some_and(|group| group.starts_with("X25519")), "{facts:?}");
    }
}

#[test]
fn what_is_no_list_is_refused() {
    assert!(RevocationLists::new(vec![b"junk".to_vec()]).is_err());
    let authority = Authority::new();
    let lists = RevocationLists::new(vec![authority.revocation_list(&[], 4000), authority.revocation_list(&[], 2001)]);
    assert_eq!(lists.unwrap().fresh_until().unwrap().to_string(), "2001-01-01T00:00:00Z");
}
