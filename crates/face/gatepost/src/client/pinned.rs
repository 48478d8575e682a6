//! An upstream connection that belongs to one downstream connection, and to nobody else.
//!
//! Whoever proves themselves to an upstream by NTLM or Negotiate proves it for the connection (RFC 4559 §6). If their
//! requests came through a pool, somebody else's next request could be taken for theirs.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gatepost_http::proxy_header::header::Route;
use gatepost_http::proxy_header::write::{Version, write};
use gatepost_model::url::Origin;
use gatepost_net::body::Body;
use gatepost_net::connection::{Connection, Keeper};
use gatepost_net::error::NetError;
use gatepost_net::failed::Failed;
use http::{Request, Response};

use crate::client::pool::Place;
use crate::client::upstream::Destination;

/// The connection, or the way to one that is opened when it is needed. It ends with the last hold on this.
pub struct Pinned {
    place: Arc<Place>,
    origin: Origin,
    seat: Arc<Seat>,
    /// What the upstream hears first on each connection: whose it is.
    announcement: Option<Announcement>,
}

/// A header of the PROXY protocol: in which version, and itself.
type Announcement = (Version, Vec<u8>);

/// Where the connection waits for the next request.
#[derive(Default)]
struct Seat(Mutex<Option<Connection>>);

impl Pinned {
    /// The way to this destination for one downstream connection.
    #[must_use]
    pub fn to(destination: &Destination) -> Self {
        let (place, origin) = (destination.place(), destination.origin().clone());
        Self { place, origin, seat: Arc::default(), announcement: None }
    }

    /// The same; the upstream is told by the PROXY protocol whose connection it is.
    #[must_use]
    pub fn announcing(destination: &Destination, version: Version, route: Route) -> Self {
        Self { announcement: Some((version, write(version, route))), ..Self::to(destination) }
    }

    /// In which version of the PROXY protocol the upstream is told whose connection it is, if it is.
    #[must_use]
    pub fn announces(&self) -> Option<Version> {
        self.announcement.as_ref().map(|(version, _)| *version)
    }

    /// Where it leads.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Sends one request on the connection, which is opened anew if it is gone: whoever was there then has to prove
    /// themselves again. One request at a time: a second one goes over a connection that is not kept.
    ///
    /// # Errors
    /// As [`Destination::send`].
    pub async fn send(&self, request: Request<Body>) -> Result<Response<Body>, NetError> {
        let kept = self.seat.held().take();
        let request = match kept {
            Some(connection) => match connection.try_send_returning(request, self.keeper()).await {
                Ok(response) => return Ok(response),
                Err(Failed { unsent: Some(request), .. }) => *request,
                Err(failed) => return Err(failed.error),
            },
            None => request,
        };
        let connection = match &self.announcement {
            None => self.place.open_http1().await?,
            Some((_, header)) => self.place.open_http1_announced(header).await?,
        };
        Ok(connection.try_send_returning(request, self.keeper()).await?)
    }

    fn keeper(&self) -> Arc<dyn Keeper> {
        Arc::<Seat>::clone(&self.seat)
    }
}

impl Seat {
    fn held(&self) -> MutexGuard<'_, Option<Connection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keeper for Seat {
    fn keep(&self, connection: Connection) {
        *self.held() = Some(connection);
    }
}

impl fmt::Debug for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pinned({})", self.origin)
    }
}
