//! What an embedder hands over: which guard stands before a request, and what happens behind it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use gatepost_http::host::Authority;
use gatepost_http::proxy_header::header::Route;
use gatepost_http::proxy_header::write::Version;
use gatepost_model::principal::Principal;
use gatepost_net::body::Body;
use gatepost_net::handler::Peer;
use gatepost_policy::access::Access;
use http::request::Parts;
use http::{Request, Response};

use crate::client::pinned::Pinned;
use crate::client::upstream::Destination;
use crate::server::authenticate::Authenticator;
use crate::server::denied::Denied;
use crate::server::remembered::Remembered;

/// Who stands before a route.
#[derive(Debug, Clone)]
pub enum Guard {
    /// A proof of one of these schemes is demanded, and whoever proves it must have access.
    Schemes {
        /// Finds out who it is.
        authenticator: Authenticator,
        /// Decides whether they may.
        access: Arc<Access>,
    },
    /// Anybody may pass. An operator chose this by name.
    DangerOpen,
}

/// Who is inside: what the handler gets to know beside the request.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// Who it is; `None` only behind [`Guard::DangerOpen`].
    pub principal: Option<Arc<Principal>>,
    /// The connection's other end.
    pub peer: Arc<Peer>,
}

/// Upstream connections that one downstream connection may have to itself; the one that was asked for longest ago goes.
const MOST_PINNED: usize = 4;

impl Visitor {
    /// The upstream connection to this destination that belongs to the visitor's own connection, if there is one.
    #[must_use]
    pub fn pinned(&self, destination: &Destination) -> Option<Arc<Pinned>> {
        self.find(destination, None)
    }

    /// The same; from now on there is one. Where requests share a connection (HTTP/2), it is for this request alone.
    #[must_use]
    pub fn pin(&self, destination: &Destination) -> Arc<Pinned> {
        self.find(destination, None).unwrap_or_else(|| self.hold(Pinned::to(destination)))
    }

    /// The same; the upstream is told by the PROXY protocol who the visitor is, and nobody else's requests go over the
    /// connection.
    #[must_use]
    pub fn pin_announced(&self, destination: &Destination, version: Version) -> Arc<Pinned> {
        self.find(destination, Some(version)).unwrap_or_else(|| {
            let announced = self.peer.announced.as_ref().and_then(|announced| announced.route);
            let route = announced.unwrap_or(Route { source: self.peer.address, destination: self.peer.local });
            self.hold(Pinned::announcing(destination, version, route))
        })
    }

    fn find(&self, destination: &Destination, announces: Option<Version>) -> Option<Arc<Pinned>> {
        let here = |pinned: &&Arc<Pinned>| pinned.origin() == destination.origin() && pinned.announces() == announces;
        Remembered::look(&self.peer.memory, |remembered| remembered.pinned.iter().find(here).cloned())
    }

    fn hold(&self, pinned: Pinned) -> Arc<Pinned> {
        let pinned = Arc::new(pinned);
        if self.peer.protocol == "http/1.1" {
            Remembered::with(&self.peer.memory, |remembered| {
                remembered.pinned.truncate(MOST_PINNED - 1);
                remembered.pinned.insert(0, Arc::clone(&pinned));
            });
        }
        pinned
    }
}

/// A place with doors: the server asks it for the route first, then stands guard, then lets in.
///
/// For one guard and one handler function use [`handler`].
pub trait Site: Send + Sync + 'static {
    /// What was decided about a request, kept until it is handled, so that nothing is routed twice.
    type Route: Send;

    /// Finds the route of a request to `host`, and who stands before it. The path has passed the check for
    /// ambiguity.
    ///
    /// # Errors
    /// [`Denied`], answered without asking for a proof.
    fn route(&self, head: &Parts, host: &Authority, peer: &Peer) -> Result<(Guard, Self::Route), Denied>;

    /// Answers a request that has passed its guard. What can be done without a wait is best done before the
    /// future is made: it is kept, as large as it is, for each request.
    fn handle(&self, route: Self::Route, request: Request<Body>, visitor: Visitor) -> Handling;
}

/// An answer of a site in the making.
pub type Handling = Pin<Box<dyn Future<Output = Result<Response<Body>, Denied>> + Send>>;

/// A site of one route.
#[derive(Debug)]
pub struct Handler<F> {
    guard: Guard,
    answer: F,
}

/// One guard before one handler function.
pub fn handler<F, A>(guard: Guard, answer: F) -> Handler<F>
where
    F: Fn(Request<Body>, Visitor) -> A + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    Handler { guard, answer }
}

impl<F, A> Site for Handler<F>
where
    F: Fn(Request<Body>, Visitor) -> A + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    type Route = ();

    fn route(&self, _head: &Parts, _host: &Authority, _peer: &Peer) -> Result<(Guard, ()), Denied> {
        Ok((self.guard.clone(), ()))
    }

    fn handle(&self, (): (), request: Request<Body>, visitor: Visitor) -> Handling {
        let answering = (self.answer)(request, visitor);
        Box::pin(async move { Ok(answering.await) })
    }
}
