//! Routes: which requests go where, and who may come.

use gatepost::auth::settings::Settings;
use gatepost::model::terms::ClientCertificate;
use gatepost::model::url::Url;
use gatepost::registry::Registry;
use http::{HeaderName, StatusCode};
use toml::Spanned;

use crate::config::clients::{Clients, Forwarded};
use crate::config::credential::{UpstreamCredential, credential};
use crate::config::danger::Danger;
use crate::config::demands::Said;
use crate::config::document::Document;
use crate::config::layers::Layers;
use crate::config::proxies::Announcing;
use crate::config::relay::websocket;
use crate::config::source::Source;
use crate::config::spec::{Mode, RespondSpec, RouteSpec, Written};
use crate::config::suggest;
use crate::config::value::{List, Upstream};
use crate::config::websocket::WebSocket;
use crate::error::GatewayError;

/// The scheme that goes by certificates.
const CERTIFICATE: &str = "Certificate";

/// Whether every route that goes by certificates has rules that say who they stand for.
///
/// # Errors
/// The first that has none.
pub(crate) fn named(routes: &[Route], settings: &Settings) -> Result<(), GatewayError> {
    let by_certificate = |route: &&Route| route.guard.admits(CERTIFICATE);
    match routes.iter().find(by_certificate).filter(|_| settings.certificate.rules.is_empty()) {
        None => Ok(()),
        Some(route) => Err(GatewayError::Setting {
            place: route.source.to_string(),
            problem: "the scheme Certificate, and no rule says who a certificate stands for".into(),
            hint: Some("add one, such as `[[auth.certificate.rule]]` with `from = \"email\"`".into()),
        }),
    }
}

/// The requests to one host and path prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The host, in lower case and without a port; any host if `None`.
    pub host: Option<String>,
    /// The path prefix, compared by segment, without a trailing slash unless it is `/`.
    pub prefix: String,
    /// Who may come.
    pub guard: Guard,
    /// Where they go.
    pub target: Target,
    /// Who we are to the upstream; nobody if `None`.
    pub credential: Option<UpstreamCredential>,
    /// The header field in which the upstream is told who came.
    pub identity: HeaderName,
    /// How WebSockets pass.
    pub websocket: WebSocket,
    /// What is made of clients' certificates.
    pub clients: Clients,
    /// What the upstream is told of them.
    pub forwarded: Forwarded,
    /// How the upstream is told whose connection it is.
    pub announcing: Announcing,
    /// Who asked for it.
    pub source: Source,
}

/// Who may come.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Guard {
    /// Whoever proves who they are by one of these schemes, by registered name.
    Schemes(Vec<&'static str>),
    /// The same, and whoever brings no credentials passes as nobody, which the upstream is told.
    Pass(Vec<&'static str>),
    /// Everybody. Only with `[danger] no_auth`.
    Open,
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// To a server behind us.
    Upstream(Url),
    /// Nowhere: a fixed answer.
    Respond {
        /// Its status.
        status: StatusCode,
        /// Its body, `text/plain; charset=utf-8`.
        body: String,
    },
    /// To the demo inside this process.
    Demo,
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Upstream(url) => write!(f, "{}", url.origin()),
            Self::Respond { status, .. } => write!(f, "status {}", status.as_u16()),
            Self::Demo => f.write_str("the demo"),
        }
    }
}

impl Guard {
    /// Whether a proof by this scheme, of this registered name, is taken.
    fn admits(&self, scheme: &str) -> bool {
        match self {
            Self::Schemes(names) | Self::Pass(names) => names.contains(&scheme),
            Self::Open => false,
        }
    }
}

impl std::fmt::Display for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Schemes(names) => f.write_str(&names.join(", ")),
            Self::Pass(names) => write!(f, "{}, or nobody", names.join(", ")),
            Self::Open => f.write_str("open to everybody"),
        }
    }
}

/// What holds for every route that says nothing else.
#[derive(Debug)]
pub(crate) struct Common<'a> {
    pub(crate) danger: Danger,
    pub(crate) identity: HeaderName,
    /// The schemes that there are.
    pub(crate) registry: &'a Registry,
    /// The schemes of a route that lists none.
    pub(crate) schemes: Option<Vec<&'static str>>,
}

