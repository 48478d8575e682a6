//! From an origin to a connection: resolve, connect, shake hands.

use std::net::SocketAddr;
use std::sync::Arc;

use gatepost_model::limits::Limits;
use gatepost_model::url::Origin;
use gatepost_tls::client::{ClientRules, client_settings};
use gatepost_tls::handshake::Facts;
use gatepost_tls::identity::Identity;
use gatepost_tls::settings::ClientSettings;
use gatepost_tls::verify::flaw::Flaws;
use gatepost_tls::verify::pin::Pins;
use gatepost_tls::version::TlsVersion;
use http::HeaderMap;
use rustls::pki_types::ServerName;
use tokio::io::AsyncWriteExt;

use crate::connection::{Connection, ConnectionFacts};
use crate::error::{NetError, Wait};
use crate::explain;
use crate::proxy::{self, Again, Asked, Way};
use crate::reach::{Reached, bare_host, reach};
use crate::secured::handshake::connect as connect_tls;
use crate::secured::stream::Secured;
use crate::socket_options::SocketOptions;
use crate::socks::{self, Login};
use crate::upgrade::{Duplex, Stream};

/// Which authorities a client trusts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Roots {
    /// Those that this machine trusts.
    #[default]
    System,
    /// These alone, as DER.
    Only(Vec<Vec<u8>>),
    /// Those that this machine trusts, and these.
    SystemAnd(Vec<Vec<u8>>),
}

/// How a client speaks TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientTls {
    /// Whom it trusts. Default: the system's roots.
    pub roots: Roots,
    /// Application protocols on offer, preferred first (RFC 7301). Default `h2`, `http/1.1`.
    pub alpn: Vec<Vec<u8>>,
    /// The oldest version accepted. Default TLS 1.2.
    pub min: TlsVersion,
    /// The newest version accepted. Default TLS 1.3.
    pub max: TlsVersion,
    /// What may be wrong with a server's chain all the same. Default nothing. What is fatal stays fatal.
    pub ignored: Flaws,
    /// Which keys or certificates must be in the path, on top of all the rest. Default none.
    pub pins: Pins,
    /// Revocation lists (RFC 5280 §5), as DER. Default none.
    pub revocation_lists: Vec<Vec<u8>>,
    /// Whether a certificate that no list speaks about is refused. Default `false`.
    pub demands_revocation_status: bool,
    /// Who the client is, and to whom: other servers are shown no certificate, whoever asks. Default nobody.
    pub identity: Option<(Identity, Vec<Origin>)>,
}

impl Default for ClientTls {
    fn default() -> Self {
        let rules = ClientRules::default();
        Self {
            roots: Roots::System,
            alpn: rules.alpn,
            min: rules.min,
            max: rules.max,
            ignored: rules.ignored,
            pins: rules.pins,
            revocation_lists: rules.revocation_lists,
            demands_revocation_status: rules.demands_revocation_status,
            identity: None,
        }
    }
}

/// Opens connections. Cheap to clone; clones share TLS sessions to resume.
#[derive(Debug, Clone)]
pub struct Dialer {
    stranger: Manners,
    /// How it speaks to a proxy: by the same roots, but pins and what is ignored are said of origins.
    proxy: ClientSettings,
    /// How it speaks where it shows who it is, and where that is.
    known: Option<Arc<(Manners, Vec<Origin>)>>,
    options: Arc<SocketOptions>,
    limits: Arc<Limits>,
}

/// One set of rules with either offer of protocols.
#[derive(Debug, Clone)]
struct Manners {
    any: ClientSettings,
    http1: ClientSettings,
}

impl Manners {
    fn new(rules: &ClientRules) -> Result<Self, NetError> {
        let any = client_settings(rules)?;
        Ok(Self { http1: any.with_alpn(vec![b"http/1.1".to_vec()]), any })
    }
}

