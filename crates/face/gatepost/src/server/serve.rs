//! The server that an embedder starts: listeners, TLS, a site behind them, workers, and an orderly end.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gatepost_model::bound::Reached;
use gatepost_model::event::Event;
use gatepost_model::fault::Fault;
use gatepost_model::limits::Limits;
use gatepost_model::shaken::Shaken;
use gatepost_net::admission::Admission;
use gatepost_net::announced::Announcers;
use gatepost_net::body::Body;
use gatepost_net::drain::Drain;
use gatepost_net::error::{NetError, Wait};
use gatepost_net::handler::{Answering, Handler, Peer};
use gatepost_net::listen::Listener;
use gatepost_net::reports::Reports;
use gatepost_net::serve::serve_admitted;
use gatepost_net::workers::{Jobs, Workers};
use gatepost_tls::server::ServerTls;
use http::{Request, Response};

use crate::error::Error;
use crate::events::Events;
use crate::server::denied::Denied;
use crate::server::pipeline::{self, Common};
use crate::server::pressure::Pressure;
use crate::server::respond::{Reader, respond};
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
    listeners: Vec<Opening>,
    limits: Limits,
    admission: Option<Arc<Admission>>,
    grace: Duration,
    events: Events,
    crew: Crew,
}

/// A listener that is still to be opened.
struct Opening {
    address: SocketAddr,
    tls: Option<Arc<ServerTls>>,
    announcers: Option<Announcers>,
}

/// Who serves.
enum Crew {
    /// This many workers of its own; one for each processor if 0.
    Own(usize),
    /// Workers that serve others as well.
    Shared(Workers),
}

impl<S: Site> Server<S> {
    /// A server for this site, without listeners yet.
    #[must_use]
    pub fn new(site: S) -> Self {
        let (limits, events) = (Limits::default(), Events::default());
        Self { site, listeners: Vec::new(), limits, admission: None, grace: GRACE, events, crew: Crew::Own(0) }
    }

    /// Serves on this many threads. Default, and meaning of 0: one for each processor.
    ///
    /// Each has a runtime of its own and takes its own connections; a handler that blocks its thread holds up the
    /// others of that thread, so such work belongs on [`spawn_blocking`](tokio::task::spawn_blocking).
    #[must_use]
    pub fn workers(mut self, count: usize) -> Self {
        self.crew = Crew::Own(count);
        self
    }

    /// Serves on workers that are there already, such as those of another server.
    #[must_use]
    pub fn on(mut self, workers: &Workers) -> Self {
        self.crew = Crew::Shared(workers.clone());
        self
    }

    /// Adds a TLS listener; port 0 takes a free one.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr, tls: Arc<ServerTls>) -> Self {
        self.listeners.push(Opening { address, tls: Some(tls), announcers: None });
        self
    }

    /// Adds a listener without TLS: what passes can be read and changed on the way.
    #[must_use]
    pub fn danger_listen_plain(mut self, address: SocketAddr) -> Self {
        self.listeners.push(Opening { address, tls: None, announcers: None });
        self
    }

    /// Connections to the listener that was added last have to be announced by one of these proxies, in a header of the PROXY
    /// protocol: the address in it is the client's then. Default: they come without.
    #[must_use]
    pub fn announced_by(mut self, announcers: Announcers) -> Self {
        if let Some(last) = self.listeners.last_mut() {
            last.announcers = Some(announcers);
        }
        self
    }

    /// Sets the bounds. Default [`Limits::default`].
    ///
    /// Those of the process hold for all listeners of this server together, unless [`admission`](Self::admission)
    /// says otherwise. [`Limits::handshakes`] is divided evenly over the workers of a listener.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Shares the bounds of the process with other servers that are given the same. Default: one of its own, made
    /// of its limits.
    #[must_use]
    pub fn admission(mut self, admission: Arc<Admission>) -> Self {
        self.admission = Some(admission);
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

    /// Binds every listener and starts to serve. Works inside and outside of a tokio runtime.
    ///
    /// # Errors
    /// If a listener cannot be bound or a thread cannot be started; nothing is left open then.
    pub fn start(self) -> Result<Running, Error> {
        let workers = match self.crew {
            Crew::Own(0) => Workers::start(std::thread::available_parallelism().map_or(1, usize::from))?,
            Crew::Own(count) => Workers::start(count)?,
            Crew::Shared(workers) => workers,
        };
        // With more seats than connections some workers would only stand in line for the others' places.
        let seats = workers.count().min(self.limits.connections.max(1));
        let mut bound = Vec::new();
        for Opening { address, tls, announcers } in self.listeners {
            let announced = |listener: Listener| match &announcers {
                Some(announcers) => listener.announced_by(announcers.clone()),
                None => listener,
            };
            let listeners = workers.listen(address, BACKLOG, seats)?.into_iter().map(announced).collect::<Vec<_>>();
            bound.push((listeners, tls));
        }
        let admission = self.admission.unwrap_or_else(|| Admission::new(&self.limits));
        let common = Arc::new(Common { site: self.site, events: self.events });
        let drain = Drain::new(self.grace);
        let (mut addresses, mut serving) = (Vec::new(), Vec::new());
        for (listeners, tls) in bound {
            let Some(address) = listeners.first().map(Listener::local_addr) else { continue };
            common.events.emit(&Event::Listening { address });
            if tls.is_none() {
                common.events.emit(&Event::Danger { what: format!("TLS on {address}") });
            }
            addresses.push(address);
            let jobs = listeners.into_iter().enumerate().map(|(seat, listener)| {
                let (tls, common, drain) = (tls.clone(), Arc::clone(&common), drain.clone());
                let limits = Limits { handshakes: share(self.limits.handshakes, seats, seat), ..self.limits.clone() };
                let admission = Arc::clone(&admission);
                move || async move {
                    // Made here, so that counting its users touches no other worker's memory.
                    let handler: Arc<dyn Handler> = Arc::new(Road::new(common, &admission));
                    serve_admitted(listener, tls, handler, Arc::new(limits), drain, admission).await;
                }
            });
            serving.push(workers.run(jobs));
        }
        Ok(Running { addresses, drain, serving, workers })
    }
}