/// Gives the written routes their meaning.
pub(crate) fn routes(
    specs: Vec<Spanned<RouteSpec>>,
    common: &Common<'_>,
    document: &Document,
    layers: &mut Layers<'_>,
) -> Result<Vec<Route>, GatewayError> {
    let mut routes: Vec<Route> = Vec::new();
    for spec in specs {
        let route = route(spec, common, document)?;
        if let Some(twin) = routes.iter().find(|other| other.host == route.host && other.prefix == route.prefix) {
            let host = route.host.as_deref().unwrap_or("any host");
            return Err(GatewayError::Setting {
                place: route.source.to_string(),
                problem: format!(
                    "this route claims `{}` of {host}, which the route at {} has",
                    route.prefix, twin.source
                ),
                hint: Some("change `host` or `path` of one of them".into()),
            });
        }
        note(&route, routes.len(), layers);
        routes.push(route);
    }
    Ok(routes)
}

/// Records a route for `config show`.
pub(crate) fn note(route: &Route, at: usize, layers: &mut Layers<'_>) {
    let claim = format!("{}{}", route.host.as_deref().unwrap_or("*"), route.prefix);
    if let Some(credential) = &route.credential {
        layers.note(&format!("route[{at}].upstream_credential"), credential, route.source.clone());
    }
    let said: [(&str, &dyn std::fmt::Display); 5] = [
        ("match", &claim),
        ("schemes", &route.guard),
        ("target", &route.target),
        ("identity_header", &route.identity),
        ("websocket", &route.websocket),
    ];
    for (name, value) in said {
        layers.note(&format!("route[{at}].{name}"), value, route.source.clone());
    }
    for (name, value) in route.clients.entries() {
        layers.note(&format!("route[{at}].{name}"), &value, route.source.clone());
    }
    if route.forwarded != Forwarded::Off {
        layers.note(&format!("route[{at}].forward_certificate"), &route.forwarded, route.source.clone());
    }
    if route.announcing != Announcing::Off {
        layers.note(&format!("route[{at}].proxy_protocol"), &route.announcing, route.source.clone());
    }
    if let WebSocket::Relay(relay) = &route.websocket {
        for (name, value) in relay.entries() {
            layers.note(&format!("route[{at}].relay.{name}"), &value, route.source.clone());
        }
    }
}

fn route(spec: Spanned<RouteSpec>, common: &Common<'_>, document: &Document) -> Result<Route, GatewayError> {
    let whole = spec.span();
    let spec = spec.into_inner();
    let target = match (spec.upstream, spec.respond) {
        (Some(upstream), None) => {
            let Upstream(url) = upstream.into_inner();
            Target::Upstream(url)
        }
        (None, Some(respond)) => fixed(respond.into_inner(), document)?,
        (Some(_), Some(respond)) => {
            return Err(document.wrong(&respond.span(), "a route has an `upstream` or it has `respond`, not both"));
        }
        (None, None) => {
            return Err(GatewayError::Setting {
                place: document.source(&whole).to_string(),
                problem: "this route goes nowhere".into(),
                hint: Some("give it `upstream = \"http://127.0.0.1:3000\"` or `respond = { status = 404 }`".into()),
            });
        }
    };
    let url = match &target {
        Target::Upstream(url) => Some(url),
        _ => None,
    };
    let credential =
        spec.upstream_credential.map(|spec| credential(spec, url, common.danger.plain_credentials, document));
    let credential = credential.transpose()?;
    let said = Said { when: spec.client_certificate, authorities: spec.client_ca, revocation: spec.client_revocation };
    let guard = match (spec.schemes, &common.schemes) {
        (None, None) => return Err(unguarded(document.source(&whole).to_string())),
        (None, Some(names)) => guarded(names.clone(), spec.mode, document)?,
        (Some(list), _) => guard(list, spec.mode, common, document)?,
    };
    let clients = clients(said, &guard, document)?;
    let forwarded = forwarded(spec.forward_certificate, &clients, document)?;
    let announcing = announcing(spec.proxy_protocol, &target, credential.is_some(), document)?;
    Ok(Route {
        announcing,
        credential,
        clients,
        forwarded,
        host: spec.host.map(|host| host.into_inner().0),
        prefix: spec.path.map_or_else(|| "/".into(), |path| path.into_inner().0),
        guard,
        target,
        identity: spec.identity_header.map_or_else(|| common.identity.clone(), |field| field.get_ref().name()),
        websocket: websocket(spec.websocket, spec.relay, document)?,
        source: document.source(&whole),
    })
}

