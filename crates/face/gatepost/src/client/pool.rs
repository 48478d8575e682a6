//! Idle connections, kept for the next request to the same origin.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use gatepost_model::url::Origin;
use gatepost_net::connection::Connection;

/// Idle connections that are kept per origin.
const PER_ORIGIN: usize = 64;
/// Idle connections that are kept in all.
const IN_ALL: usize = 1024;
/// How long an idle connection is trusted; servers close theirs after a minute or so.
const IDLE: Duration = Duration::from_secs(30);

/// The pool. Connections in it carry no identity: schemes that authenticate a connection instead of
/// a request must not be pooled here without one in the key.
#[derive(Default)]
pub(crate) struct Pool {
    idle: Mutex<HashMap<Origin, Vec<(Instant, Connection)>>>,
}

impl Pool {
    /// A usable connection to `origin`, the most recently used one first. Connections that still
    /// deliver an answer stay where they are; closed and old ones go.
    pub(crate) fn take(&self, origin: &Origin) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = idle.get_mut(origin)?;
        connections.retain(|(since, connection)| !connection.is_closed() && since.elapsed() < IDLE);
        let usable = connections.iter().rposition(|(_, connection)| connection.is_usable());
        let found = usable.map(|at| connections.swap_remove(at).1);
        if connections.is_empty() {
            idle.remove(origin);
        }
        found
    }

    /// Gives a connection back. It may still deliver its last answer; it is dropped if it is closed
    /// or there is no room.
    pub(crate) fn give(&self, origin: Origin, connection: Connection) {
        if connection.is_closed() {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let held: usize = idle.values().map(Vec::len).sum();
        let connections = idle.entry(origin).or_default();
        if connections.len() < PER_ORIGIN && held < IN_ALL {
            connections.push((Instant::now(), connection));
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool(..)")
    }
}
