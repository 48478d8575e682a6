//! The whole configuration: what was written becomes what is meant.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use gatepost::auth::settings::Settings;
use gatepost::model::limits::Limits;
use gatepost::model::url::Url;
use gatepost::registry::Registry;
use gatepost::server::damping::DampingRules;
use gatepost::store::journal::USUAL_SIZE;
use toml::Spanned;

use crate::config::damping::damping;
use crate::config::document::Document;
use crate::config::layers::{Layers, Lookup};
use crate::config::limits::limits;
use crate::config::listener::{self, Listener, Protection};
use crate::config::routes::{self, Guard, Route, Target};
use crate::config::source::{Entry, Source};
use crate::config::spec::{AuthSpec, DocumentSpec, JwksSpec, LogSpec, SecretSpec, StoreSpec, Written};
use crate::config::value::{Dialect, Field, List, Period, Upstream};
use crate::config::websocket::WebSocket;
use crate::error::GatewayError;

/// Everything that the gateway was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where it listens; never empty.
    pub listeners: Vec<Listener>,
    /// What it guards; no two claim the same requests.
    pub routes: Vec<Route>,
    /// Worker threads. Default: one for each processor.
    pub workers: usize,
    /// How long requests in flight may take to end at shutdown. Default 30 s.
    pub drain_time: Duration,
    /// The schemes that there are.
    pub registry: Registry,
    /// How the schemes are set up.
    pub auth: Settings,
    /// How guessing at secrets is slowed down.
    pub damping: DampingRules,
    /// Whose keys sign tokens.
    pub keys: Keys,
    /// The bounds.
    pub limits: Limits,
    /// The store file; the state directory's own if `None`.
    pub store: Option<PathBuf>,
    /// Where the key that seals secrets comes from; the state directory's own if nothing is said.
    pub sealing: Sealing,
    /// After how many octets the decision log gives way to a new one; none is kept if `None`.
    pub decision_bytes: Option<u64>,
    /// Which protections are switched off.
    pub danger: Danger,
    /// Each setting with its source.
    pub entries: Vec<Entry>,
}

/// Whose keys sign bearer tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keys {
    /// The local issuer's, from the store.
    Local,
    /// A JWK Set in a file.
    File(PathBuf),
    /// A JWK Set behind a URL.
    Url(Url),
}

/// Where a secret lies. It is never written in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretSource {
    /// In an environment variable.
    Environment(String),
    /// In a file; a line end at its end does not belong to it.
    File(PathBuf),
}

/// Where the configuration says that the sealing key comes from; at most one of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sealing {
    /// The key, as base64 of 32 octets.
    pub key: Option<SecretSource>,
    /// A passphrase, of which Argon2id makes the key.
    pub passphrase: Option<SecretSource>,
}

/// Protections that someone switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Danger {
    /// Routes may be open to everybody.
    pub no_auth: bool,
    /// Listeners may be without TLS.
    pub plain_listeners: bool,
}

/// What the command line says; the highest layer.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--listen`: replaces the document's listeners.
    pub listen: Option<SocketAddr>,
    /// `--cert` and `--key`: PEM files for `listen`.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// `--upstream`: the one route's target when there is no document.
    pub upstream: Option<Upstream>,
    /// `--danger-no-auth`.
    pub no_auth: bool,
    /// The schemes that there are: a program that starts a gateway may have some of its own.
    pub registry: Registry,
    /// Other settings: dotted name to flag and text.
    pub settings: BTreeMap<&'static str, (&'static str, String)>,
}

