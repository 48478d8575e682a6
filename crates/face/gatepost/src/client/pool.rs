//! Idle connections, kept for the next request to the same origin.

use std::collections::{HashMap, VecDeque};
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
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    /// The most recently used one last. No list is empty.
    connections: HashMap<Origin, VecDeque<(Instant, Connection)>>,
    count: usize,
}

impl Pool {
    /// A usable connection to `origin`, the most recently used one first. Closed and old ones go.
    pub(crate) fn take(&self, origin: &Origin) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = idle.connections.get_mut(origin)?;
        let held = connections.len();
        let mut found = None;
        while let Some((since, mut connection)) = connections.pop_back() {
            if since.elapsed() >= IDLE {
                // Those before it are older still.
                connections.clear();
            } else if connection.is_usable() {
                found = Some(connection);
                break;
            }
        }
        let left = connections.len();
        if left == 0 {
            idle.connections.remove(origin);
        }
        idle.count = idle.count.saturating_sub(held.saturating_sub(left));
        found
    }

    /// Keeps an idle connection for the next request. It is dropped if there is no room.
    pub(crate) fn give(&self, origin: Origin, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let Idle { connections, count } = &mut *idle;
        if *count >= IN_ALL {
            // Perhaps to origins that nobody asks any more.
            connections.retain(|_, connections| {
                connections.retain(|(since, _)| since.elapsed() < IDLE);
                !connections.is_empty()
            });
            *count = connections.values().map(VecDeque::len).sum();
        }
        if *count >= IN_ALL {
            return;
        }
        let connections = connections.entry(origin).or_default();
        while connections.front().is_some_and(|(since, _)| since.elapsed() >= IDLE) {
            connections.pop_front();
            *count = count.saturating_sub(1);
        }
        if connections.len() < PER_ORIGIN {
            connections.push_back((Instant::now(), connection));
            *count = count.saturating_add(1);
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool(..)")
    }
}
