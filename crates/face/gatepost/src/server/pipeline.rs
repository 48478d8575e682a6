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
use http::{HeaderValue, Request, Response};

use crate::events::Events;
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
        let principal = principal.map(|principal| principal.name.clone());
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
    who: &mut Option<Arc<Principal>>,
) -> Result<Response<Body>, Denied> {
    let (head, body) = request.into_parts();
    let host = admit(&head)?;
    let (guard, route) = site.route(&head, &peer)?;
    let principal = authenticate(&guard, &head, host, &peer).await?;
    who.clone_from(&principal);
    authorise(&guard, principal.as_deref(), events)?;
    let visitor = Visitor { principal, peer };
    site.handle(route, Request::from_parts(head, body), visitor).await
}

/// Refuses what two readers could understand differently, and names the one host that is meant.
fn admit(head: &Parts) -> Result<&str, Denied> {
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
    Authority::parse(host).map_err(|_| Denied::BadRequest("the Host is malformed"))?;
    Ok(host)
}

/// The effective request URI (RFC 9110 §7.1), for those who ask for a proof.
fn address(head: &Parts, host: &str, peer: &Peer) -> Result<Url, Denied> {
    let scheme = if peer.tls.is_some() { "https" } else { "http" };
    let target = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let target = if target == "*" { "/" } else { target };
    Url::parse(&format!("{scheme}://{host}{target}")).map_err(|_| Denied::BadRequest("the Host is malformed"))
}

/// Who sent it, if the guard wants to know.
async fn authenticate(guard: &Guard, head: &Parts, host: &str, peer: &Peer) -> Result<Option<Arc<Principal>>, Denied> {
    let authenticator = match guard {
        Guard::DangerOpen => return Ok(None),
        Guard::Schemes { authenticator, .. } => authenticator,
    };
    let values = |field| head.headers.get_all(field).iter().map(HeaderValue::as_bytes);
    if let Some(principal) = authenticator.recall(values, Some(peer.address)).await {
        return Ok(Some(principal));
    }
    let url = address(head, host, peer)?;
    let head = RequestHead { method: &head.method, url: &url, headers: &head.headers, party: Party::Server };
    // Cold, and out of the way of the request's own future.
    Box::pin(authenticator.authenticate(head, Some(peer.address))).await.map(Some)
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