impl Dialer {
    /// Makes a dialer. Reads the system's roots if they are wanted.
    ///
    /// # Errors
    /// [`NetError::TlsSettings`] if a root is no certificate or no version is left. A machine without
    /// roots is no error here: every server will be refused.
    pub fn new(tls: ClientTls, limits: Arc<Limits>) -> Result<Self, NetError> {
        let roots = match tls.roots {
            Roots::System => system_roots(),
            Roots::Only(own) => own,
            Roots::SystemAnd(own) => system_roots().into_iter().chain(own).collect(),
        };
        let mut rules = ClientRules {
            roots,
            min: tls.min,
            max: tls.max,
            alpn: tls.alpn,
            ignored: tls.ignored,
            pins: tls.pins,
            revocation_lists: tls.revocation_lists,
            demands_revocation_status: tls.demands_revocation_status,
            identity: None,
        };
        let stranger = Manners::new(&rules)?;
        // With sessions of its own: a server of the same name as the proxy would be offered the proxy's.
        let plain = ClientRules { ignored: Flaws::NONE, pins: Pins::default(), ..rules.clone() };
        let proxy = Manners::new(&plain)?.http1;
        let mut known = None;
        if let Some((identity, origins)) = tls.identity {
            rules.identity = Some(identity);
            known = Some(Arc::new((Manners::new(&rules)?, origins)));
        }
        Ok(Self { stranger, proxy, known, options: Arc::default(), limits })
    }

    /// The same with sockets of which this is asked; also those to a proxy.
    #[must_use]
    pub fn with_options(self, options: SocketOptions) -> Self {
        Self { options: Arc::new(options), ..self }
    }

    /// The bounds that it keeps.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A connection to `origin` and nothing on it yet, within [`Limits::connect_time`].
    ///
    /// # Errors
    /// [`NetError::Resolve`], [`NetError::Connect`], [`NetError::Timeout`], or [`NetError::SocketOption`].
    pub async fn reach(&self, origin: &Origin) -> Result<Reached, NetError> {
        reach(origin, &self.options, self.limits.connect_time).await
    }

    /// Begins with TLS on a stream that leads to `origin`, within [`Limits::handshake_time`]. The certificate has to be
    /// that of its host, and the client shows one of its own only if `origin` was named for that.
    ///
    /// # Errors
    /// [`NetError::Tls`] or [`NetError::Timeout`]. No octet of ours but for those of TLS has been sent then.
    pub async fn upgrade<S: Stream>(&self, origin: &Origin, stream: S) -> Result<(Secured<S>, Facts), NetError> {
        self.secure(&self.manners(origin).any, origin, stream).await
    }

    /// Connects to `origin` and starts the protocol that both ends know: HTTP/2 if TLS agrees on it
    /// (RFC 9113 §3.2), else HTTP/1.1. In the clear always HTTP/1.1.
    ///
    /// All addresses of the name are tried in order, within [`Limits::connect_time`] altogether.
    ///
    /// # Errors
    /// [`NetError::Resolve`], [`NetError::Connect`], [`NetError::Tls`], or [`NetError::Timeout`].
    pub async fn connect(&self, origin: &Origin) -> Result<Connection, NetError> {
        self.connect_with(origin, &self.manners(origin).any).await
    }

