//! The server that an embedder starts: listeners, TLS, a site behind them, and an orderly end.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gatepost_model::event::Event;
use gatepost_model::limits::Limits;
use gatepost_net::body::Body;
use gatepost_net::drain::Drain;
use gatepost_net::error::NetError;
use gatepost_net::handler::{Answering, Handler, Peer};
use gatepost_net::listen::Listener;
use gatepost_tls::server::ServerTls;
use http::Request;
use tokio::task::JoinSet;

use crate::error::Error;
use crate::events::Events;
use crate::server::pipeline;
use crate::server::site::Site;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;
/// How long requests in flight may take when the server drains.
const GRACE: Duration = Duration::from_secs(30);

/// A server that is being put together.
///
/// It has no guard of its own: the [`Site`] says what stands before each route.
pub struct Server<S> {
    site: S,
    listeners: Vec<(SocketAddr, Option<Arc<ServerTls>>)>,
    limits: Limits,
    grace: Duration,
    events: Events,
}

impl<S: Site> Server<S> {
    /// A server for this site, without listeners yet.
    #[must_use]
    pub fn new(site: S) -> Self {
        Self { site, listeners: Vec::new(), limits: Limits::default(), grace: GRACE, events: Events::default() }
    }

    /// Adds a TLS listener; port 0 takes a free one.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr, tls: Arc<ServerTls>) -> Self {
        self.listeners.push((address, Some(tls)));
        self
    }

    /// Adds a listener without TLS: what passes can be read and changed on the way.
    #[must_use]
    pub fn danger_listen_plain(mut self, address: SocketAddr) -> Self {
        self.listeners.push((address, None));
        self
    }

    /// Sets the bounds. Default [`Limits::default`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Gives requests in flight this much time when the server drains. Default 30 s.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Says where events go. Default: the log.
    #[must_use]
    pub fn events(mut self, events: Events) -> Self {
        self.events = events;
        self
    }

    /// Binds every listener and starts to serve, on the current tokio runtime.
    ///
    /// # Errors
    /// If a listener cannot be bound; none is left open then.
    pub fn start(self) -> Result<Running, Error> {
        let mut bound = Vec::new();
        for (address, tls) in self.listeners {
            let listener = Listener::bind(address, BACKLOG)?;
            bound.push((listener.local_addr(), listener, tls));
        }
        let handler: Arc<dyn Handler> = Arc::new(Road { site: self.site, events: self.events.clone() });
        let limits = Arc::new(self.limits);
        let drain = Drain::new(self.grace);
        let mut tasks = JoinSet::new();
        let mut addresses = Vec::new();
        for (address, listener, tls) in bound {
            self.events.emit(&Event::Listening { address });
            if tls.is_none() {
                self.events.emit(&Event::Danger { what: format!("TLS on {address}") });
            }
            addresses.push(address);
            let serving =
                gatepost_net::serve::serve(listener, tls, Arc::clone(&handler), Arc::clone(&limits), drain.clone());
            tasks.spawn(async move {
                serving.await;
            });
        }
        Ok(Running { addresses, drain, tasks })
    }
}

impl<S> fmt::Debug for Server<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("listeners", &self.listeners.len()).finish_non_exhaustive()
    }
}

/// A server at work. Dropping it ends it at once; [`drain`](Self::drain) ends it in good order.
#[derive(Debug)]
pub struct Running {
    addresses: Vec<SocketAddr>,
    drain: Drain,
    tasks: JoinSet<()>,
}

impl Running {
    /// Where it listens, in the order in which the listeners were added.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Takes no more connections, lets the requests in flight finish, and returns when all are done.
    pub async fn drain(mut self) {
        self.drain.start();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// The seam between the network and the pipeline.
struct Road<S> {
    site: S,
    events: Events,
}

impl<S: Site> Handler for Road<S> {
    fn handle(self: Arc<Self>, request: Request<Body>, peer: Arc<Peer>) -> Answering {
        Box::pin(async move { pipeline::run(&self.site, &self.events, request, peer).await })
    }

    fn failed(&self, peer: SocketAddr, error: &NetError) {
        tracing::debug!(%peer, "connection failed: {error}");
    }
}
