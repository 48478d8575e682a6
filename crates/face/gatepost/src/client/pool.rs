//! Idle connections, kept for the next request to the same origin.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gatepost_model::url::Origin;
use gatepost_net::connection::Connection;
use gatepost_net::workers;
use tokio::runtime::{Handle, Id};

/// Parts of a pool: workers seldom meet in one.
const SHARDS: usize = 32;
/// Idle connections that are kept per origin, in one runtime: the streams of a few HTTP/2 clients end at once.
const PER_ORIGIN: usize = 256;
/// Idle connections that are kept in all, in one runtime.
const IN_ALL: usize = 1024;
/// How long an idle connection is trusted; servers close theirs after a minute or so.
const IDLE: Duration = Duration::from_secs(30);

/// The pool. Connections in it carry no identity: schemes that authenticate a connection instead of
/// a request must not be pooled here without one in the key.
///
/// A connection lives in the runtime that opened it, so it is given to users in that runtime only.
#[derive(Default)]
pub(crate) struct Pool {
    shards: [Shard; SHARDS],
}

/// Aligned, so that the lock of one worker is not in the cache line of another's.
#[derive(Default)]
#[repr(align(128))]
struct Shard {
    homes: Mutex<HashMap<Home, Idle>>,
}

/// The idle connections of one runtime.
#[derive(Default)]
struct Idle {
    /// The most recently used one last. No list is empty.
    connections: HashMap<Origin, VecDeque<(Instant, Connection)>>,
    count: usize,
}

/// Where a connection lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Home {
    /// The runtime of a worker.
    Worker(u64),
    /// Another runtime; `None` outside of all, where nothing can be opened.
    Runtime(Option<Id>),
}

impl Home {
    /// Where we are now.
    pub(crate) fn here() -> Self {
        match workers::number() {
            Some(number) => Self::Worker(number),
            None => Self::Runtime(Handle::try_current().ok().map(|handle| handle.id())),
        }
    }

    /// All that are no workers share the first.
    fn shard(self) -> usize {
        match self {
            Self::Worker(number) => usize::try_from(number).unwrap_or_default() % SHARDS,
            Self::Runtime(_) => 0,
        }
    }
}

impl Pool {
    /// A usable connection to `origin`, the most recently used one first. Closed and old ones go.
    pub(crate) fn take(&self, home: Home, origin: &Origin) -> Option<Connection> {
        self.homes(home).get_mut(&home)?.take(origin)
    }

    /// Keeps an idle connection, which was opened at `home`, for the next request there. It is dropped
    /// if there is no room.
    pub(crate) fn give(&self, home: Home, origin: Origin, connection: Connection) {
        let mut homes = self.homes(home);
        if !homes.contains_key(&home) {
            // Runtimes that have ended took their connections with them.
            homes.retain(|_, idle| idle.is_alive());
        }
        homes.entry(home).or_default().give(origin, connection);
    }

    fn homes(&self, home: Home) -> MutexGuard<'_, HashMap<Home, Idle>> {
        self.shards[home.shard()].homes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idle {
    fn take(&mut self, origin: &Origin) -> Option<Connection> {
        let connections = self.connections.get_mut(origin)?;
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
            self.connections.remove(origin);
        }
        self.count = self.count.saturating_sub(held.saturating_sub(left));
        found
    }

    fn give(&mut self, origin: Origin, connection: Connection) {
        if self.count >= IN_ALL {
            self.forget_old();
        }
        if self.count >= IN_ALL {
            return;
        }
        let connections = self.connections.entry(origin).or_default();
        while connections.front().is_some_and(|(since, _)| since.elapsed() >= IDLE) {
            connections.pop_front();
            self.count = self.count.saturating_sub(1);
        }
        if connections.len() < PER_ORIGIN {
            connections.push_back((Instant::now(), connection));
            self.count = self.count.saturating_add(1);
        }
    }

    /// Drops what idles for too long, perhaps to origins that nobody asks any more.
    fn forget_old(&mut self) {
        self.connections.retain(|_, connections| {
            connections.retain(|(since, _)| since.elapsed() < IDLE);
            !connections.is_empty()
        });
        self.count = self.connections.values().map(VecDeque::len).sum();
    }

    /// Whether any connection lives.
    fn is_alive(&mut self) -> bool {
        self.connections.values_mut().flatten().any(|(_, connection)| !connection.is_closed())
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool(..)")
    }
}
