//! A gateway in this process, in front of the recording upstream.

use std::net::SocketAddr;
use std::sync::Arc;

use gatepost::events::Events;
use gatepost::tls::pem;
use gatepost_gateway::config::compose::Flags;
use gatepost_gateway::daemon::{Daemon, Orders};
use gatepost_gateway::ready::Ready;
use gatepost_gateway::state::State;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::upstream::Upstream;

/// A daemon over a fresh state directory.
pub(crate) struct Gateway {
    daemon: Daemon,
    pub(crate) upstream: Upstream,
    _folder: tempfile::TempDir,
}

impl Gateway {
    /// Open to everybody, in the clear (HTTP/1.1) or with TLS.
    pub(crate) async fn open(tls: bool) -> Self {
        let (folder, upstream) = (tempfile::tempdir().unwrap(), Upstream::start().await);
        let path = folder.path().join("gatepost.toml");
        let listener = format!("[[listener]]\naddress = \"127.0.0.1:0\"\n{}", if tls { "" } else { "tls = false\n" });
        let danger = format!("[danger]\nno_auth = true\nplain_listeners = {}\n", !tls);
        let route = format!("[[route]]\nschemes = []\nupstream = \"http://{}\"\n", upstream.address);
        std::fs::write(&path, format!("{danger}{listener}{route}")).unwrap();
        Self::start(folder, upstream, Some(path), Flags::default()).await
    }

    /// With TLS and the demo user, whose name it tells the upstream.
    pub(crate) async fn guarded() -> Self {
        let (folder, upstream) = (tempfile::tempdir().unwrap(), Upstream::start().await);
        let flags =
            Flags { upstream: Some(format!("http://{}", upstream.address).parse().unwrap()), ..Flags::default() };
        Self::start(folder, upstream, None, flags).await
    }

    async fn start(
        folder: tempfile::TempDir,
        upstream: Upstream,
        document: Option<std::path::PathBuf>,
        flags: Flags,
    ) -> Self {
        let state = State::open(&folder.path().join("state")).unwrap();
        let orders = Orders { state, document, flags, environment: Arc::new(|_| None), events: Events::to(Vec::new()) };
        let daemon = Daemon::start(orders).await.unwrap();
        Self { daemon, upstream, _folder: folder }
    }

    pub(crate) fn ready(&self) -> &Ready {
        self.daemon.ready()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        let (_, port) = self.ready().url.trim_end_matches('/').rsplit_once(':').unwrap();
        SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()))
    }

    pub(crate) async fn connect_plain(&self) -> TcpStream {
        TcpStream::connect(self.address()).await.unwrap()
    }

    /// A TLS connection that speaks `protocol`.
    pub(crate) async fn connect(&self, protocol: &[u8]) -> TlsStream<TcpStream> {
        let mut roots = rustls::RootCertStore::empty();
        let authority = std::fs::read(self.ready().authority.as_ref().unwrap()).unwrap();
        for certificate in pem::parse_chain_pem(&authority).unwrap() {
            roots.add(CertificateDer::from(certificate)).unwrap();
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = config.unwrap().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, self.connect_plain().await).await.unwrap()
    }
}

/// Sends `octets`, says that this was all, and reads to the end. The other end may close before it has
/// heard everything: that is no fault of the test.
pub(crate) async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, octets: &[u8]) -> String {
    let _ = stream.write_all(octets).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    answer.escape_ascii().to_string()
}
