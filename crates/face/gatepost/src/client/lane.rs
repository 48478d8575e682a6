//! The way of a WebSocket to its server: a stream of a shared HTTP/2 connection, or an HTTP/1.1 connection of its own.

use std::sync::Arc;

use gatepost_net::body::Body;
use gatepost_net::connection::{Connection, ConnectionFacts, Keeper};
use gatepost_net::error::NetError;
use gatepost_net::upgrade::{self, Extended};
use http::{Method, Request, Response};

use crate::client::pool::Place;
use crate::client::upstream::Destination;

/// Over which version of HTTP a WebSocket is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Over {
    /// HTTP/2 if a connection is open whose server takes it (RFC 8441), else HTTP/1.1. The default.
    #[default]
    Any,
    /// HTTP/1.1 (RFC 6455).
    Http1,
    /// HTTP/2 (RFC 8441), and nothing else: it fails where the server does not take it.
    Http2,
}

/// A connection on which a WebSocket can be asked for.
#[derive(Debug)]
pub(crate) struct Lane {
    connection: Connection,
    /// Whether it was open before: then it may be stale.
    pub(crate) is_pooled: bool,
}

impl Destination {
    /// A connection for a WebSocket; never one that was open before if it has to be `fresh`.
    pub(crate) async fn lane(&self, over: Over, fresh: bool) -> Result<Lane, NetError> {
        let place = self.place();
        if over != Over::Http1
            && !fresh
            && let Some(mut connection) = place.shared()
            && connection.takes_extended().await
        {
            return Ok(Lane { connection, is_pooled: true });
        }
        if over != Over::Http2 {
            return Ok(Lane { connection: place.open_http1().await?, is_pooled: false });
        }
        let mut connection = place.open().await?;
        if !connection.takes_extended().await {
            let why = if connection.is_multiplexed() { "no WebSocket over HTTP/2" } else { "no HTTP/2" };
            return Err(NetError::Upgrade { detail: format!("the server takes {why}") });
        }
        keep(&place, &connection);
        Ok(Lane { connection, is_pooled: false })
    }
}

/// Lets other requests use it, too.
fn keep(place: &Arc<Place>, connection: &Connection) {
    if let Some(handle) = connection.share() {
        place.keep(handle);
    }
}

impl Lane {
    /// Where it leads and what it speaks.
    pub(crate) fn facts(&self) -> &ConnectionFacts {
        self.connection.facts()
    }

    /// Whether it is a stream of HTTP/2.
    pub(crate) fn is_http2(&self) -> bool {
        self.connection.is_multiplexed()
    }

    /// The method that asks for a WebSocket here.
    pub(crate) fn method(&self) -> Method {
        if self.is_http2() { Method::CONNECT } else { Method::GET }
    }

    /// Whether it can be asked once more.
    pub(crate) fn is_usable(&mut self) -> bool {
        self.connection.is_usable()
    }

    /// Asks.
    pub(crate) async fn send(&mut self, mut request: Request<Body>) -> Result<Response<Body>, NetError> {
        if self.is_http2() {
            upgrade::extend(&mut request, Extended::WebSocket);
        }
        self.connection.send(request).await
    }
}
