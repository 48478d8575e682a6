//! The site that the library's server asks: which route, which guard, and what happens behind it.

use std::cell::RefCell;
use std::future::ready;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use gatepost::http1::host::Authority;
use gatepost::net::body::Body;
use gatepost::net::handler::Peer;
use gatepost::server::denied::Denied;
use gatepost::server::site::{Guard, Handling, Site, Visitor};
use gatepost::tls::bindings::Bindings;
use http::header::{CONTENT_TYPE, HOST};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};

use crate::acme::proofs::Proofs;
use crate::acme::stand;
use crate::chosen::{Chosen, Held};
use crate::clients;
use crate::config::routes::Target;
use crate::demo;
use crate::error::GatewayError;
use crate::forward;
use crate::plan::Plan;

/// The gate over the plan in force. Cheap to clone; clones share the plan.
#[derive(Debug, Clone)]
pub struct Gate {
    in_force: Arc<InForce>,
    /// What the listener in front of it shows.
    shown: Option<Arc<Bindings>>,
    /// What authorities that ask in the clear are answered with.
    proofs: Proofs,
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Errand {
    /// It takes a route of the plan.
    Routed(Chosen),
    /// An ACME authority asks for a proof, and this is it.
    Proof(Arc<str>),
}

#[derive(Debug)]
struct InForce {
    plan: RwLock<Arc<Plan>>,
    /// Which plan that is: unlike any other in the process.
    number: AtomicU64,
}

/// The number of the next plan that comes into force.
static NEXT: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// What this worker holds, and its number.
    static HELD: RefCell<Option<(u64, Arc<Held>)>> = const { RefCell::new(None) };
}

impl Gate {
    /// A gate that starts with this plan.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        let number = AtomicU64::new(NEXT.fetch_add(1, Ordering::Relaxed));
        let in_force = InForce { plan: RwLock::new(Arc::new(plan)), number };
        Self { in_force: Arc::new(in_force), shown: None, proofs: Proofs::default() }
    }

    /// The same gate, which answers an ACME authority in the clear with these proofs, whatever the routes say.
    #[must_use]
    pub fn proving(self, proofs: Proofs) -> Self {
        Self { proofs, ..self }
    }

    /// The same gate behind a listener that shows these bindings: a connection then carries requests only for hosts
    /// that are bound on the same terms as the one that it was made for.
    #[must_use]
    pub fn behind(&self, shown: Arc<Bindings>) -> Self {
        Self { shown: Some(shown), ..self.clone() }
    }

    /// Puts another plan in force. Requests under way end by the plan that they began with.
    pub fn replace(&self, plan: Plan) {
        let mut place = self.in_force.plan.write().unwrap_or_else(PoisonError::into_inner);
        *place = Arc::new(plan);
        self.in_force.number.store(NEXT.fetch_add(1, Ordering::Relaxed), Ordering::Release);
    }

    /// Whether the routes in force can be met.
    ///
    /// # Errors
    /// As [`clients::consistent`].
    pub(crate) fn check(&self, asks: impl Fn(Option<&str>) -> bool) -> Result<(), GatewayError> {
        clients::consistent(self.current().plan().routes(), asks)
    }

    fn current(&self) -> Arc<Held> {
        let number = self.in_force.number.load(Ordering::Acquire);
        HELD.with_borrow_mut(|held| {
            if let Some((_, held)) = held.as_ref().filter(|(of, _)| *of == number) {
                return Arc::clone(held);
            }
            let place = self.in_force.plan.read().unwrap_or_else(PoisonError::into_inner);
            // Under the lock plan and number belong together.
            let number = self.in_force.number.load(Ordering::Acquire);
            let new = Arc::new(Held::of(Arc::clone(&place)));
            *held = Some((number, Arc::clone(&new)));
            new
        })
    }
}

impl Site for Gate {
    type Route = Errand;

    fn route(&self, head: &Parts, host: &Authority, peer: &Peer) -> Result<(Guard, Errand), Denied> {
        // RFC 8555 §8.3: who asks has no proof of their own, and the answer tells them nothing new.
        if peer.tls.is_none()
            && let Some(authorization) = self.proofs.answer(head)
        {
            return Ok((Guard::DangerOpen, Errand::Proof(authorization)));
        }
        let misses = |shown: &Arc<Bindings>| !shown.admits(peer.local, peer.manner.as_deref(), host.host());
        if peer.tls.is_some() && self.shown.as_ref().is_some_and(misses) {
            return Err(Denied::Misdirected);
        }
        let held = self.current();
        let plan = held.plan();
        let path = head.uri.path();
        let (at, guard) = plan.find(host.host(), path).ok_or(Denied::NoRoute)?;
        if let Some(sni) = peer.sni.as_deref().filter(|sni| !sni.eq_ignore_ascii_case(host.host())) {
            let other = plan.find(&sni.to_ascii_lowercase(), path).map(|(at, _)| at);
            // A connection made for one name must not reach the route of another whose guard differs.
            let same = other.and_then(|other| plan.route(other)).zip(plan.route(at));
            if !same.is_some_and(|(a, b)| a.guard == b.guard && a.clients == b.clients) {
                return Err(Denied::Misdirected);
            }
        }
        if let Some(demand) = plan.demand(at) {
            demand.meet(peer, &plan.events)?;
        }
        let guard = guard.clone();
        let host = written_host(head).ok_or(Denied::BadRequest("there is no Host"))?;
        Ok((guard, Errand::Routed(Chosen::new(held, at, host))))
    }

    fn handle(&self, errand: Errand, request: Request<Body>, visitor: Visitor) -> Handling {
        let chosen = match errand {
            Errand::Routed(chosen) => chosen,
            Errand::Proof(authorization) => return Box::pin(ready(Ok(stand::proof(&authorization)))),
        };
        let route = match chosen.route() {
            Ok(route) => route,
            Err(denied) => return Box::pin(ready(Err(denied))),
        };
        match &route.target {
            Target::Upstream(_) => forward::forward(chosen, request, &visitor),
            Target::Respond { status, body } => Box::pin(ready(Ok(fixed(*status, body)))),
            Target::Demo => Box::pin(async move { demo::echo::answer(&chosen, request, &visitor).await }),
        }
    }
}

/// The Host of a request as it was written: the authority of its target (HTTP/2, absolute-form), else the
/// field. The library has compared the two.
fn written_host(head: &Parts) -> Option<HeaderValue> {
    match head.uri.authority() {
        Some(authority) => HeaderValue::from_str(authority.as_str()).ok(),
        None => head.headers.get(HOST).cloned(),
    }
}

fn fixed(status: StatusCode, body: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::copy_from_slice(body.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
