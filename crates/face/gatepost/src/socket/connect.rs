//! Opens sockets.

use std::sync::Arc;

use gatepost_auth::schemes;
use gatepost_auth::settings::Settings;
use gatepost_model::limits::Limits;
use gatepost_model::url::Origin;
use gatepost_net::connection::ConnectionFacts;
use gatepost_net::dial::{ClientTls, Dialer, Roots};
use gatepost_net::endpoint;
use gatepost_net::proxy::Way;
use gatepost_net::reach::{Route, routes};
use gatepost_net::socket_options::SocketOptions;
use gatepost_tls::identity::Identity;
use gatepost_tls::verify::flaw::Flaws;
use gatepost_tls::verify::pin::Pins;

use crate::client::detour::Detour;
use crate::client::inspection::Inspection;
use crate::client::opener::Opener;
use crate::client::proxy::{Proxied, Proxy};
use crate::error::Error;
use crate::events::{Events, Sink, SinkEntry};
use crate::socket::info::Info;
use crate::socket::protection::Protection;
use crate::socket::stream::{Role, Socket};
use crate::system;

/// Opens sockets, all on the same terms. Cheap to clone; clones share the TLS sessions to resume.
#[derive(Debug, Clone)]
pub struct Connector {
    opener: Arc<Opener>,
    protection: Protection,
}

impl Connector {
    /// Starts to put one together.
    #[must_use]
    pub fn builder() -> ConnectorBuilder {
        ConnectorBuilder::default()
    }

    /// Connects to `host:port`, where the port may have its name (`/etc/services`), and protects it from the first
    /// octet as the connector does: by TLS, unless it was told otherwise.
    ///
    /// All addresses of the name are tried, one after the other. Where there is a proxy it is asked, and nothing goes
    /// directly.
    ///
    /// # Errors
    /// [`NetError`](gatepost_net::error::NetError): the name, the address, the time, the proxy, the handshake.
    pub async fn connect(&self, target: &str) -> Result<Socket, Error> {
        let target = endpoint::parse(target, None)?;
        let socket = self.reach(&target).await?;
        if self.protection != Protection::Plain {
            return socket.upgrade_tls(target.host()).await;
        }
        let facts = ConnectionFacts { protocol: "tcp", ..ConnectionFacts::clear(socket.info.remote) };
        self.opener.judge(&facts).await?;
        Ok(socket)
    }

    /// Connects in the clear: for a conversation that leads to TLS ([`Socket::starttls`], [`Socket::upgrade_tls`]), or
    /// where everybody on the way may read and change what passes.
    ///
    /// # Errors
    /// As [`connect`](Self::connect), but for the handshake.
    pub async fn connect_plain(&self, target: &str) -> Result<Socket, Error> {
        self.reach(&endpoint::parse(target, None)?).await
    }

    async fn reach(&self, target: &Origin) -> Result<Socket, Error> {
        let through_proxy = self.opener.detour(target).is_some();
        let Way { stream, local, address } = self.opener.reach(target).await?;
        let info = Info { local, remote: address, through_proxy, starttls: None, tls: None };
        Ok(Socket::new(stream, info, Role::Connected(Arc::clone(&self.opener), target.clone())))
    }
}

/// The ways to the addresses of `host:port`, in the order in which [`Connector::connect`] tries them. Nothing is sent
/// to any of them.
///
/// # Errors
/// If it is no host and port, or the name has no address.
pub async fn resolve(target: &str) -> Result<Vec<Route>, Error> {
    Ok(routes(&endpoint::parse(target, None)?).await?)
}

/// Puts a [`Connector`] together. Everything not said is safe.
#[derive(Debug)]
pub struct ConnectorBuilder {
    tls: ClientTls,
    protection: Protection,
    options: SocketOptions,
    limits: Limits,
    sinks: Vec<SinkEntry>,
    inspection: Option<Inspection>,
    proxy: Option<Proxy>,
}

impl Default for ConnectorBuilder {
    fn default() -> Self {
        Self {
            // Nobody knows what is spoken behind TLS: nothing is on offer.
            tls: ClientTls { alpn: Vec::new(), ..ClientTls::default() },
            protection: Protection::default(),
            options: SocketOptions::default(),
            limits: Limits::default(),
            sinks: Vec::new(),
            inspection: None,
            proxy: None,
        }
    }
}

