//! The whole configuration: what was written becomes what is meant.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use gatepost::auth::settings::{ChannelBinding, Settings};
use gatepost::model::limits::Limits;
use gatepost::model::url::Url;
use gatepost::registry::Registry;
use gatepost::server::damping::DampingRules;
use toml::Spanned;

use crate::config::acme::{self, Acme};
use crate::config::client_rules;
use crate::config::clients::{Clients, Forwarded};
use crate::config::damping::damping;
use crate::config::danger::Danger;
use crate::config::digest::digest;
use crate::config::document::Document;
use crate::config::keeping::{decision_bytes, keeping};
use crate::config::kerberos::{Keytab, keytab};
use crate::config::layers::{Layers, Lookup};
use crate::config::limits::limits;
use crate::config::listener::{self, Listener, Protection};
use crate::config::ntlm::{Binding, NetbiosName};
use crate::config::proxies::Announcing;
use crate::config::routes::{self, Guard, Route, Target};
use crate::config::secret::Sealing;
use crate::config::source::{Entry, Source};
use crate::config::spec::{AuthSpec, DocumentSpec, JwksSpec, Written};
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
    /// The certificates that an ACME authority is asked for; no name is in two of them. Default none.
    pub acme: Vec<Acme>,
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
    /// With which keys Kerberos is judged; by nobody's if `None`.
    pub keytab: Option<Keytab>,
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
    let danger = Danger::read(&spec.danger, &mut layers)?;
    let DocumentSpec { listener, route, acme, mut auth, limits: bounds, store, log, .. } = spec;
    let registry = flags.registry.clone();
    let schemes_of_all = inherited(auth.schemes.take(), &registry, &mut layers)?;
    let damping = damping(std::mem::take(&mut auth.damping), &mut layers)?;
    let listeners = all_listeners(listener, danger, document, flags, &mut layers)?;
    let routes = match document {
        Some(document) => {
            let common = routes::Common { danger, identity, registry: &registry, schemes: schemes_of_all };
            routes::routes(route, &common, document, &mut layers)?
        }
        None => vec![only_route(flags, identity, danger, &mut layers)],
    };
    let acme = match document {
        Some(document) => acme::certificates(acme, &listeners, document, &mut layers)?,
        None => Vec::new(),
    };
    if let (Some(document), true) = (document, routes.is_empty()) {
        return Err(document.wrong(&(0..0), "there is no `[[route]]`: nothing would be guarded"));
    }
    let keytab = keytab(std::mem::take(&mut auth.kerberos), document, &mut layers)?;
    let (mut auth, keys) = schemes(auth, danger, document, &mut layers)?;
    routes::named(&routes, &auth)?;
    // What is required is not ignored.
    if danger.ignore_channel_binding && auth.channel_binding == ChannelBinding::Checked {
        auth.channel_binding = ChannelBinding::DangerIgnored;
    }
    let limits = limits(bounds, &mut layers)?;
    let (store, sealing) = keeping(store, document, &mut layers)?;
    let decision_bytes = decision_bytes(log, &mut layers)?;
    let entries = layers.into_entries();
    Ok(Config {
        listeners,
        routes,
        acme,
        workers,
        drain_time,
        registry,
        auth,
        damping,
        keys,
        keytab,
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
            let (certificate, key, clients) = (certificate.clone(), key.clone(), Clients::default());
            (Protection::Files { certificate, key, clients }, Source::Flag("--cert"))
        }
        None => (Protection::Bindings, Source::Default),
    };
    layers.note("listener[0].address", &address, source.clone());
    layers.note("listener[0].protection", &protection, certificate_source);
    Listener { address, protection, announcers: None, source }
}

fn only_route(flags: &Flags, identity: http::HeaderName, danger: Danger, layers: &mut Layers<'_>) -> Route {
    let (target, source) = match &flags.upstream {
        Some(Upstream(url)) => (Target::Upstream(url.clone()), Source::Flag("--upstream")),
        None => (Target::Demo, Source::Default),
    };
    let guard = if danger.no_auth { Guard::Open } else { Guard::Schemes(flags.registry.usual_names().collect()) };
    let route = Route {
        host: None,
        prefix: "/".into(),
        guard,
        target,
        credential: None,
        identity,
        websocket: WebSocket::Tunnel,
        clients: Clients::default(),
        forwarded: Forwarded::Off,
        announcing: Announcing::Off,
        source,
    };
    routes::note(&route, 0, layers);
    route
}

fn schemes(
    spec: AuthSpec,
    danger: Danger,
    document: Option<&Document>,
    layers: &mut Layers<'_>,
) -> Result<(Settings, Keys), GatewayError> {
    let mut settings = Settings::default();
    let usual = Settings::default();
    settings.realm = layers.pick("auth.realm", spec.realm, usual.realm)?;
    settings.digest = digest(spec.digest, danger.digest_rfc2069, layers)?;
    let dialects = List(usual.wsse.dialects.into_iter().map(Dialect).collect());
    let dialects = layers.pick("auth.wsse.dialects", spec.wsse.dialects, dialects)?;
    settings.wsse.dialects = dialects.0.into_iter().map(|dialect| dialect.0).collect();
    settings.wsse.past = layers.pick("auth.wsse.past", spec.wsse.past, Period(usual.wsse.past))?.0;
    settings.wsse.future = layers.pick("auth.wsse.future", spec.wsse.future, Period(usual.wsse.future))?.0;
    let binding = layers.pick("auth.channel_binding", spec.channel_binding, Binding(usual.channel_binding))?;
    settings.channel_binding = binding.0;
    settings.ntlm.name = layers.pick("auth.ntlm.name", spec.ntlm.name, NetbiosName(usual.ntlm.name))?.0;
    settings.ntlm.integrity = layers.pick("auth.ntlm.integrity", spec.ntlm.integrity, usual.ntlm.integrity)?;
    settings.bearer.issuer = layers.pick_any("auth.bearer.issuer", spec.bearer.issuer)?;
    settings.bearer.audience = layers.pick_any("auth.bearer.audience", spec.bearer.audience)?;
    settings.bearer.types = layers.pick("auth.bearer.types", spec.bearer.types, List(usual.bearer.types))?.0;
    settings.bearer.leeway = layers.pick("auth.bearer.leeway", spec.bearer.leeway, Period(usual.bearer.leeway))?.0;
    settings.bearer.subject = layers.pick("auth.bearer.subject", spec.bearer.subject, usual.bearer.subject)?;
    settings.certificate.rules = client_rules::rules(spec.certificate, document, layers)?;
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

fn bug(detail: String) -> GatewayError {
    GatewayError::Setting { place: "built-in default".into(), problem: detail, hint: None }
}
