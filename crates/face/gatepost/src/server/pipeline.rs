//! The road in, on one screen: admit, route, authenticate, authorise, handle, respond.

use std::sync::{Arc, OnceLock};

use gatepost_auth::challenge::Challenge;
use gatepost_http::host::Authority;
use gatepost_http::target;
use gatepost_model::event::Event;
use gatepost_model::head::{Party, RequestHead};
use gatepost_model::principal::Principal;
use gatepost_model::url::Url;
use gatepost_net::body::Body;
use gatepost_net::handler::{Answering, Peer};
use gatepost_policy::access::Access;
use http::header::WWW_AUTHENTICATE;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};

use crate::events::Events;
use crate::server::authenticate::Authenticator;
use crate::server::authenticated::Authenticated;
use crate::server::content::Content;
use crate::server::denied::Denied;
use crate::server::minutes;
use crate::server::respond::{Reader, respond};
use crate::server::site::{Guard, Handling, Site, Visitor};

/// What all requests of a server have in common. Nothing in it changes.
pub(crate) struct Common<S> {
    pub(crate) site: S,
    pub(crate) events: Events,
}

/// Takes a request from its head to its answer. What needs no wait has happened when this returns: most
/// requests never stand still before they are handled.
pub(crate) fn run<S: Site>(common: &Arc<Common<S>>, request: Request<Body>, peer: Arc<Peer>) -> Answering {
    let record = common.events.are_heard().then(|| Record::of(&request));
    let reader = Reader::of(request.headers());
    match walk(common, request, peer, record.as_ref()) {
        Ok(handling) => {
            let record = record.map(|record| (record, Arc::clone(common)));
            Box::pin(async move {
                let response = handling.await.unwrap_or_else(|denied| respond(&denied, reader));
                if let Some((record, common)) = record {
                    record.tell(&common.events, &response);
                }
                response
            })
        }
        Err(denied) => {
            let response = respond(&denied, reader);
            if let Some(record) = record {
                record.tell(&common.events, &response);
            }
            Box::pin(std::future::ready(response))
        }
    }
}

/// What is told of a request that has been answered.
struct Record {
    method: String,
    path: String,
    /// Filled in as soon as it is known.
    principal: Arc<OnceLock<String>>,
}

impl Record {
    fn of(request: &Request<Body>) -> Self {
        let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
        Self { method, path, principal: Arc::default() }
    }

    fn tell(self, events: &Events, response: &Response<Body>) {
        let Self { method, path, principal } = self;
        let status = response.status().as_u16();
        events.emit(&Event::Answered { method, path, status, principal: principal.get().cloned() });
    }
}

/// The steps in their order.
fn walk<S: Site>(
    common: &Arc<Common<S>>,
    request: Request<Body>,
    peer: Arc<Peer>,
    record: Option<&Record>,
) -> Result<Handling, Denied> {
    let (head, body) = request.into_parts();
    let host = admit(&head)?;
    let (guard, route) = common.site.route(&head, &host, &peer)?;
    let (authenticator, access, demanded) = match guard {
        Guard::Schemes { authenticator, access } => (authenticator, access, true),
        Guard::Optional { authenticator, access } => (authenticator, access, false),
        Guard::DangerOpen => {
            let visitor = Visitor { principal: None, peer };
            return Ok(common.site.handle(route, Request::from_parts(head, body), visitor));
        }
    };
    // Nearly always it is who it was a moment ago, and nothing has to wait.
    let values = |field| head.headers.get_all(field).iter().map(HeaderValue::as_bytes);
    if let Some(principal) = authenticator.recall_at_once(values, &peer) {
        let who = record.map(|record| &*record.principal);
        let visitor = admitted(principal, &access, &common.events, who, (&head, &host, peer))?;
        return Ok(common.site.handle(route, Request::from_parts(head, body), visitor));
    }
    let (common, who) = (Arc::clone(common), record.map(|record| Arc::clone(&record.principal)));
    Ok(Box::pin(async move {
        let mut content = Content::new(body);
        let found = match authenticate(&authenticator, &head, &mut content, &host, &peer).await? {
            Err(challenges) if demanded => return Err(authenticator.nobody(challenges, &peer)),
            found => found,
        };
        let Authenticated { principal, fields } = match found {
            Ok(found) => found,
            Err(challenges) => {
                let visitor = Visitor { principal: None, peer };
                let handling = common.site.handle(route, Request::from_parts(head, content.into_body()), visitor);
                return Ok(challenging(handling.await?, &challenges));
            }
        };
        let visitor = admitted(principal, &access, &common.events, who.as_deref(), (&head, &host, peer))?;
        let mut response = common.site.handle(route, Request::from_parts(head, content.into_body()), visitor).await?;
        response.headers_mut().extend(fields);
        Ok(response)
    }))
}