/// Reads the layers, the lowest first, and says what they mean together.
///
/// Without a document there is one listener (`--listen`, else a free port of 127.0.0.1) and one
/// route for all requests (`--upstream`, else the demo).
///
/// # Errors
/// [`GatewayError::Setting`] at the first value that is wrong, with its place.
pub fn compose(document: Option<&Document>, environment: Lookup<'_>, flags: &Flags) -> Result<Config, GatewayError> {
    let mut settings = flags.settings.clone();
    if flags.no_auth {
        settings.insert("danger.no_auth", ("--danger-no-auth", "true".into()));
    }
    let spec = document.map(Document::spec).transpose()?.unwrap_or_default();
    let mut layers = Layers::new(document, environment, &settings);
    let identity = layers
        .pick("identity_header", spec.identity_header.clone(), "X-Gatepost-User".parse::<Field>().map_err(bug)?)?
        .name();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = layers.pick("workers", spec.workers.clone(), processors)?.clamp(1, 1024);
    let drain_time = layers.pick("drain_time", spec.drain_time.clone(), Period(Duration::from_secs(30)))?.0;
    let danger = Danger {
        no_auth: layers.pick("danger.no_auth", spec.danger.no_auth.clone(), false)?,
        plain_listeners: layers.pick("danger.plain_listeners", spec.danger.plain_listeners.clone(), false)?,
    };
    let DocumentSpec { listener, route, mut auth, limits: bounds, store, log, .. } = spec;
    let registry = flags.registry.clone();
    let schemes_of_all = inherited(auth.schemes.take(), &registry, &mut layers)?;
    let damping = damping(std::mem::take(&mut auth.damping), &mut layers)?;
    let listeners = all_listeners(listener, danger, document, flags, &mut layers)?;
    let routes = match document {
        Some(document) => {
            let open_allowed = danger.no_auth;
            let common = routes::Common { open_allowed, identity, registry: &registry, schemes: schemes_of_all };
            routes::routes(route, &common, document, &mut layers)?
        }
        None => vec![only_route(flags, identity, danger, &mut layers)],
    };
    if let (Some(document), true) = (document, routes.is_empty()) {
        return Err(document.wrong(&(0..0), "there is no `[[route]]`: nothing would be guarded"));
    }
    let (auth, keys) = schemes(auth, document, &mut layers)?;
    let limits = limits(bounds, &mut layers)?;
    let (store, sealing) = keeping(store, document, &mut layers)?;
    let decision_bytes = decision_bytes(log, &mut layers)?;
    let entries = layers.into_entries();
    Ok(Config {
        listeners,
        routes,
        workers,
        drain_time,
        registry,
        auth,
        damping,
        keys,
        limits,
        store,
        sealing,
        decision_bytes,
        danger,
        entries,
    })
}

/// The schemes of routes that list none.
fn inherited(
    written: Written<List<String>>,
    registry: &Registry,
    layers: &mut Layers<'_>,
) -> Result<Option<Vec<&'static str>>, GatewayError> {
    let Some(List(names)) = layers.pick_any("auth.schemes", written)? else { return Ok(None) };
    let known =
        |name: &String| routes::scheme(name, registry).map_err(|(problem, hint)| layers.wrong(problem, Some(hint)));
    let names: Vec<_> = names.iter().map(known).collect::<Result<_, _>>()?;
    if names.is_empty() {
        let problem = "`auth.schemes` lists none: leave it out, or list some".to_owned();
        return Err(layers.wrong(problem, Some("a route is opened to everybody at the route itself".into())));
    }
    Ok(Some(names))
}

fn decision_bytes(spec: LogSpec, layers: &mut Layers<'_>) -> Result<Option<u64>, GatewayError> {
    let kept = layers.pick("log.decisions", spec.decisions, true)?;
    let range = 64 * 1024..=1024 * 1024 * 1024;
    let octets = layers.pick_within("log.decision_bytes", spec.decision_bytes, USUAL_SIZE, &range)?;
    Ok(kept.then_some(octets))
}

fn all_listeners(
    specs: Vec<Spanned<crate::config::spec::ListenerSpec>>,
    danger: Danger,
    document: Option<&Document>,
    flags: &Flags,
    layers: &mut Layers<'_>,
) -> Result<Vec<Listener>, GatewayError> {
    let (Some(document), None) = (document, flags.listen) else {
        return Ok(vec![listener_of_flags(flags, layers)]);
    };
    let listeners = listener::listeners(specs, danger.plain_listeners, document, layers)?;
    if listeners.is_empty() {
        return Ok(vec![listener_of_flags(flags, layers)]);
    }
    Ok(listeners)
}

fn listener_of_flags(flags: &Flags, layers: &mut Layers<'_>) -> Listener {
    let (address, source) = match flags.listen {
        Some(address) => (address, Source::Flag("--listen")),
        None => (SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Source::Default),
    };
    let (protection, certificate_source) = match &flags.certificate {
        Some((certificate, key)) => {
            (Protection::Files { certificate: certificate.clone(), key: key.clone() }, Source::Flag("--cert"))
        }
        None => (Protection::Bindings, Source::Default),
    };
    layers.note("listener[0].address", &address, source.clone());
    layers.note("listener[0].protection", &protection, certificate_source);
    Listener { address, protection, source }
}

fn only_route(flags: &Flags, identity: http::HeaderName, danger: Danger, layers: &mut Layers<'_>) -> Route {
    let (target, source) = match &flags.upstream {
        Some(Upstream(url)) => (Target::Upstream(url.clone()), Source::Flag("--upstream")),
        None => (Target::Demo, Source::Default),
    };
    let guard = if danger.no_auth { Guard::Open } else { Guard::Schemes(flags.registry.names().collect()) };
    let route = Route { host: None, prefix: "/".into(), guard, target, identity, websocket: WebSocket::Tunnel, source };
    routes::note(&route, 0, layers);
    route
}

