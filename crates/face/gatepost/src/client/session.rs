//! A session: what a client's requests share. Rules, credentials, connections, learned spaces.

use std::sync::Arc;

use gatepost_auth::keyed::DigestKey;
use gatepost_auth::scheme::Scheme;
use gatepost_auth::schemes;
use gatepost_auth::settings::Settings;
use gatepost_kerberos::kerberos::Kerberos;
use gatepost_model::credential::Credential;
use gatepost_model::limits::Limits;
use gatepost_model::url::Origin;
use gatepost_net::connection::ConnectionFacts;
use gatepost_net::dial::{ClientTls, Dialer, Roots};
use gatepost_policy::credentials::CredentialRules;
use gatepost_policy::redirects::RedirectRules;
use gatepost_policy::transport::TransportRules;
use gatepost_tls::identity::Identity;
use gatepost_tls::verify::flaw::Flaws;
use gatepost_tls::verify::pin::Pins;
use http::Method;

use crate::client::context::{Context, Preauthenticate};
use crate::client::counts::Counts;
use crate::client::detour::Detour;
use crate::client::inspection::Inspection;
use crate::client::opener::Opener;
use crate::client::proxy::{Proxied, Proxy};
use crate::client::request::RequestBuilder;
use crate::client::spaces::Spaces;
use crate::client::upstream::Upstream;
use crate::client::websocket::builder::WebSocketBuilder;
use crate::client::websocket::turnstile::Turnstile;
use crate::clock;
use crate::error::Error;
use crate::events::{Events, Sink, SinkEntry};
use crate::system;

/// An HTTP client that answers challenges.
///
/// A session refuses plain `http` unless the host is named, keeps credentials inside their scope,
/// and follows redirects by the rules of RFC 9110 §15.4. Cheap to clone; clones share everything.
///
/// ```no_run
/// use gatepost::Session;
/// use gatepost::model::credential::Credential;
///
/// # async fn example() -> Result<(), gatepost::Error> {
/// let session = Session::builder().credential(Credential::login("ali", "open sesame")).build()?;
/// let response = session.get("https://localhost:8443/").send().await?;
/// assert_eq!(response.status(), 200);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Session {
    pub(crate) context: Arc<Context>,
}

impl Session {
    /// Starts to put a session together.
    #[must_use]
    pub fn builder() -> SessionBuilder {
        SessionBuilder::default()
    }

    /// A request with this method.
    pub fn request(&self, method: Method, url: &str) -> RequestBuilder {
        RequestBuilder::new(Arc::clone(&self.context), method, url)
    }

    /// A GET request.
    pub fn get(&self, url: &str) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// A POST request.
    pub fn post(&self, url: &str) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// A WebSocket at this address: `wss`, or `ws` where plain `http` is allowed. It goes the way of a request
    /// until it is open, but follows no redirect.
    ///
    /// To one host and port there is one attempt at a time; others wait in turn (RFC 6455 §4.1).
    pub fn websocket(&self, url: &str) -> WebSocketBuilder {
        WebSocketBuilder::new(Arc::clone(&self.context), url)
    }
}

/// Puts a [`Session`] together. Everything not said is safe.
#[derive(Debug, Default)]
pub struct SessionBuilder {
    tls: ClientTls,
    limits: Limits,
    http1_only: bool,
    transport: TransportRules,
    credential_rules: CredentialRules,
    redirects: RedirectRules,
    schemes: Vec<String>,
    settings: Settings,
    credentials: Vec<Credential>,
    preauthenticate: Preauthenticate,
    demands_mutual: bool,
    sinks: Vec<SinkEntry>,
    inspection: Option<Inspection>,
    proxy: Option<Proxy>,
    kerberos: Option<Kerberos>,
}

impl SessionBuilder {
    /// How it speaks TLS, all at once: for rules that were put together elsewhere. Default: as [`ClientTls`]'s.
    #[must_use]
    pub fn tls(mut self, tls: ClientTls) -> Self {
        self.tls = tls;
        self
    }

    /// The certificates that a server's chain may end in. Default: the system's.
    #[must_use]
    pub fn roots(mut self, roots: Roots) -> Self {
        self.tls.roots = roots;
        self
    }

    /// Goes on although this is wrong with a server's certificates. Default: nothing may be. What is fatal
    /// ([`Severity::Fatal`](gatepost_tls::verify::flaw::Severity)) stays so, whatever is asked here; each use is an
    /// event.
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

    /// Who this client is, by a certificate, to these origins when they ask; nobody else is shown it, also behind a
    /// redirect. Default nobody.
    #[must_use]
    pub fn client_identity(mut self, identity: Identity, origins: Vec<Origin>) -> Self {
        self.tls.identity = Some((identity, origins));
        self
    }

    /// Revocation lists as DER (RFC 5280 §5); with `demand`, a certificate that none speaks about is refused.
    /// Default none.
    #[must_use]
    pub fn revocation_lists(mut self, lists: Vec<Vec<u8>>, demand: bool) -> Self {
        (self.tls.revocation_lists, self.tls.demands_revocation_status) = (lists, demand);
        self
    }

