//! An ACME authority that asks whether a name is ours (RFC 8737) gets a certificate, and nothing else.

mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gatepost_model::limits::Limits;
use gatepost_net::body::Body;
use gatepost_net::handler::Peer;
use gatepost_tls::bindings::Bindings;
use gatepost_tls::challenge::Challenges;
use gatepost_tls::server::{ServerRules, ServerTls};
use http::{Request, Response};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

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

fn asker() -> TlsConnector {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().dangerous();
    let mut config = builder.with_custom_certificate_verifier(Arc::new(Anything)).with_no_client_auth();
    config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn it_carries_no_request_and_counts_as_no_failure() {
    let authority = world::authority();
    let challenges = Arc::new(Challenges::default());
    let bindings = Arc::new(Bindings::new(world::bindings(&authority, "localhost:0", &["localhost"])));
    let tls = ServerTls::answering(&ServerRules::default(), bindings, Arc::clone(&challenges)).unwrap();
    let handled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&handled);
    let handler = move |_: Request<Body>, _: Arc<Peer>| {
        count.fetch_add(1, Ordering::SeqCst);
        async { Response::new(Body::from("never")) }
    };
    let site = world::start(Some(Arc::new(tls)), handler, Limits::default());
    let _shown = challenges.show("localhost", &[7; 32]).unwrap();
    let stream = TcpStream::connect(site.address).await.unwrap();
    let mut stream = asker().connect("localhost".try_into().unwrap(), stream).await.unwrap();
    // It may have closed before this arrives.
    let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert_eq!((answer.as_slice(), handled.load(Ordering::SeqCst)), (&b""[..], 0));
    site.drain.start();
    let summary = site.summary.await.unwrap();
    assert_eq!((summary.accepted, summary.failed, summary.cut), (1, 0, 0));
}
