//! Idle connections, kept for the next request to the same origin.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gatepost_model::url::Origin;
use gatepost_net::connection::Connection;
use gatepost_net::workers;
use tokio::runtime::{Handle, Id};

/// Parts of a pool: workers seldom meet in one.
const SHARDS: usize = 32;
/// Idle connections that are kept per origin, in one runtime.
const PER_ORIGIN: usize = 64;
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

type Idle = HashMap<Origin, Vec<(Instant, Connection)>>;

/// Where a connection lives.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Home {
    /// The runtime of a worker.
    Worker(u64),
    /// Another runtime; `None` outside of all, where nothing can be opened.
    Runtime(Option<Id>),
}

impl Home {
    fn here() -> Self {
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
    /// A usable connection to `origin`, the most recently used one first. Connections that still
    /// deliver an answer stay where they are; closed and old ones go.
    pub(crate) fn take(&self, origin: &Origin) -> Option<Connection> {
        let home = Home::here();
        let mut homes = self.homes(home);
        let idle = homes.get_mut(&home)?;
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
        let home = Home::here();
        let mut homes = self.homes(home);
        if !homes.contains_key(&home) {
            // Runtimes that have ended took their connections with them.
            homes.retain(|_, idle| idle.values().flatten().any(|(_, connection)| !connection.is_closed()));
        }
        let idle = homes.entry(home).or_default();
        let held: usize = idle.values().map(Vec::len).sum();
        let connections = idle.entry(origin).or_default();
        if connections.len() < PER_ORIGIN && held < IN_ALL {
            connections.push((Instant::now(), connection));
        }
    }

    fn homes(&self, home: Home) -> MutexGuard<'_, HashMap<Home, Idle>> {
        self.shards[home.shard()].homes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool(..)")
    }
}