    /// Like [`connect`](Self::connect), but always HTTP/1.1: for requests that ask for an upgrade.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_http1(&self, origin: &Origin) -> Result<Connection, NetError> {
        self.connect_with(origin, &self.manners(origin).http1).await
    }

    /// Like [`connect_http1`](Self::connect_http1), but `header` goes first, before TLS: it says whose connection this is
    /// (PROXY protocol).
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_http1_announced(&self, origin: &Origin, header: &[u8]) -> Result<Connection, NetError> {
        let Reached { mut stream, remote, .. } = self.reach(origin).await?;
        // It is short, and the first that is sent: there is room for it.
        stream.write_all(header).await.map_err(|error| explain::io(&error, "the connection"))?;
        self.begin(stream, remote, origin, &self.manners(origin).http1).await
    }

    /// Asks the proxy at `proxy` for a way to `origin`, over TLS if the proxy is an `https` one. `fields` go to the
    /// proxy alone.
    ///
    /// # Errors
    /// As [`connect`](Self::connect), of the proxy; [`NetError::Protocol`] for an answer that breaks the rules.
    pub async fn ask_proxy(&self, proxy: &Origin, origin: &Origin, fields: &HeaderMap) -> Result<Asked, NetError> {
        let Reached { stream, local, remote } = self.reach(proxy).await?;
        let stream: Duplex = match proxy.is_secure() {
            true => Box::new(self.secure(&self.proxy, proxy, stream).await?.0),
            false => Box::new(stream),
        };
        proxy::ask(stream, (local, remote), &authority(origin), fields, &self.limits).await
    }

    /// Asks the SOCKS proxy at `proxy` (RFC 1928) for a way to `origin`, whose name the proxy looks up. Nothing that is
    /// said to the proxy is protected.
    ///
    /// # Errors
    /// As [`connect`](Self::connect), of the proxy; [`NetError::Proxy`] if it gives none; [`NetError::Protocol`] for an
    /// answer that breaks the rules; [`NetError::Request`] for a host, a name or a password that SOCKS cannot say.
    pub async fn ask_socks(&self, proxy: &Origin, origin: &Origin, login: Option<&Login>) -> Result<Way, NetError> {
        let Reached { stream, local, remote } = self.reach(proxy).await?;
        socks::ask(Box::new(stream), (local, remote), origin, login, &self.limits).await
    }

    /// Asks the same proxy once more, on the connection on which it has refused.
    ///
    /// # Errors
    /// As [`ask_proxy`](Self::ask_proxy).
    pub async fn ask_proxy_again(&self, again: Again, origin: &Origin, fields: &HeaderMap) -> Result<Asked, NetError> {
        proxy::ask(again.stream, again.ends, &authority(origin), fields, &self.limits).await
    }

    /// Like [`connect`](Self::connect), through a proxy.
    ///
    /// # Errors
    /// As there.
    pub async fn connect_through(&self, way: Way, origin: &Origin) -> Result<Connection, NetError> {
        self.begin(way.stream, way.address, origin, &self.manners(origin).any).await
    }

    /// Like [`connect_http1`](Self::connect_http1), through a proxy.
    ///
    /// # Errors
    /// As there.
    pub async fn connect_http1_through(&self, way: Way, origin: &Origin) -> Result<Connection, NetError> {
        self.begin(way.stream, way.address, origin, &self.manners(origin).http1).await
    }

    /// A certificate crosses no origin: only those that were named are shown it.
    fn manners(&self, origin: &Origin) -> &Manners {
        let known = self.known.as_deref().filter(|(_, origins)| origins.contains(origin));
        known.map_or(&self.stranger, |(manners, _)| manners)
    }

    async fn connect_with(&self, origin: &Origin, tls: &ClientSettings) -> Result<Connection, NetError> {
        let Reached { stream, remote, .. } = self.reach(origin).await?;
        self.begin(stream, remote, origin, tls).await
    }

    /// Starts to speak with `origin` over a stream that leads there.
    async fn begin<S: Stream + 'static>(
        &self,
        stream: S,
        address: SocketAddr,
        origin: &Origin,
        tls: &ClientSettings,
    ) -> Result<Connection, NetError> {
        let mut facts = ConnectionFacts::clear(address);
        if !origin.is_secure() {
            return Connection::open(Box::new(stream), facts, &self.limits).await;
        }
        let (stream, agreed) = self.secure(tls, origin, stream).await?;
        facts.tls = Some(agreed.version.name());
        facts.judgement = agreed.judgement;
        facts.binder = Some(agreed.binder);
        if agreed.alpn.as_deref() == Some(b"h2") {
            facts.protocol = "h2";
        }
        Connection::open(Box::new(stream), facts, &self.limits).await
    }

    /// Shakes hands with `origin`.
    async fn secure<S: Stream>(
        &self,
        tls: &ClientSettings,
        origin: &Origin,
        stream: S,
    ) -> Result<(Secured<S>, Facts), NetError> {
        let name = ServerName::try_from(bare_host(origin).to_owned())
            .map_err(|_| NetError::Request { detail: format!("{} is not a host name", origin.host()) })?;
        let limit = self.limits.handshake_time;
        // On the heap, so that the caller's future does not keep the place of a handshake.
        let handshake = Box::pin(tokio::time::timeout(limit, connect_tls(tls, name, stream))).await;
        handshake
            .map_err(|_| explain::timeout(Wait::Handshake, limit))?
            .map_err(|error| explain::handshake(&error, origin.authority()))
    }
}

/// Host and port, the usual port, too: CONNECT names both (RFC 9110 §7.2).
fn authority(origin: &Origin) -> String {
    format!("{}:{}", origin.host(), origin.port())
}

/// What this machine trusts. Entries that cannot be read are passed over: they vouch for nobody.
fn system_roots() -> Vec<Vec<u8>> {
    let loaded = rustls_native_certs::load_native_certs();
    let readable = |der: &Vec<u8>| gatepost_tls::certificate::Certificate::parse(der).is_ok();
    loaded.certs.into_iter().map(|der| der.to_vec()).filter(readable).collect()
}
