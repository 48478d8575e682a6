//! Whole handshakes in memory, with an ACME authority that asks whether a name is ours (RFC 8737).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gatepost_model::terms::{Terms, TlsBound};
use gatepost_model::time::Timestamp;
use gatepost_tls::bindings::{BindingTable, Bindings};
use gatepost_tls::bound::{Answer, Bound};
use gatepost_tls::certificate::Certificate;
use gatepost_tls::challenge::Challenges;
use gatepost_tls::handshake::Handshake;
use gatepost_tls::issue::Authority;
use gatepost_tls::server::{ServerRules, ServerTls};
use gatepost_tls::server_certificate::ServerCertificate;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};

/// Takes every certificate, as an authority does that asks: what counts is what stands in it.
#[derive(Debug)]
struct Anything;

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// What a client with these protocols is shown, and what was agreed on; `None` if it is refused.
fn ask(server: &ServerTls, name: &str, protocols: &[&str], piece: usize) -> Option<(Vec<u8>, String)> {
    let provider = Arc::new(default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.dangerous().with_custom_certificate_verifier(Arc::new(Anything)).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let local = SocketAddr::from(([127, 0, 0, 1], 443));
    let mut server = Handshake::server(&server.settings_for(local), &[]).unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name.to_owned().try_into().unwrap()).unwrap();
    while client.wants_write() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        for piece in wire.chunks(piece) {
            server.receive(piece).ok()?;
        }
        let answer = server.take_output();
        let mut rest = answer.as_slice();
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets().ok()?;
        }
    }
    let facts = server.finish().unwrap().facts;
    let agreed = String::from_utf8(facts.alpn.unwrap_or_default()).unwrap();
    Some((client.peer_certificates()?.first()?.to_vec(), agreed))
}

fn world(terms: &Terms) -> (ServerTls, Arc<Challenges>, [u8; 32]) {
    let (start, day) = (Timestamp::from_secs(1_700_000_000), Duration::from_secs(86_400));
    let authority = Authority::create("Authority", start, 36_500 * day).unwrap();
    let issued = authority.issue_server(&["a.test".to_owned()], start, 3650 * day).unwrap();
    let own = ServerCertificate::new(issued.chain, &issued.key).unwrap();
    let fingerprint = own.facts().fingerprint;
    let bound = Bound::new(Answer::Certificate(Arc::new(own)), terms);
    let table = BindingTable::of([("a.test:0".parse().unwrap(), bound)]);
    let challenges = Arc::new(Challenges::default());
    let rules = ServerRules::default();
    let server = ServerTls::answering(&rules, Arc::new(Bindings::new(table)), Arc::clone(&challenges)).unwrap();
    (server, challenges, fingerprint)
}

#[test]
fn only_who_asks_for_an_answer_gets_it_and_nothing_else() {
    for terms in [Terms::default(), Terms { min_tls: Some(TlsBound::V1_3), http2: Some(false), ..Terms::default() }] {
        let (server, challenges, own) = world(&terms);
        assert_eq!(ask(&server, "a.test", &["acme-tls/1"], 4096), None, "nothing is asked");
        let _shown = challenges.show("A.test", &[7; 32]).unwrap();
        let _other = challenges.show("b.test", &[8; 32]).unwrap();
        // RFC 8737 §3: id-pe-acmeIdentifier, critical, with the digest as an octet string.
        let extension =
            |digest: u8| [&[6, 8, 43, 6, 1, 5, 5, 7, 1, 31, 1, 1, 255, 4, 34, 4, 32][..], &[digest; 32]].concat();
        for (name, digest) in [("a.test", 7), ("b.test", 8)] {
            for piece in [1, 4096] {
                let (shown, agreed) = ask(&server, name, &["acme-tls/1"], piece).unwrap();
                let facts = Certificate::parse(&shown).unwrap();
                assert_eq!((facts.names(), agreed.as_str()), (vec![name.to_owned()], "acme-tls/1"));
                assert!(shown.windows(49).any(|window| window == extension(digest)), "{name}");
            }
        }
        for protocols in [&["http/1.1"][..], &["acme-tls/1", "http/1.1"], &[]] {
            let (shown, agreed) = ask(&server, "a.test", protocols, 4096).unwrap();
            assert_eq!(Certificate::parse(&shown).unwrap().fingerprint, own);
            assert_ne!(agreed, "acme-tls/1");
        }
        assert_eq!(ask(&server, "c.test", &["acme-tls/1"], 4096), None, "nobody proves that name");
    }
}

#[test]
fn an_answer_that_has_ended_is_not_given() {
    let (server, challenges, _) = world(&Terms::default());
    drop(challenges.show("a.test", &[7; 32]).unwrap());
    assert_eq!(ask(&server, "a.test", &["acme-tls/1"], 4096), None);
}
