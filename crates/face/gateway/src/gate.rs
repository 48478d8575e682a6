//! The site that the library's server asks: which route, which guard, and what happens behind it.

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use gatepost::http1::host::Authority;
use gatepost::net::body::Body;
use gatepost::net::handler::Peer;
use gatepost::server::denied::Denied;
use gatepost::server::site::{Guard, Site, Visitor};
use http::header::{CONTENT_TYPE, HOST};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};

use crate::config::routes::Target;
use crate::demo;
use crate::forward;
use crate::plan::Plan;

/// The gate over the plan in force. Cheap to clone; clones share the plan.
#[derive(Debug, Clone)]
pub struct Gate {
    plan: Arc<RwLock<Arc<Plan>>>,
}

/// The route that was chosen for a request, in the plan that was in force then.
#[derive(Debug)]
pub struct Chosen {
    plan: Arc<Plan>,
    at: usize,
    host: String,
}

impl Gate {
    /// A gate that starts with this plan.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self { plan: Arc::new(RwLock::new(Arc::new(plan))) }
    }

    /// Puts another plan in force. Requests under way end by the plan that they began with.
    pub fn replace(&self, plan: Plan) {
        *self.plan.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(plan);
    }

    fn current(&self) -> Arc<Plan> {
        Arc::clone(&self.plan.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Site for Gate {
    type Route = Chosen;

    fn route(&self, head: &Parts, peer: &Peer) -> Result<(Guard, Chosen), Denied> {
        let plan = self.current();
        let host = host(head).ok_or(Denied::BadRequest("there is no Host"))?;
        let authority = Authority::parse(&host).map_err(|_| Denied::BadRequest("the Host is malformed"))?;
        let (at, guard) = plan.find(authority.host(), head.uri.path()).ok_or(Denied::NoRoute)?;
        if let Some(sni) = peer.sni.as_deref().filter(|sni| !sni.eq_ignore_ascii_case(authority.host())) {
            let other = plan.find(&sni.to_ascii_lowercase(), head.uri.path()).map(|(at, _)| at);
            // A connection made for one name must not reach the route of another whose guard differs.
            let same =
                other.and_then(|other| plan.route(other)).zip(plan.route(at)).is_some_and(|(a, b)| a.guard == b.guard);
            if !same {
                return Err(Denied::Misdirected);
            }
        }
        let guard = guard.clone();
        Ok((guard, Chosen { plan, at, host }))
    }

    async fn handle(&self, chosen: Chosen, request: Request<Body>, visitor: Visitor) -> Result<Response<Body>, Denied> {
        let Chosen { plan, at, host } = chosen;
        let route = plan.route(at).ok_or(Denied::NoRoute)?;
        match &route.target {
            Target::Respond { status, body } => Ok(fixed(*status, body)),
            Target::Demo => demo::echo::answer(request, &plan, route, &visitor, &host).await,
            Target::Upstream(url) => forward::forward(request, &plan, route, &visitor, &host, url).await,
        }
    }
}

/// The Host of a request: the authority of its target (HTTP/2, absolute-form), else the field. The
/// library has compared the two.
fn host(head: &Parts) -> Option<String> {
    let target = head.uri.authority().map(|authority| authority.as_str().to_owned());
    target.or_else(|| head.headers.get(HOST)?.to_str().ok().map(str::to_owned))
}

fn fixed(status: StatusCode, body: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::copy_from_slice(body.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
