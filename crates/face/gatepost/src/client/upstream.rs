//! Requests to an origin over pooled connections: no redirects, no authentication, no opinion.

use std::sync::Arc;

use gatepost_model::url::Origin;
use gatepost_net::body::Body;
use gatepost_net::connection::Sending;
use gatepost_net::dial::Dialer;
use gatepost_net::error::NetError;
use gatepost_net::failed::Failed;
use http::{Request, Response};

use crate::client::opener::Opener;
use crate::client::pool::{Identity, Place, Pool, Rack};
use crate::events::Events;

/// A pooled way to origins. Cheap to clone; clones share the pool.
#[derive(Debug, Clone)]
pub struct Upstream(Arc<Pool>);

/// The way to one origin: for whoever goes there often.
#[derive(Debug, Clone)]
pub struct Destination(Arc<Rack>);

impl Upstream {
    /// A way that opens its connections with this dialer.
    #[must_use]
    pub fn new(dialer: Dialer, events: Events) -> Self {
        Self(Arc::new(Pool::new(Opener { dialer, events, inspection: None, detour: None })))
    }

    /// A way that opens its connections so.
    pub(crate) fn by(opener: Opener) -> Self {
        Self(Arc::new(Pool::new(opener)))
    }

    /// The way to one origin.
    #[must_use]
    pub fn to(&self, origin: &Origin) -> Destination {
        Destination(self.0.rack(origin))
    }

    /// The way to one origin over connections that speak for one identity there.
    pub(crate) fn bound(&self, origin: &Origin, identity: Identity) -> Destination {
        Destination(self.0.bound_rack(origin, identity))
    }

    /// Sends one request to an origin: see [`Destination::send`].
    ///
    /// # Errors
    /// As there.
    pub fn send(
        &self,
        origin: &Origin,
        request: Request<Body>,
    ) -> impl Future<Output = Result<Response<Body>, NetError>> + Send + use<> {
        self.to(origin).send(request)
    }
}

impl Destination {
    /// Where it is.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        self.0.origin()
    }

    /// Its connections in this runtime.
    pub(crate) fn place(&self) -> Arc<Place> {
        self.0.here()
    }

    /// Sends one request, on an idle connection if there is one. The request's URI is absolute. What this gives
    /// owns all that it needs.
    ///
    /// # Errors
    /// [`NetError`]. A request that a stale pooled connection did not take is sent once more on a
    /// fresh one; a request of which anything may have been sent is not.
    pub fn send(
        &self,
        request: Request<Body>,
    ) -> impl Future<Output = Result<Response<Body>, NetError>> + Send + use<> {
        // The answer may be read elsewhere; the connection lives here.
        let place = self.0.here();
        let started = match place.take() {
            Some(connection) => Started::Pooled(connection.try_send_returning(request, place.clone())),
            None => Started::Nothing(Box::new(request)),
        };
        async move {
            let request = match started {
                Started::Nothing(request) => request,
                Started::Pooled(sending) => match sending.await {
                    Ok(response) => return Ok(response),
                    Err(Failed { unsent: Some(request), .. }) => request,
                    Err(failed) => return Err(failed.error),
                },
            };
            // The way to a new connection is long, and seldom gone: it gets a place of its own only then.
            let connection = Box::pin(place.open()).await?;
            Ok(connection.try_send_returning(*request, place).await?)
        }
    }
}

/// How far a request has come without a wait.
enum Started {
    /// There is no idle connection.
    Nothing(Box<Request<Body>>),
    Pooled(Sending),
}

#[cfg(test)]
mod tests {
    use gatepost_net::connection::Keeper;
    use gatepost_net::dial::{ClientTls, Roots};
    use gatepost_testkit::peer::Peer;
    use gatepost_testkit::script::Step;

    use super::*;

    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    fn upstream() -> Upstream {
        let tls = ClientTls { roots: Roots::Only(Vec::new()), ..ClientTls::default() };
        Upstream::new(Dialer::new(tls, Arc::default()).unwrap(), Events::to(Vec::new()))
    }

    async fn send(upstream: &Upstream, peer: &Peer) -> Response<Body> {
        let request = Request::post(peer.url("/").as_str()).body(Body::from("body")).unwrap();
        upstream.send(&peer.url("/").origin(), request).await.unwrap()
    }

    async fn fetch(upstream: &Upstream, peer: &Peer) {
        assert_eq!(send(upstream, peer).await.into_body().collect(9).await.unwrap(), "ok");
    }

    fn exchange() -> Vec<Step> {
        vec![Step::Head, Step::expect("body"), Step::send(OK)]
    }

    #[tokio::test]
    async fn one_connection_serves_one_request_after_another() {
        let peer = Peer::start(vec![[exchange(), exchange(), exchange()].concat()]).await;
        let upstream = upstream();
        for _ in 0..3 {
            fetch(&upstream, &peer).await;
        }
        assert_eq!(peer.finish().await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn an_answer_in_hand_holds_its_connection() {
        let peer = Peer::start(vec![exchange(), exchange()]).await;
        let upstream = upstream();
        let first = send(&upstream, &peer).await;
        let second = send(&upstream, &peer).await;
        for answer in [first, second] {
            assert_eq!(answer.into_body().collect(9).await.unwrap(), "ok");
        }
        assert_eq!(peer.finish().await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn what_a_stale_connection_does_not_take_goes_on_a_fresh_one() {
        let peer = Peer::start(vec![exchange(), exchange()]).await;
        let upstream = upstream();
        fetch(&upstream, &peer).await;
        let origin = peer.url("/").origin();
        // The script of the first connection is over: wait until the pool has seen its end.
        let place = upstream.to(&origin).0.here();
        while let Some(connection) = place.take() {
            place.keep(connection);
            tokio::task::yield_now().await;
        }
        fetch(&upstream, &peer).await;
        assert_eq!(peer.finish().await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn an_answer_that_is_dropped_takes_its_connection_along() {
        let peer = Peer::start(vec![[exchange(), vec![Step::End]].concat(), exchange()]).await;
        let upstream = upstream();
        drop(send(&upstream, &peer).await);
        fetch(&upstream, &peer).await;
        let seen = peer.finish().await.unwrap();
        assert_eq!((seen.len(), seen[0][2].as_slice()), (2, b"".as_slice()));
    }
}
