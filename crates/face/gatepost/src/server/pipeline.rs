//! The road in, on one screen: admit, route, authenticate, authorise, handle, respond.

use std::sync::Arc;

use gatepost_http::host::Authority;
use gatepost_http::target;
use gatepost_model::event::Event;
use gatepost_model::head::{Party, RequestHead};
use gatepost_model::principal::Principal;
use gatepost_model::url::Url;
use gatepost_net::body::Body;
use gatepost_net::handler::Peer;
use http::request::Parts;
use http::{Request, Response};

use crate::events::Events;
use crate::server::authenticate::Authenticator;
use crate::server::denied::Denied;
use crate::server::respond::{Reader, respond};
use crate::server::site::{Guard, Site, Visitor};

/// Takes a request from its head to its answer.
pub(crate) async fn run<S: Site>(site: &S, events: &Events, request: Request<Body>, peer: Arc<Peer>) -> Response<Body> {
    // What the record needs of the request, before it is given away.
    let asked = events.are_heard().then(|| (request.method().to_string(), request.uri().path().to_owned()));
    let reader = Reader::of(request.headers());
    let mut principal = None;
    let response = match walk(site, events, request, peer, &mut principal).await {
        Ok(response) => response,
        Err(denied) => respond(&denied, reader),
    };
    if let Some((method, path)) = asked {
        events.emit(&Event::Answered { method, path, status: response.status().as_u16(), principal });
    }
    response
}

/// The steps in their order. `who` is filled in as soon as it is known, for the record.
async fn walk<S: Site>(
    site: &S,
    events: &Events,
    request: Request<Body>,
    peer: Arc<Peer>,
    who: &mut Option<String>,
) -> Result<Response<Body>, Denied> {
    let (head, body) = request.into_parts();
    let (written, host) = admit(&head)?;
    let (guard, route) = site.route(&head, &host, &peer)?;
    let principal = match &guard {
        Guard::DangerOpen => None,
        // In a box, because the way through all schemes is long and seldom gone to its end.
        Guard::Schemes { authenticator, .. } => {
            Some(Box::pin(authenticate(authenticator, &head, written, &peer)).await?)
        }
    };
    *who = principal.as_ref().map(|principal| principal.name.clone());
    authorise(&guard, principal.as_ref(), events)?;
    let visitor = Visitor { principal, peer };
    site.handle(route, Request::from_parts(head, body), visitor).await
}

/// Refuses what two readers could understand differently, and names the one host that is meant: as it was
/// written, and what it means.
fn admit(head: &Parts) -> Result<(&str, Authority), Denied> {
    let path = head.uri.path();
    if path != "*" {
        target::check_path(path)
            .map_err(|_| Denied::BadRequest("the path is ambiguous: it could be read as another"))?;
    }
    let mut hosts = head.headers.get_all(http::header::HOST).iter();
    let field = hosts.next();
    if hosts.next().is_some() {
        return Err(Denied::BadRequest("there is more than one Host"));
    }
    let field =
        field.map(|value| value.to_str().map_err(|_| Denied::BadRequest("the Host is malformed"))).transpose()?;
    let target = head.uri.authority().map(http::uri::Authority::as_str);
    let host = match (target, field) {
        (Some(target), Some(field)) if !target.eq_ignore_ascii_case(field) => {
            return Err(Denied::BadRequest("the Host and the target name different authorities"));
        }
        (Some(host), _) | (None, Some(host)) => host,
        (None, None) => return Err(Denied::BadRequest("there is no Host")),
    };
    let meant = Authority::parse(host).map_err(|_| Denied::BadRequest("the Host is malformed"))?;
    Ok((host, meant))
}

/// The effective request URI (RFC 9110 §7.1), for those who ask for a proof.
fn address(head: &Parts, host: &str, peer: &Peer) -> Result<Url, Denied> {
    let scheme = if peer.tls.is_some() { "https" } else { "http" };
    let target = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let target = if target == "*" { "/" } else { target };
    Url::parse(&format!("{scheme}://{host}{target}")).map_err(|_| Denied::BadRequest("the Host is malformed"))
}

/// Who sent it.
async fn authenticate(
    authenticator: &Authenticator,
    head: &Parts,
    host: &str,
    peer: &Peer,
) -> Result<Principal, Denied> {
    let url = address(head, host, peer)?;
    let head = RequestHead { method: &head.method, url: &url, headers: &head.headers, party: Party::Server };
    authenticator.authenticate(head, Some(peer.address)).await
}

/// Whether who they are is enough.
fn authorise(guard: &Guard, principal: Option<&Principal>, events: &Events) -> Result<(), Denied> {
    let decision = match (guard, principal) {
        (Guard::DangerOpen, _) => return Ok(()),
        (Guard::Schemes { access, .. }, Some(principal)) => access.admit(principal),
        (Guard::Schemes { access, .. }, None) => access.admit_unproved(),
    };
    if decision.allowed {
        return Ok(());
    }
    events.emit(&decision.into_event("access"));
    Err(Denied::Forbidden)
}
