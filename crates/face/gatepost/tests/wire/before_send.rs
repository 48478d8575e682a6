//! What happens before a request leaves: where a check fails, the server has not read one octet of it; and who we are
//! is shown to those only whom it concerns.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use gatepost::Session;
use gatepost::client::session::SessionBuilder;
use gatepost::model::fault::Fault;
use gatepost::model::secret::Secret;
use gatepost::model::url::Origin;
use gatepost::net::dial::Roots;
use gatepost::tls::identity::Identity;
use gatepost::tls::verify::pin::{Digest, Pin, Pins, Place};
use gatepost_testkit::authority::Authority;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// A server that takes one connection, and reads it to its end: its address, and what it read, if TLS came to stand.
async fn listener(authority: &Authority) -> (SocketAddr, JoinHandle<Option<Vec<u8>>>) {
    let leaf = authority.issue(&["localhost"]);
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(leaf.certificate_der)],
            PrivatePkcs8KeyDer::from(leaf.key_der).into(),
        )
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut stream = TlsAcceptor::from(Arc::new(config)).accept(socket).await.ok()?;
        let mut read = Vec::new();
        // How it ends does not matter; what came before does.
        let _ = stream.read_to_end(&mut read).await;
        Some(read)
    });
    (address, task)
}

fn session(authority: &Authority) -> SessionBuilder {
    Session::builder().roots(Roots::Only(vec![authority.der().to_vec()]))
}

async fn error(builder: SessionBuilder, address: SocketAddr) -> gatepost::Error {
    let url = format!("https://localhost:{}/secret?of=mine", address.port());
    builder.build().unwrap().get(&url).send().await.unwrap_err()
}

#[tokio::test]
async fn a_pin_that_is_missing_ends_the_handshake() {
    let authority = Authority::new();
    let (address, heard) = listener(&authority).await;
    let pin = Pin { place: Place::Any, digest: Digest::Spki([0; 32]), until: None };
    let pinned = session(&authority).pins(Pins { any_of: vec![pin], report_only: false });
    assert_eq!(error(pinned, address).await.code(), "GP-TLS-014");
    assert!(heard.await.unwrap().unwrap_or_default().is_empty());
}

#[tokio::test]
async fn what_the_caller_rejects_hears_nothing() {
    let authority = Authority::new();
    let (address, heard) = listener(&authority).await;
    let seen = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&seen);
    let looking = session(&authority).before_send(move |facts| {
        *keep.lock().unwrap() = Some((facts.address, facts.tls, facts.judgement.map(|judgement| judgement.path.len())));
        async { Err("not today".to_owned()) }
    });
    let error = error(looking, address).await;
    assert_eq!(error.code(), "GP-NET-021");
    assert!(error.to_string().contains("rejected before anything was sent: not today"), "{error}");
    assert_eq!(*seen.lock().unwrap(), Some((address, Some("TLSv1.3"), Some(2))));
    assert_eq!(heard.await.unwrap(), Some(Vec::new()), "TLS stood, and not one octet was sent over it");
}

/// A server that asks for a certificate and takes one connection: its address, and how many certificates it saw.
async fn asking(authority: &Authority) -> (SocketAddr, JoinHandle<usize>) {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority.der())).unwrap();
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let clients = clients.allow_unauthenticated().build().unwrap();
    let leaf = authority.issue(&["localhost"]);
    let (chain, key) = (vec![CertificateDer::from(leaf.certificate_der)], PrivatePkcs8KeyDer::from(leaf.key_der));
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_client_cert_verifier(clients).with_single_cert(chain, key.into()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let stream = TlsAcceptor::from(Arc::new(config)).accept(socket).await.unwrap();
        stream.get_ref().1.peer_certificates().map_or(0, <[_]>::len)
    });
    (address, task)
}

#[tokio::test]
async fn a_certificate_is_shown_to_the_origins_that_were_named() {
    let authority = Authority::new();
    let (named, other) = (asking(&authority).await, asking(&authority).await);
    let client = authority.issue_client("ali");
    let identity = Identity::new(vec![client.certificate_der], Secret::new(client.key_der)).unwrap();
    let origins = vec![Origin::new(true, "localhost", named.0.port())];
    let session = session(&authority).client_identity(identity, origins).build().unwrap();
    for ((address, seen), shown) in [(named, 1), (other, 0)] {
        // The server ends the connection; what it saw is what matters.
        let _ = session.get(&format!("https://localhost:{}/", address.port())).send().await;
        assert_eq!(seen.await.unwrap(), shown);
    }
}
