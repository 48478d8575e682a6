//! Whole handshakes in memory, with OCSP responses stapled to certificates.

use std::net::SocketAddr;
use std::sync::Arc;

use gatepost_model::fault::Fault;
use gatepost_model::secret::Secret;
use gatepost_testkit::authority::{Authority, Leaf};
use gatepost_testkit::ocsp::{Reply, Word};
use gatepost_tls::bindings::{BindingTable, Bindings};
use gatepost_tls::client::{ClientRules, client_settings, explain};
use gatepost_tls::error::TlsError;
use gatepost_tls::handshake::{Facts, Handshake};
use gatepost_tls::server::{ServerRules, ServerTls};
use gatepost_tls::server_certificate::ServerCertificate;
use gatepost_tls::settings::ClientSettings;
use gatepost_tls::verify::flaw::Flaw;
use gatepost_tls::version::TlsVersion;

/// rustls compares with the clock of the machine.
fn reply(word: Word) -> Reply {
    Reply::new(word, "20200101000000Z", "40000101000000Z")
}

struct World {
    authority: Authority,
    leaf: Leaf,
    server: ServerTls,
}

fn table(authority: &Authority, leaf: &Leaf, staple: Option<Vec<u8>>) -> BindingTable {
    let chain = vec![leaf.certificate_der.clone(), authority.der().to_vec()];
    let plain = ServerCertificate::new(chain, &Secret::new(leaf.key_der.clone())).unwrap();
    let certificate = match staple {
        Some(staple) => plain.with_staple(staple),
        None => plain,
    };
    BindingTable::new([("a.test:0".parse().unwrap(), Arc::new(certificate))])
}

impl World {
    fn new() -> Self {
        let authority = Authority::new();
        let leaf = authority.issue_must_staple(&["a.test"]);
        let bindings = Arc::new(Bindings::new(table(&authority, &leaf, None)));
        Self { server: ServerTls::new(&ServerRules::default(), bindings).unwrap(), authority, leaf }
    }

    fn staple(&self, reply: Option<&Reply>) {
        let staple = reply.map(|reply| self.authority.ocsp(&self.leaf, reply));
        self.server.bindings().replace(table(&self.authority, &self.leaf, staple));
    }

    fn client(&self, max: TlsVersion) -> ClientSettings {
        client_settings(&ClientRules { roots: vec![self.authority.der().to_vec()], max, ..ClientRules::default() })
            .unwrap()
    }

    /// A handshake of ours at both ends; what the client knows after it.
    fn greet(&self, client: &ClientSettings) -> Result<Facts, TlsError> {
        let local = SocketAddr::from(([127, 0, 0, 1], 443));
        let mut server = Handshake::server(&self.server.settings_for(local), &[]).unwrap();
        let mut client = Handshake::client(client, "a.test".try_into().unwrap()).unwrap();
        while !client.is_over() {
            // Its alert goes to the client, whose error is the one that counts.
            let _ = server.receive(&client.take_output());
            client.receive(&server.take_output()).map_err(|error| explain(&error))?;
        }
        client.finish().map(|established| established.facts).map_err(|error| explain(&error))
    }
}

fn flaws(error: &TlsError) -> Vec<Flaw> {
    let TlsError::Certificate(judgement) = error else { panic!("{error}") };
    judgement.flaws().iter().collect()
}

#[test]
fn what_is_stapled_arrives_and_counts() {
    for max in [TlsVersion::V1_2, TlsVersion::V1_3] {
        let world = World::new();
        let missing = world.greet(&world.client(max)).unwrap_err();
        assert_eq!((flaws(&missing), missing.code()), (vec![Flaw::MustStaple], "GP-TLS-016"), "{max:?}");
        world.staple(Some(&reply(Word::Good)));
        let facts = world.greet(&world.client(max)).unwrap();
        assert!(facts.judgement.unwrap().stapled.is_some());
        world.staple(Some(&reply(Word::Revoked("20250101000000Z"))));
        let revoked = world.greet(&world.client(max)).unwrap_err();
        assert_eq!((flaws(&revoked), revoked.code()), (vec![Flaw::MustStaple, Flaw::Revoked], "GP-TLS-015"), "{max:?}");
    }
}

#[test]
fn a_session_is_resumed_on_what_was_stapled_then() {
    let world = World::new();
    world.staple(Some(&reply(Word::Good)));
    // TLS 1.2 resumes by what the handshake itself brings.
    let client = world.client(TlsVersion::V1_2);
    assert!(!world.greet(&client).unwrap().resumed);
    world.staple(None);
    let again = world.greet(&client).unwrap();
    assert!(again.resumed && again.judgement.unwrap().stapled.is_some());
}