    /// The bounds. Default [`Limits::default`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Speaks HTTP/1.1 only. Default: HTTP/2 where the server offers it.
    #[must_use]
    pub fn http1_only(mut self) -> Self {
        self.http1_only = true;
        self
    }

    /// Where plain `http` may go. Default: nowhere.
    #[must_use]
    pub fn transport(mut self, rules: TransportRules) -> Self {
        self.transport = rules;
        self
    }

    /// Where credentials may go. Default: inside their scope, over TLS, not to proxies and not
    /// along a redirect.
    #[must_use]
    pub fn credential_rules(mut self, rules: CredentialRules) -> Self {
        self.credential_rules = rules;
        self
    }

    /// How far redirects are followed. Default: ten.
    #[must_use]
    pub fn redirects(mut self, rules: RedirectRules) -> Self {
        self.redirects = rules;
        self
    }

    /// Allows this scheme. Called several times, the order is the order of preference. Default: all
    /// schemes, the strongest on offer first.
    #[must_use]
    pub fn scheme(mut self, name: impl Into<String>) -> Self {
        self.schemes.push(name.into());
        self
    }

    /// Sets the schemes up.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Adds a credential. One with a scope goes there only; one without is bound to the origin of
    /// each request that the caller makes.
    #[must_use]
    pub fn credential(mut self, credential: Credential) -> Self {
        self.credentials.push(credential);
        self
    }

    /// Whether to send a proof before it is asked for. Default: where it was accepted before.
    #[must_use]
    pub fn preauthenticate(mut self, when: Preauthenticate) -> Self {
        self.preauthenticate = when;
        self
    }

    /// Delivers no answer of a server that has not proved itself as well (Digest's `rspauth`, Kerberos): such an answer
    /// is an error, unless it is a 401. Default: a server may leave that out; one that tries and fails is an error
    /// always.
    #[must_use]
    pub fn demand_mutual(mut self) -> Self {
        self.demands_mutual = true;
        self
    }

    /// The Kerberos of this machine, within bounds of one's own. Default: the one that all sessions and servers of the
    /// process share, so that a KDC that hangs takes a bounded part of it.
    #[must_use]
    pub fn kerberos(mut self, kerberos: Kerberos) -> Self {
        self.kerberos = Some(kerberos);
        self
    }

    /// Goes through this proxy, by CONNECT or SOCKS5, also for WebSockets. Default: directly.
    #[must_use]
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Looks at each new connection after its handshake, before one octet of a request leaves: `Err` says why not,
    /// and ends it ([`NetError::Rejected`](gatepost_net::error::NetError)). It can only tighten what the other rules let
    /// pass. Default: no look. Of several the last stands.
    ///
    /// ```
    /// use gatepost::Session;
    ///
    /// let builder = Session::builder().before_send(|facts| async move {
    ///     let chain = facts.judgement.map(|judgement| judgement.path.len());
    ///     if chain == Some(3) { Ok(()) } else { Err("its chain is not the one we know".to_owned()) }
    /// });
    /// # drop(builder);
    /// ```
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
    /// If a scheme is unknown or the system's certificates cannot be read.
    pub fn build(self) -> Result<Session, Error> {
        let events = Events::to(self.sinks.into_iter().map(|entry| entry.0).collect());
        let mut tls = self.tls;
        if self.http1_only {
            tls.alpn = vec![b"http/1.1".to_vec()];
        }
        let dialer = Dialer::new(tls, Arc::new(self.limits))?;
        let schemes = named(&self.schemes)?;
        let kerberos = self.kerberos.unwrap_or_else(system::kerberos);
        let proxied =
            |proxy| Proxied::new(proxy, schemes.clone(), self.settings.clone(), kerberos.clone(), events.clone());
        let detour = self.proxy.map(proxied).map(|proxied| proxied as Arc<dyn Detour>);
        let context = Context {
            upstream: Upstream::by(Opener { dialer, events: events.clone(), inspection: self.inspection, detour }),
            transport: self.transport,
            credential_rules: self.credential_rules,
            redirects: self.redirects,
            schemes_are_listed: !self.schemes.is_empty(),
            schemes,
            settings: self.settings,
            credentials: self.credentials,
            preauthenticate: self.preauthenticate,
            spaces: Spaces::default(),
            counts: Counts::default(),
            demands_mutual: self.demands_mutual,
            identities: DigestKey::new(&clock::entropy()?),
            kerberos,
            turnstile: Turnstile::default(),
            events,
        };
        Ok(Session { context: Arc::new(context) })
    }
}

/// The schemes of these names, in this order; all of them if none is named.
fn named(names: &[String]) -> Result<Vec<&'static dyn Scheme>, Error> {
    if names.is_empty() {
        return Ok(schemes::ALL.to_vec());
    }
    let find = |name: &String| {
        schemes::by_name(name).ok_or_else(|| {
            let known: Vec<_> = schemes::ALL.iter().map(|scheme| scheme.name()).collect();
            Error::usage(format!("there is no scheme `{name}`: the schemes are {}", known.join(", ")))
        })
    };
    names.iter().map(find).collect()
}
