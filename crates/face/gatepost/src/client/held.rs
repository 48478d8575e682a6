//! A connection that is held for all legs of one proof, and kept for its identity afterwards.
//!
//! A proof of NTLM or Negotiate is for a connection, which then speaks for whoever proved. So such a connection never
//! comes into the pool that everybody draws from: it lies in a place of its identity, and is dropped unless its
//! proof was accepted.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gatepost_model::channel::Channel;
use gatepost_net::body::Body;
use gatepost_net::connection::{Connection, ConnectionFacts, Keeper};
use gatepost_net::error::NetError;
use gatepost_net::failed::Failed;
use http::{Request, Response};

use crate::client::pool::Place;
use crate::client::upstream::Destination;

/// A connection of one identity, for one proof.
pub(crate) struct Held {
    slot: Arc<Slot>,
    channel: Arc<Channel>,
    /// Whether its identity was accepted on it before.
    pub(crate) is_proved: bool,
}

/// Where the connection comes back to when an answer has been read.
struct Slot {
    place: Arc<Place>,
    state: Mutex<State>,
}

enum State {
    /// The proof is not at its end: the connection waits here for the next leg, and ends with the slot.
    Waiting(Option<Connection>),
    /// It was accepted: whoever has the same identity may use the connection.
    Accepted,
}

impl Held {
    /// A new connection, which nobody has proved anything on.
    pub(crate) async fn open(destination: &Destination) -> Result<Self, NetError> {
        let place = destination.place();
        let connection = place.open_http1().await?;
        Ok(Self::of(connection, place, false))
    }

    /// An idle connection that speaks for this destination's identity.
    pub(crate) fn idle(destination: &Destination) -> Option<Self> {
        let place = destination.place();
        let connection = place.take()?;
        Some(Self::of(connection, place, true))
    }

    fn of(connection: Connection, place: Arc<Place>, is_proved: bool) -> Self {
        let channel = Arc::new(channel(connection.facts()));
        let state = Mutex::new(State::Waiting(Some(connection)));
        Self { slot: Arc::new(Slot { place, state }), channel, is_proved }
    }

    /// What the connection says of itself.
    pub(crate) fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }

    /// Sends a request on it. [`Failed::unsent`] gives the request back if the connection is gone.
    pub(crate) async fn send(&self, request: Request<Body>) -> Result<Response<Body>, Failed> {
        let connection = match &mut *self.slot.state() {
            State::Waiting(connection) => connection.take(),
            State::Accepted => None,
        };
        match connection {
            Some(connection) => connection.try_send_returning(request, Arc::<Slot>::clone(&self.slot)).await,
            None => Err(Failed { error: NetError::Unsent, unsent: Some(Box::new(request)) }),
        }
    }

    /// Its identity was accepted: once the answer in hand has been read, the connection is there for the next request.
    pub(crate) fn accept(self) {
        let before = std::mem::replace(&mut *self.slot.state(), State::Accepted);
        if let State::Waiting(Some(connection)) = before {
            self.slot.place.keep(connection);
        }
    }
}

impl Slot {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keeper for Slot {
    fn keep(&self, connection: Connection) {
        match &mut *self.state() {
            State::Waiting(waiting) => *waiting = Some(connection),
            State::Accepted => self.place.keep(connection),
        }
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("channel", &self.channel).field("is_proved", &self.is_proved).finish()
    }
}

/// What a connection says of itself to a scheme.
pub(crate) fn channel(facts: &ConnectionFacts) -> Channel {
    let multiplexed = facts.protocol != "http/1.1";
    let bindings = facts.binder.as_ref().map(|binder| binder.bindings().clone()).unwrap_or_default();
    Channel { tls: facts.tls.is_some(), multiplexed, bindings, client: None }
}