/// What one of `seats` gets of `all`.
fn share(all: usize, seats: usize, seat: usize) -> usize {
    all / seats + usize::from(seat < all % seats)
}

impl<S> fmt::Debug for Server<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("listeners", &self.listeners.len()).finish_non_exhaustive()
    }
}

/// A server at work. Dropping it ends it at once, with the workers of its own; [`drain`](Self::drain) ends it
/// in good order.
#[derive(Debug)]
pub struct Running {
    addresses: Vec<SocketAddr>,
    drain: Drain,
    serving: Vec<Jobs>,
    workers: Workers,
}

impl Running {
    /// Where it listens, in the order in which the listeners were added.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Takes no more connections, lets the requests in flight finish, and returns when all are done.
    pub async fn drain(self) {
        self.drain.start();
        for jobs in self.serving {
            jobs.ended().await;
        }
        self.workers.end().await;
    }
}

/// The seam between the network and the pipeline; one for each worker and listener.
struct Road<S> {
    common: Arc<Common<S>>,
    pressure: Pressure,
}

impl<S: Site> Road<S> {
    fn new(common: Arc<Common<S>>, admission: &Admission) -> Self {
        let events = common.events.clone();
        let reports = Reports::new(Box::new(move |reached| events.emit(&Event::BoundReached(reached.clone()))));
        Self { common, pressure: Pressure::new(Arc::clone(admission.memory()), reports) }
    }
}

impl<S: Site> Handler for Road<S> {
    fn handle(self: Arc<Self>, request: Request<Body>, peer: Arc<Peer>) -> Answering {
        match self.pressure.admit(&peer) {
            Ok(None) => pipeline::run(&self.common, request, peer),
            Ok(Some(held)) => {
                let answering = pipeline::run(&self.common, request, peer);
                Box::pin(async move {
                    let _held = held;
                    answering.await
                })
            }
            Err(denied) => Box::pin(std::future::ready(respond(&denied, Reader::of(request.headers())))),
        }
    }

    fn failed(&self, peer: SocketAddr, error: &NetError) {
        // Something between here and the proxies is set up wrongly, or somebody goes around them.
        if let NetError::NotAnnounced { detail, .. } = error {
            let (scheme, reason) = (Some("PROXY protocol"), detail.clone());
            self.common.events.emit(&Event::Refused { scheme, reason, peer: Some(peer) });
        }
        tracing::debug!(%peer, "connection failed: {error}");
    }

    fn instead(&self, error: &NetError) -> Response<Body> {
        let detail = format!("an answer broke off before its head had left: {error}");
        self.common.events.emit(&Event::Failed { blame: error.blame(), code: error.code(), detail });
        let denied = match error {
            NetError::Timeout { what: Wait::Body, .. } => Denied::TimedOut,
            NetError::BodyTooLarge { .. } => Denied::TooLarge,
            _ => Denied::BadGateway("the answer broke off"),
        };
        respond(&denied, Reader::Program)
    }

    fn shaken(&self, shaken: &Shaken) {
        self.common.events.emit(&Event::Shaken(shaken.clone()));
    }

    fn bounded(&self, reached: &Reached) {
        self.common.events.emit(&Event::BoundReached(reached.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn the_shares_make_up_the_whole() {
        for (all, seats, expected) in [(10, 3, vec![4, 3, 3]), (2, 2, vec![1, 1]), (1, 1, vec![1]), (7, 1, vec![7])] {
            let shares: Vec<usize> = (0..seats).map(|seat| share(all, seats, seat)).collect();
            assert_eq!(shares, expected);
        }
    }
}
