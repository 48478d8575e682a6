//! The way of a request to its upstream and back.

use std::future::ready;
use std::sync::Arc;

use gatepost::Session;
use gatepost::client::pinned::Pinned;
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
use http::{HeaderMap, HeaderName, Request, Response, StatusCode};

use crate::chosen::Chosen;
use crate::clients;
use crate::config::proxies::Announcing;
use crate::hygiene::{self, Sender, TooLong};
use crate::plan::Plan;
use crate::way::Way;
use crate::websocket::{Asked, Told};

/// The schemes whose proofs are for a connection, whoever judges them.
const BINDING: [&str; 2] = ["NTLM", "Negotiate"];

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
    hygiene::cleanse(request.headers_mut(), chosen.plan().stripped(route));
    let name = visitor.principal.as_ref().map(|principal| principal.name.as_str());
    let proto = if visitor.peer.tls.is_some() { "https" } else { "http" };
    let sender = Sender { peer: Some(visitor.peer.address.ip()), proto, host };
    hygiene::tell(request.headers_mut(), sender, &route.identity, name);
    if let Some(chain) = &visitor.peer.client {
        let told = hygiene::tell_certificate(request.headers_mut(), chain.told(), route.forwarded);
        told.map_err(|TooLong| clients::too_long(&visitor.peer, &chosen.plan().events))?;
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
    let (announcing, expires) = match terms(&chosen, visitor) {
        Ok(terms) => terms,
        Err(denied) => return Box::pin(ready(Err(denied))),
    };
    match addressed(&chosen, request, visitor) {
        Err(denied) => Box::pin(ready(Err(denied))),
        Ok((way, Prepared { request, websocket })) => {
            // Where we prove ourselves, the client cannot: not by a connection of its own to the same upstream either.
            if let Some(session) = way.session.clone() {
                return Box::pin(
                    async move { returned(&chosen, convinced(&session, request).await, websocket, expires) },
                );
            }
            if let Some(pinned) = own(announcing, way, &request, visitor) {
                return Box::pin(async move {
                    let answer = pinned.send(request).await;
                    returned(&chosen, answer, websocket, expires)
                });
            }
            let sending = way.destination.send(request);
            Box::pin(async move { returned(&chosen, sending.await, websocket, expires) })
        }
    }
}

/// The answer of an upstream that we prove ourselves to. If it does not believe us, that is not for the client to mend:
/// its challenge is for us.
async fn convinced(session: &Session, request: Request<Body>) -> Result<Response<Body>, Failure> {
    let mut response = session.forward(request).await.map_err(|error| Failure::of(&error))?;
    if response.status() == StatusCode::UNAUTHORIZED {
        return Err(Failure::Unproved("the upstream does not take the credential of this route".to_owned()));
    }
    // What it says to whoever proved (RFC 4559 §5, RFC 9110 §11.6.3) is said to us.
    for field in [header::WWW_AUTHENTICATE, HeaderName::from_static("authentication-info")] {
        response.headers_mut().remove(field);
    }
    Ok(response)
}

/// Why there is no answer of an upstream.
enum Failure {
    Net(NetError),
    /// We could not prove who we are.
    Unproved(String),
}

impl Failure {
    fn of(error: &gatepost::Error) -> Self {
        match error.net() {
            Some(error) => Self::Net(error.clone()),
            None => Self::Unproved(error.to_string()),
        }
    }
}

impl From<NetError> for Failure {
    fn from(error: NetError) -> Self {
        Self::Net(error)
    }
}

/// How the upstream is told whose connection it is; and when what the client may do here ends: with the proof, or with the
/// certificate that the route demands.
fn terms(chosen: &Chosen, visitor: &Visitor) -> Result<(Announcing, Option<Timestamp>), Denied> {
    let route = chosen.route()?;
    let proof = visitor.principal.as_ref().and_then(|principal| principal.expires);
    let certificate = clients::until(&route.clients, &visitor.peer);
    Ok((route.announcing, proof.into_iter().chain(certificate).min()))
}

/// The upstream connection that belongs to the visitor's connection, if the upstream is told whose it is, or the visitor's
/// proofs are for connections: it carries all that follows, and nobody else's requests.
fn own(announcing: Announcing, way: &Way, request: &Request<Body>, visitor: &Visitor) -> Option<Arc<Pinned>> {
    if let Some(version) = announcing.version() {
        return Some(visitor.pin_announced(&way.destination, version));
    }
    if binds_connection(request.headers()) {
        return Some(visitor.pin(&way.destination));
    }
    visitor.pinned(&way.destination)
}

/// Whether a proof of NTLM or Negotiate passes through to the upstream (RFC 4559 §4).
fn binds_connection(headers: &HeaderMap) -> bool {
    headers.get_all(header::AUTHORIZATION).iter().any(|value| {
        let scheme = value.as_bytes().split(|octet| *octet == b' ').next().unwrap_or_default();
        BINDING.iter().any(|name| scheme.eq_ignore_ascii_case(name.as_bytes()))
    })
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
    answer: Result<Response<Body>, impl Into<Failure>>,
    websocket: Option<Asked>,
    expires: Option<Timestamp>,
) -> Result<Response<Body>, Denied> {
    let (plan, origin) = (chosen.plan(), chosen.way()?.origin());
    let mut response = answer.map_err(|error| failed(plan, origin, &error.into()))?;
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
fn failed(plan: &Plan, upstream: &Origin, failure: &Failure) -> Denied {
    let error = match failure {
        Failure::Net(error) => error,
        Failure::Unproved(why) => {
            emit(plan, Blame::Config, "GP-GATE-006", format!("upstream {upstream}: {why}"));
            return Denied::BadGateway("the upstream does not know this gateway");
        }
    };
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
