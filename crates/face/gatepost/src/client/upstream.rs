//! Requests to an origin over pooled connections: no redirects, no authentication, no opinion.

use std::sync::Arc;

use gatepost_model::event::Event;
use gatepost_model::url::Origin;
use gatepost_net::body::Body;
use gatepost_net::connection::{Connection, Failed};
use gatepost_net::dial::Dialer;
use gatepost_net::error::NetError;
use http::{Request, Response};

use crate::client::pool::Pool;
use crate::events::Events;

/// A pooled way to origins. Cheap to clone; clones share the pool.
#[derive(Debug, Clone)]
pub struct Upstream {
    dialer: Arc<Dialer>,
    pool: Arc<Pool>,
    events: Events,
}

impl Upstream {
    /// A way that opens its connections with this dialer.
    #[must_use]
    pub fn new(dialer: Dialer, events: Events) -> Self {
        Self { dialer: Arc::new(dialer), pool: Arc::default(), events }
    }

    /// Sends one request, on an idle connection if there is one. The request's URI is absolute.
    ///
    /// # Errors
    /// [`NetError`]. A request that a stale pooled connection did not take is sent once more on a
    /// fresh one; a request of which anything may have been sent is not.
    pub async fn send(&self, origin: &Origin, request: Request<Body>) -> Result<Response<Body>, NetError> {
        let Some(connection) = self.pool.take(origin) else {
            return self.send_fresh(origin, request).await;
        };
        match self.send_on(origin, connection, request).await {
            Ok(response) => Ok(response),
            Err(Failed { unsent: Some(request), .. }) => self.send_fresh(origin, *request).await,
            Err(failed) => Err(failed.error),
        }
    }

    async fn send_fresh(&self, origin: &Origin, request: Request<Body>) -> Result<Response<Body>, NetError> {
        let connection = self.dialer.connect(origin).await?;
        let facts = connection.facts();
        self.events.emit(&Event::Connected { address: facts.address, tls: facts.tls, protocol: facts.protocol });
        Ok(self.send_on(origin, connection, request).await?)
    }

    /// Sends on one connection, which goes to the pool when it takes the next request.
    async fn send_on(
        &self,
        origin: &Origin,
        connection: Connection,
        request: Request<Body>,
    ) -> Result<Response<Body>, Failed> {
        let (pool, origin) = (Arc::clone(&self.pool), origin.clone());
        connection.try_send_returning(request, move |connection| pool.give(origin, connection)).await
    }
}
