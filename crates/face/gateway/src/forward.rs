//! The way of a request to its upstream and back.

use std::future::ready;

use gatepost::http1::fields;
use gatepost::model::event::Event;
use gatepost::model::fault::{Blame, Fault};
use gatepost::model::time::Timestamp;
use gatepost::model::url::Origin;
use gatepost::net::body::Body;
use gatepost::net::error::{NetError, Wait};
use gatepost::server::denied::Denied;
use gatepost::server::site::{Handling, Visitor};
use http::header;
use http::{HeaderValue, Request, Response, StatusCode};

use crate::chosen::Chosen;
use crate::config::routes::Guard;
use crate::hygiene::{self, Sender};
use crate::plan::Plan;
use crate::way::Way;
use crate::websocket::{Asked, Told};

/// A request whose header fields are fit for the upstream.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) request: Request<Body>,
    /// The WebSocket that it asks for, if it is one that we forward.
    websocket: Option<Asked>,
}

/// Strips what ends here and what only we may say, then says it.
pub(crate) fn prepare(chosen: &Chosen, mut request: Request<Body>, visitor: &Visitor) -> Result<Prepared, Denied> {
    let (route, host) = (chosen.route()?, chosen.host());
    let websocket = Asked::take(&route.websocket, &mut request)?;
    hygiene::cleanse(request.headers_mut(), chosen.plan().stripped(&route.guard));
    let name = visitor.principal.as_ref().map(|principal| principal.name.as_str());
    let proto = if visitor.peer.tls.is_some() { "https" } else { "http" };
    let sender = Sender { peer: Some(visitor.peer.address.ip()), proto, host };
    hygiene::tell(request.headers_mut(), sender, &route.identity, name);
    if let Guard::Pass(_) = &route.guard {
        let mark = visitor.principal.as_ref().map_or("none", |principal| principal.scheme);
        let mark = HeaderValue::from_str(mark).unwrap_or(HeaderValue::from_static("other"));
        request.headers_mut().insert(hygiene::MARK, mark);
    }
    request.headers_mut().insert(header::HOST, host.clone());
    // An identity or a proof could stand there too, and nothing that a client sends there is needed.
    request.headers_mut().remove(header::TRAILER);
    // It is met here: we say 100 (Continue) as soon as the body is read. An upstream that heard it too
    // could answer without reading the body that we send all the same (RFC 9110 §10.1.1).
    request.headers_mut().remove(header::EXPECT);
    Ok(Prepared { request: request.map(Body::without_trailers), websocket })
}

/// Takes a request along the chosen way and its answer back.
///
/// The path that was decided on is forwarded octet for octet. An answer 101 passes only if it accepts
/// the WebSocket that was asked for; what follows is then carried, at most until the credential ends.
pub(crate) fn forward(chosen: Chosen, request: Request<Body>, visitor: &Visitor) -> Handling {
    let expires = visitor.principal.as_ref().and_then(|principal| principal.expires);
    match addressed(&chosen, request, visitor) {
        Err(denied) => Box::pin(ready(Err(denied))),
        Ok((way, Prepared { request, websocket })) => {
            let sending = way.destination.send(request);
            Box::pin(async move { returned(&chosen, sending.await, websocket, expires) })
        }
    }
}

/// The request as the upstream gets it, and the way there.
fn addressed<'a>(chosen: &'a Chosen, request: Request<Body>, visitor: &Visitor) -> Result<(&'a Way, Prepared), Denied> {
    let way = chosen.way()?;
    let Prepared { mut request, websocket } = prepare(chosen, request, visitor)?;
    *request.uri_mut() = way.address(std::mem::take(request.uri_mut()))?;
    if let Some(websocket) = &websocket {
        websocket.write(&mut request)?;
    }
    Ok((way, Prepared { request, websocket }))
}

/// The upstream's answer as the client may see it.
fn returned(
    chosen: &Chosen,
    answer: Result<Response<Body>, NetError>,
    websocket: Option<Asked>,
    expires: Option<Timestamp>,
) -> Result<Response<Body>, Denied> {
    let (plan, origin) = (chosen.plan(), chosen.way()?.origin());
    let mut response = answer.map_err(|error| failed(plan, origin, &error))?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let told = Told { events: plan.events.clone(), origin: origin.clone(), expires };
        return websocket.and_then(|asked| asked.switch(response, told)).ok_or_else(|| {
            let detail = format!("{origin} switched protocols without being asked, or not to our key");
            emit(plan, Blame::Peer, "GP-GATE-002", detail);
            Denied::BadGateway("the upstream switched protocols in a way that was not asked for")
        });
    }
    fields::strip_hop_by_hop(response.headers_mut());
    Ok(response)
}

/// What a failure on the way to the upstream means to the client; the reason goes to the events.
fn failed(plan: &Plan, upstream: &Origin, error: &NetError) -> Denied {
    emit(plan, error.blame(), error.code(), format!("upstream {upstream}: {error}"));
    match error {
        NetError::Timeout { what: Wait::Body, .. } => Denied::TimedOut,
        NetError::Timeout { .. } => Denied::GatewayTimeout,
        // It is we who lack something, and not for long.
        NetError::Exhausted { .. } => Denied::Overloaded,
        NetError::Resolve { .. } | NetError::Connect { .. } => Denied::BadGateway("the upstream cannot be reached"),
        NetError::Tls { .. } => Denied::BadGateway("the upstream could not prove who it is"),
        NetError::HeadTooLarge => Denied::BadGateway("the upstream's answer has too large a head"),
        NetError::BodyTooLarge { .. } => Denied::TooLarge,
        NetError::BodySource { .. } | NetError::ClosedEarly { what: "the request" } => {
            Denied::BadRequest("the body broke off or breaks the protocol")
        }
        _ => Denied::BadGateway("the upstream broke off or broke the protocol"),
    }
}

fn emit(plan: &Plan, blame: Blame, code: &'static str, detail: String) {
    plan.events.emit(&Event::Failed { blame, code, detail });
}