/// Who was found to have sent it, noted and then judged by the route's policy.
fn admitted(
    principal: Arc<Principal>,
    access: &Access,
    events: &Events,
    who: Option<&OnceLock<String>>,
    (head, host, peer): (&Parts, &Authority, Arc<Peer>),
) -> Result<Visitor, Denied> {
    if let Some(who) = who {
        // Nobody else fills it in.
        let _ = who.set(principal.name.clone());
    }
    if let Err(reason) = authorise(access, &principal, events) {
        let place = || format!("{host}{}", head.uri.path());
        events.record(|| minutes::forbidden(place(), peer.address.ip(), &principal, reason));
        return Err(Denied::Forbidden);
    }
    Ok(Visitor { principal: Some(principal), peer })
}

/// Refuses what two readers could understand differently, and names the one host that is meant.
fn admit(head: &Parts) -> Result<Authority, Denied> {
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
    Authority::parse(host).map_err(|_| Denied::BadRequest("the Host is malformed"))
}

/// The effective request URI (RFC 9110 §7.1), for those who ask for a proof.
fn address(head: &Parts, host: &Authority, peer: &Peer) -> Result<Url, Denied> {
    let scheme = if peer.tls.is_some() { "https" } else { "http" };
    let target = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let target = if target == "*" { "/" } else { target };
    Url::parse(&format!("{scheme}://{host}{target}")).map_err(|_| Denied::BadRequest("the Host is malformed"))
}

/// Who sent it: recalled, or judged anew; or nobody, and what they are asked with.
async fn authenticate(
    authenticator: &Authenticator,
    head: &Parts,
    content: &mut Content,
    host: &Authority,
    peer: &Peer,
) -> Result<Result<Authenticated, Vec<Challenge>>, Denied> {
    let values = |field| head.headers.get_all(field).iter().map(HeaderValue::as_bytes);
    if let Some(principal) = authenticator.recall(values, peer).await {
        return Ok(Ok(principal.into()));
    }
    let url = address(head, host, peer)?;
    // As it came, not as it is understood.
    let target = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let head = RequestHead { method: &head.method, url: &url, target, headers: &head.headers, party: Party::Server };
    // Cold, and out of the way of the request's own future.
    Box::pin(authenticator.look(head, content, peer)).await
}

/// The site's answer to nobody: where it asks for a proof and does not say for which, our challenges are added.
fn challenging(mut response: Response<Body>, challenges: &[Challenge]) -> Response<Body> {
    if response.status() == StatusCode::UNAUTHORIZED && !response.headers().contains_key(WWW_AUTHENTICATE) {
        let values = challenges.iter().filter_map(|challenge| challenge.to_header_value().ok());
        for value in values {
            response.headers_mut().append(WWW_AUTHENTICATE, value);
        }
    }
    response
}

/// Whether who they are is enough, or why not.
fn authorise(access: &Access, principal: &Principal, events: &Events) -> Result<(), String> {
    let decision = access.admit(principal);
    if decision.allowed {
        return Ok(());
    }
    let reason = decision.reason.to_string();
    events.emit(&decision.into_event("access"));
    Err(reason)
}