impl ConnectorBuilder {
    /// How it speaks TLS, all at once. The application protocols on offer are those of
    /// [`alpn`](Self::alpn) all the same, and the oldest version is that of [`protection`](Self::protection) if that is
    /// the newer one.
    #[must_use]
    pub fn tls(mut self, tls: ClientTls) -> Self {
        self.tls = ClientTls { alpn: self.tls.alpn, ..tls };
        self
    }

    /// How well connections are protected at least. Default [`Protection::Tls12`].
    #[must_use]
    pub fn protection(mut self, protection: Protection) -> Self {
        self.protection = protection;
        self
    }

    /// Application protocols on offer, preferred first (RFC 7301). Default none.
    #[must_use]
    pub fn alpn(mut self, protocols: Vec<Vec<u8>>) -> Self {
        self.tls.alpn = protocols;
        self
    }

    /// The certificates that a server's chain may end in. Default: the system's.
    #[must_use]
    pub fn roots(mut self, roots: Roots) -> Self {
        self.tls.roots = roots;
        self
    }

    /// Goes on although this is wrong with a server's certificates. Default: nothing may be. What is fatal stays so;
    /// each use is an event.
    #[must_use]
    pub fn danger_ignore(mut self, flaws: Flaws) -> Self {
        self.tls.ignored = flaws;
        self
    }

    /// Which keys or certificates must be in a server's path, on top of all the rest. Default none.
    #[must_use]
    pub fn pins(mut self, pins: Pins) -> Self {
        self.tls.pins = pins;
        self
    }

    /// Who this client is, by a certificate, to these servers when they ask: the origin of TLS with the server's name,
    /// at the port that was dialled. Nobody else is shown it. Default nobody.
    #[must_use]
    pub fn client_identity(mut self, identity: Identity, servers: Vec<Origin>) -> Self {
        self.tls.identity = Some((identity, servers));
        self
    }

    /// Revocation lists as DER (RFC 5280 §5); with `demand`, a certificate that none speaks about is refused.
    /// Default none.
    #[must_use]
    pub fn revocation_lists(mut self, lists: Vec<Vec<u8>>, demand: bool) -> Self {
        (self.tls.revocation_lists, self.tls.demands_revocation_status) = (lists, demand);
        self
    }

    /// What is asked of the sockets. Default [`SocketOptions::default`].
    #[must_use]
    pub fn options(mut self, options: SocketOptions) -> Self {
        self.options = options;
        self
    }

    /// The bounds: `connect_time` for a connection, `answer_time` for a proxy's answer and for a conversation that
    /// leads to TLS, `handshake_time` for TLS. Default [`Limits::default`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Goes through this proxy, by CONNECT or SOCKS5. Default: directly. It is never tried directly at the same time.
    #[must_use]
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Looks at each connection after its TLS handshake, before one octet of the caller's leaves: `Err` says why not,
    /// and ends it. It can only tighten what the other rules let pass. With [`Protection::Plain`] it looks at what
    /// [`connect`](Connector::connect) opens, which has no TLS; a conversation that leads to TLS it sees when it has.
    /// Default: no look.
    #[must_use]
    pub fn before_send<F, V>(mut self, look: F) -> Self
    where
        F: Fn(ConnectionFacts) -> V + Send + Sync + 'static,
        V: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.inspection = Some(Inspection::new(look));
        self
    }

    /// Adds a consumer of events.
    #[must_use]
    pub fn on_event(mut self, sink: Sink) -> Self {
        self.sinks.push(SinkEntry(sink));
        self
    }

    /// Finishes.
    ///
    /// # Errors
    /// If an option can be no socket's, or the rules of TLS contradict themselves.
    pub fn build(self) -> Result<Connector, Error> {
        self.options.check()?;
        let events = Events::to(self.sinks.into_iter().map(|entry| entry.0).collect());
        let mut tls = self.tls;
        tls.min = self.protection.oldest().map_or(tls.min, |oldest| oldest.max(tls.min));
        let dialer = Dialer::new(tls, Arc::new(self.limits))?.with_options(self.options);
        let kerberos = system::kerberos();
        let proxied = |proxy| Proxied::new(proxy, schemes::ALL.to_vec(), Settings::default(), kerberos, events.clone());
        let detour = self.proxy.map(proxied).map(|proxied| proxied as Arc<dyn Detour>);
        let opener = Opener { dialer, events, inspection: self.inspection, detour };
        Ok(Connector { opener: Arc::new(opener), protection: self.protection })
    }
}
