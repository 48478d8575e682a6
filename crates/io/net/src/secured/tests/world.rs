//! One authority, a server with a certificate from it, and clients that trust it.

use std::sync::Arc;
use std::time::Duration;

use gatepost_model::time::Timestamp;
use gatepost_tls::issue::Authority;
use gatepost_tls::server::ServerTls;
use gatepost_tls::settings::{ClientSettings, ServerSettings};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedCipherSuite};
use tokio::io::{AsyncRead, AsyncWrite};

use super::super::handshake::{accept, connect};
use super::super::stream::Secured;

/// One server and one client that trusts it, each for rustls' streams and for ours.
pub(super) struct World {
    server: ServerTls,
    client: ClientConfig,
}

impl World {
    pub(super) fn new(provider: CryptoProvider) -> Self {
        let start = Timestamp::parse_rfc3339("2020-01-01T00:00:00Z").unwrap();
        let authority = Authority::create("Stream authority", start, Duration::from_secs(1 << 31)).unwrap();
        let issued = authority.issue_server(&["localhost".to_owned()], start, Duration::from_secs(1 << 30)).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(authority.certificate_der())).unwrap();
        let mut client = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self { server: ServerTls::single(&issued.chain, &issued.key).unwrap(), client }
    }

    /// With a client that knows one suite.
    pub(super) fn of(suite: SupportedCipherSuite) -> Self {
        let mut provider = aws_lc_rs::default_provider();
        provider.cipher_suites = vec![suite];
        Self::new(provider)
    }

    pub(super) fn server(&self) -> ServerSettings {
        self.server.settings_for("127.0.0.1:443".parse().unwrap())
    }

    pub(super) fn rustls_server(&self) -> Arc<ServerConfig> {
        self.server.config_for("127.0.0.1:443".parse().unwrap())
    }

    pub(super) fn client(&self) -> ClientSettings {
        ClientSettings::new(self.client.clone())
    }

    pub(super) fn rustls_client(&self) -> Arc<ClientConfig> {
        Arc::new(self.client.clone())
    }

    /// Ours at both ends of `wire`: the server, the client.
    pub(super) async fn ours<S: AsyncRead + AsyncWrite + Unpin>(&self, wire: (S, S)) -> (Secured<S>, Secured<S>) {
        let (server, client) = (self.server(), self.client());
        let (server, client) =
            tokio::join!(accept(&server, wire.0), connect(&client, "localhost".try_into().unwrap(), wire.1));
        (server.unwrap().0, client.unwrap().0)
    }
}

/// Octets that are nowhere the same.
pub(super) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from((at * 7 + at / 251) % 256).unwrap()).collect()
}