/// A route that goes by certificates asks for them.
fn clients(said: Said, guard: &Guard, document: &Document) -> Result<Clients, GatewayError> {
    let proves = guard.admits(CERTIFICATE);
    let usual = if proves { ClientCertificate::Request } else { ClientCertificate::Off };
    let span = said.when.as_ref().map(Spanned::span);
    let clients = said.clients(usual, document)?;
    match span.filter(|_| proves && !clients.are_asked()) {
        Some(span) => Err(document.wrong(&span, "the scheme Certificate, and no certificate is asked for")),
        None => Ok(clients),
    }
}

/// An upstream that is told whose a connection is gets it for that client alone.
fn announcing(
    written: Written<Announcing>,
    target: &Target,
    proves: bool,
    document: &Document,
) -> Result<Announcing, GatewayError> {
    let Some(written) = written.filter(|written| *written.get_ref() != Announcing::Off) else {
        return Ok(Announcing::Off);
    };
    let wrong = |problem: &str| Err(document.wrong(&written.span(), problem));
    match target {
        Target::Upstream(_) if proves => wrong("`proxy_protocol`, and connections that `upstream_credential` shares"),
        Target::Upstream(_) => Ok(*written.get_ref()),
        _ => wrong("`proxy_protocol` on a route that leads to no upstream"),
    }
}

fn forwarded(written: Written<Forwarded>, clients: &Clients, document: &Document) -> Result<Forwarded, GatewayError> {
    let Some(written) = written else { return Ok(Forwarded::Off) };
    if *written.get_ref() != Forwarded::Off && !clients.are_asked() {
        return Err(document.wrong(&written.span(), "`forward_certificate` without a `client_certificate` to forward"));
    }
    Ok(*written.get_ref())
}

fn fixed(respond: RespondSpec, document: &Document) -> Result<Target, GatewayError> {
    let code = *respond.status.get_ref();
    let status = StatusCode::from_u16(code).ok().filter(|status| status.as_u16() >= 200 && status.as_u16() < 600);
    let wrong = || document.wrong(&respond.status.span(), format!("expected a status from 200 to 599, found {code}"));
    Ok(Target::Respond { status: status.ok_or_else(wrong)?, body: respond.body })
}

fn guard(
    list: Spanned<List<Spanned<String>>>,
    mode: Written<Mode>,
    common: &Common<'_>,
    document: &Document,
) -> Result<Guard, GatewayError> {
    let place = document.source(&list.span()).to_string();
    let names = list.into_inner().0;
    if names.is_empty() {
        return if common.danger.no_auth { guarded(Vec::new(), mode, document) } else { Err(unguarded(place)) };
    }
    let known = |name: &Spanned<String>| {
        scheme(name.get_ref(), common.registry).map_err(|(problem, hint)| GatewayError::Setting {
            place: document.source(&name.span()).to_string(),
            problem,
            hint: Some(hint),
        })
    };
    guarded(names.iter().map(known).collect::<Result<_, _>>()?, mode, document)
}

fn guarded(names: Vec<&'static str>, mode: Written<Mode>, document: &Document) -> Result<Guard, GatewayError> {
    match mode {
        Some(mode) if names.is_empty() => {
            Err(document
                .wrong(&mode.span(), "a route that is open to everybody has no `mode`: nothing is looked at there"))
        }
        _ if names.is_empty() => Ok(Guard::Open),
        Some(mode) if *mode.get_ref() == Mode::Pass => Ok(Guard::Pass(names)),
        _ => Ok(Guard::Schemes(names)),
    }
}

/// The registered name of a scheme, or what is wrong and a hint.
pub(crate) fn scheme(name: &str, registry: &Registry) -> Result<&'static str, (String, String)> {
    let found = registry.by_name(name).map(|scheme| scheme.name());
    found.ok_or_else(|| (format!("unknown scheme `{name}`"), suggest::hint(name, registry.names())))
}

fn unguarded(place: String) -> GatewayError {
    GatewayError::Setting {
        place,
        problem: "this route lets everybody in: it lists no schemes".into(),
        hint: Some("list some, as in `schemes = [\"Basic\"]`; for an open route write `schemes = []` and set `no_auth = true` in `[danger]`".into()),
    }
}