fn schemes(
    spec: AuthSpec,
    document: Option<&Document>,
    layers: &mut Layers<'_>,
) -> Result<(Settings, Keys), GatewayError> {
    let mut settings = Settings::default();
    let usual = Settings::default();
    settings.realm = layers.pick("auth.realm", spec.realm, usual.realm)?;
    let dialects = List(usual.wsse.dialects.into_iter().map(Dialect).collect());
    let dialects = layers.pick("auth.wsse.dialects", spec.wsse.dialects, dialects)?;
    settings.wsse.dialects = dialects.0.into_iter().map(|dialect| dialect.0).collect();
    settings.wsse.past = layers.pick("auth.wsse.past", spec.wsse.past, Period(usual.wsse.past))?.0;
    settings.wsse.future = layers.pick("auth.wsse.future", spec.wsse.future, Period(usual.wsse.future))?.0;
    settings.bearer.issuer = layers.pick_any("auth.bearer.issuer", spec.bearer.issuer)?;
    settings.bearer.audience = layers.pick_any("auth.bearer.audience", spec.bearer.audience)?;
    settings.bearer.types = layers.pick("auth.bearer.types", spec.bearer.types, List(usual.bearer.types))?.0;
    settings.bearer.leeway = layers.pick("auth.bearer.leeway", spec.bearer.leeway, Period(usual.bearer.leeway))?.0;
    settings.bearer.subject = layers.pick("auth.bearer.subject", spec.bearer.subject, usual.bearer.subject)?;
    let keys = keys(spec.bearer.jwks, document, layers)?;
    Ok((settings, keys))
}

fn keys(spec: Written<JwksSpec>, document: Option<&Document>, layers: &mut Layers<'_>) -> Result<Keys, GatewayError> {
    let (Some(spec), Some(document)) = (spec, document) else {
        layers.note("auth.bearer.jwks", &"the local issuer", Source::Default);
        return Ok(Keys::Local);
    };
    let span = spec.span();
    let keys = match spec.into_inner() {
        JwksSpec { file: Some(file), url: None } => Keys::File(document.beside(&file)),
        JwksSpec { file: None, url: Some(url) } => {
            let parsed = Url::parse(url.get_ref()).map_err(|error| document.wrong(&url.span(), error.to_string()))?;
            if !parsed.is_secure() || parsed.is_websocket() {
                return Err(document
                    .wrong(&url.span(), "keys come over `https://` only: whoever can change them can sign tokens"));
            }
            Keys::Url(parsed)
        }
        _ => return Err(document.wrong(&span, "expected `{ file = \"…\" }` or `{ url = \"…\" }`")),
    };
    let shown = match &keys {
        Keys::Local => "the local issuer".into(),
        Keys::File(path) => path.display().to_string(),
        Keys::Url(url) => url.to_string(),
    };
    layers.note("auth.bearer.jwks", &shown, document.source(&span));
    Ok(keys)
}

fn keeping(
    spec: StoreSpec,
    document: Option<&Document>,
    layers: &mut Layers<'_>,
) -> Result<(Option<PathBuf>, Sealing), GatewayError> {
    let path = layers.pick_any("store.path", spec.path)?;
    let path =
        path.map(|path| document.map_or_else(|| PathBuf::from(&path), |document| document.beside(Path::new(&path))));
    let Some(document) = document else { return Ok((path, Sealing::default())) };
    if let (Some(_), Some(second)) = (&spec.seal_key, &spec.seal_passphrase) {
        return Err(document.wrong(&second.span(), "a store is sealed with a key or with a passphrase, not with both"));
    }
    let key = secret_source("store.seal_key", spec.seal_key, document, layers)?;
    let passphrase = secret_source("store.seal_passphrase", spec.seal_passphrase, document, layers)?;
    Ok((path, Sealing { key, passphrase }))
}

fn secret_source(
    name: &str,
    spec: Written<SecretSpec>,
    document: &Document,
    layers: &mut Layers<'_>,
) -> Result<Option<SecretSource>, GatewayError> {
    let Some(spec) = spec else { return Ok(None) };
    let span = spec.span();
    let source = match spec.into_inner() {
        SecretSpec { env: Some(name), file: None } => SecretSource::Environment(name),
        SecretSpec { env: None, file: Some(file) } => SecretSource::File(document.beside(&file)),
        _ => {
            return Err(document
                .wrong(&span, "expected `{ env = \"NAME\" }` or `{ file = \"…\" }`: a secret is never written here"));
        }
    };
    let shown = match &source {
        SecretSource::Environment(name) => format!("environment {name}"),
        SecretSource::File(file) => file.display().to_string(),
    };
    layers.note(name, &shown, document.source(&span));
    Ok(Some(source))
}

fn bug(detail: String) -> GatewayError {
    GatewayError::Setting { place: "built-in default".into(), problem: detail, hint: None }
}
