//! A configuration made to work: routes with their guards, and the way to the upstreams.

use std::sync::Arc;

use gatepost::auth::schemes;
use gatepost::auth::settings::Settings;
use gatepost::client::upstream::Upstream;
use gatepost::clock;
use gatepost::events::Events;
use gatepost::http1::spellings::Spellings;
use gatepost::model::fault::{Blame, Fault};
use gatepost::net::dial::{ClientTls, Dialer};
use gatepost::policy::access::Access;
use gatepost::server::authenticate::Authenticator;
use gatepost::server::contexts::Keytab;
use gatepost::server::doorkeeper::Doorkeeper;
use gatepost::server::keys::{KeySource, Keys as TokenKeys};
use gatepost::server::site::Guard;
use gatepost::store::store::Store;
use gatepost::system;
use http::HeaderName;

use crate::clients::Demand;
use crate::config::compose::{Config, Keys};
use crate::config::kerberos;
use crate::config::layers::Lookup;
use crate::config::routes::{self, Route, Target};
use crate::error::GatewayError;
use crate::hygiene;
use crate::issuer::{self, Issuer};
use crate::nonces;
use crate::outbound::Outbound;
use crate::route::Table;
use crate::way::Way;

/// Everything that a request needs, immutable: a reload makes a new one and swaps it in.
#[derive(Debug)]
pub struct Plan {
    table: Table,
    guards: Vec<Guard>,
    /// The way of each route that leads to an upstream.
    ways: Vec<Option<Way>>,
    /// What each route demands of clients' certificates.
    demands: Vec<Option<Demand>>,
    /// What never reaches an upstream behind an open route, and behind a guarded one.
    stripped_open: Spellings,
    stripped_guarded: Spellings,
    pub(crate) events: Events,
}

impl Plan {
    /// Makes a configuration work.
    ///
    /// # Errors
    /// Whatever the store says, or that a key set or the system's certificates cannot be used.
    pub async fn new(
        config: &Config,
        store: &Arc<dyn Store>,
        environment: Lookup<'_>,
        events: Events,
    ) -> Result<Self, GatewayError> {
        let limits = Arc::new(config.limits.clone());
        // Upstreams are spoken to in HTTP/1.1: each request has its own connection then, and a
        // WebSocket can be opened on it.
        let tls = ClientTls { alpn: vec![b"http/1.1".to_vec()], ..ClientTls::default() };
        let upstream = Upstream::new(Dialer::new(tls, limits).map_err(engine)?, events.clone());
        let (settings, keys) = tokens(config, store, &upstream).await?;
        let mut door = Doorkeeper::new(Arc::clone(store), keys).map_err(engine)?;
        if let Some(kerberos::Keytab { file, service }) = config.keytab.clone() {
            door = door.with_keytab(Keytab::open(system::kerberos(), file, service).await.map_err(engine)?);
        }
        let door = Arc::new(door.signing_nonces_with(nonces::key(store.as_ref()).await?));
        let guard = |route: &Route| guard(route, &settings, &door, &events);
        let guards = config.routes.iter().map(guard).collect::<Result<_, _>>()?;
        let outbound = Outbound { store, environment, limits: &config.limits, events: &events };
        let mut ways = Vec::with_capacity(config.routes.len());
        for route in &config.routes {
            ways.push(way(route, &upstream, &outbound).await?);
        }
        let demands = config.routes.iter().map(|route| Demand::of(&route.clients)).collect::<Result<_, _>>()?;
        let identities: Vec<HeaderName> = config.routes.iter().map(|route| route.identity.clone()).collect();
        Ok(Self {
            table: Table::new(config.routes.clone()),
            guards,
            ways,
            demands,
            stripped_open: hygiene::ours(&identities, &[]),
            stripped_guarded: hygiene::ours(&identities, &credential_fields()),
            events,
        })
    }

    /// What is stripped of a request on this route. Where nobody is asked for a proof, and we have none for the
    /// upstream, the fields that could hold one are the application's own.
    pub(crate) fn stripped(&self, route: &Route) -> &Spellings {
        match (&route.guard, &route.credential) {
            (routes::Guard::Open, None) => &self.stripped_open,
            (routes::Guard::Open | routes::Guard::Schemes(_), _) => &self.stripped_guarded,
        }
    }

    /// The route of a request and who stands before it.
    pub(crate) fn find(&self, host: &str, path: &str) -> Option<(usize, &Guard)> {
        let at = self.table.find(host, path)?;
        Some((at, self.guards.get(at)?))
    }

    /// All routes.
    pub(crate) fn routes(&self) -> &[Route] {
        self.table.routes()
    }

    /// The route that [`find`](Self::find) numbered.
    pub(crate) fn route(&self, at: usize) -> Option<&Route> {
        self.table.routes().get(at)
    }

    /// What it demands of the client's certificate, if anything.
    pub(crate) fn demand(&self, at: usize) -> Option<&Demand> {
        self.demands.get(at)?.as_ref()
    }

    /// Where that route leads, if it is to an upstream.
    pub(crate) fn way(&self, at: usize) -> Option<&Way> {
        self.ways.get(at)?.as_ref()
    }
}

/// The schemes' settings and the keys of tokens. The local issuer's tokens carry its name, so it is
/// demanded where nothing else was configured.
async fn tokens(
    config: &Config,
    store: &Arc<dyn Store>,
    upstream: &Upstream,
) -> Result<(Settings, TokenKeys), GatewayError> {
    let mut settings = config.auth.clone();
    let source = match &config.keys {
        Keys::Local => {
            let issuer = Issuer::open(store.as_ref(), clock::now()).await?;
            settings.bearer.issuer.get_or_insert_with(|| issuer::NAME.into());
            settings.bearer.audience.get_or_insert_with(|| issuer::AUDIENCE.into());
            KeySource::Fixed(Arc::new(issuer.keys()))
        }
        Keys::File(path) => KeySource::File(path.clone()),
        Keys::Url(url) => KeySource::Url(url.clone(), upstream.clone()),
    };
    Ok((settings, TokenKeys::new(source)))
}

/// The fields that hold credentials of any scheme: a proof for us is nobody else's.
fn credential_fields() -> Vec<HeaderName> {
    let fields = schemes::ALL.iter().flat_map(|scheme| scheme.fields());
    fields.filter_map(|field| HeaderName::from_bytes(field.as_bytes()).ok()).collect()
}

async fn way(route: &Route, upstream: &Upstream, outbound: &Outbound<'_>) -> Result<Option<Way>, GatewayError> {
    let Target::Upstream(url) = &route.target else { return Ok(None) };
    let session = match &route.credential {
        Some(credential) => Some(outbound.session(credential, url).await?),
        None => None,
    };
    let way = Way::to(url, upstream, session).map_err(|_| GatewayError::Engine {
        blame: Blame::Config,
        code: "GP-GATE-004",
        detail: format!("the upstream {} has no host that can be asked", url.origin()),
        hint: None,
    });
    way.map(Some)
}

fn guard(route: &Route, settings: &Settings, door: &Arc<Doorkeeper>, events: &Events) -> Result<Guard, GatewayError> {
    let names = match &route.guard {
        routes::Guard::Open => return Ok(Guard::DangerOpen),
        routes::Guard::Schemes(names) => names,
    };
    let allowed = names.iter().filter_map(|name| schemes::by_name(name)).collect();
    let authenticator = Authenticator::new(allowed, settings.clone(), Arc::clone(door), events.clone());
    let access = Access::by(names.iter().copied()).map_err(engine)?;
    Ok(Guard::Schemes { authenticator, access: Arc::new(access) })
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn engine(error: impl Fault) -> GatewayError {
    GatewayError::engine(&error)
}
