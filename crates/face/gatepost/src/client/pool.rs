//! Idle connections, kept for the next request to the same origin.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use gatepost_model::url::Origin;
use gatepost_net::connection::{Connection, Keeper};
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

/// The idle connections of one runtime.
#[derive(Default)]
struct Idle {
    shelves: HashMap<Origin, Shelf>,
    count: usize,
}

/// Those to one origin.
struct Shelf {
    /// The most recently used one last.
    connections: VecDeque<(Instant, Connection)>,
    /// Made once, so that a request costs no copy of its origin's name.
    keeper: Arc<ShelfKeeper>,
}

/// Brings connections back to their shelf.
pub(crate) struct ShelfKeeper {
    pool: Weak<Pool>,
    home: Home,
    origin: Origin,
}

impl ShelfKeeper {
    /// Where its connections lead.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl Keeper for ShelfKeeper {
    fn keep(&self, connection: Connection) {
        if let Some(pool) = self.pool.upgrade() {
            pool.give(self.home, &self.origin, connection);
        }
    }
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
    /// A usable connection to `origin`, the most recently used one first, and who keeps it afterwards. Closed and
    /// old ones go.
    pub(crate) fn take(self: &Arc<Self>, home: Home, origin: &Origin) -> (Option<Connection>, Arc<ShelfKeeper>) {
        let mut homes = self.homes(home);
        if !homes.contains_key(&home) {
            // Runtimes that have ended took their connections with them.
            homes.retain(|_, idle| idle.is_alive());
        }
        homes.entry(home).or_default().take(origin, || ShelfKeeper {
            pool: Arc::downgrade(self),
            home,
            origin: origin.clone(),
        })
    }

    /// Keeps an idle connection, which was opened at `home`, for the next request there. It is dropped
    /// if there is no room.
    fn give(&self, home: Home, origin: &Origin, connection: Connection) {
        // Whatever is dropped is closed outside of the lock.
        let surplus = match self.homes(home).get_mut(&home) {
            Some(idle) => idle.give(origin, connection),
            None => Some(connection),
        };
        drop(surplus);
    }

    fn homes(&self, home: Home) -> MutexGuard<'_, HashMap<Home, Idle>> {
        self.shards[home.shard()].homes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idle {
    fn take(
        &mut self,
        origin: &Origin,
        keeper: impl FnOnce() -> ShelfKeeper,
    ) -> (Option<Connection>, Arc<ShelfKeeper>) {
        if !self.shelves.contains_key(origin) {
            self.forget_empty();
            let shelf = Shelf { connections: VecDeque::new(), keeper: Arc::new(keeper()) };
            let keeper = Arc::clone(&shelf.keeper);
            self.shelves.insert(origin.clone(), shelf);
            return (None, keeper);
        }
        let Some(shelf) = self.shelves.get_mut(origin) else { return (None, Arc::new(keeper())) };
        let held = shelf.connections.len();
        let found = shelf.take();
        self.count = self.count.saturating_sub(held.saturating_sub(shelf.connections.len()));
        (found, Arc::clone(&shelf.keeper))
    }

    /// Gives back what has no place.
    fn give(&mut self, origin: &Origin, connection: Connection) -> Option<Connection> {
        if self.count >= IN_ALL {
            self.forget_old();
        }
        let Some(shelf) = self.shelves.get_mut(origin).filter(|_| self.count < IN_ALL) else {
            return Some(connection);
        };
        while shelf.connections.front().is_some_and(|(since, _)| since.elapsed() >= IDLE) {
            shelf.connections.pop_front();
            self.count = self.count.saturating_sub(1);
        }
        if shelf.connections.len() >= PER_ORIGIN {
            return Some(connection);
        }
        shelf.connections.push_back((Instant::now(), connection));
        self.count = self.count.saturating_add(1);
        None
    }

    /// Drops what idles for too long, perhaps to origins that nobody asks any more.
    fn forget_old(&mut self) {
        for shelf in self.shelves.values_mut() {
            shelf.connections.retain(|(since, _)| since.elapsed() < IDLE);
        }
        self.count = self.shelves.values().map(|shelf| shelf.connections.len()).sum();
    }

    /// Makes room for another origin where there are very many.
    fn forget_empty(&mut self) {
        if self.shelves.len() >= IN_ALL {
            self.forget_old();
            self.shelves.retain(|_, shelf| !shelf.connections.is_empty());
        }
    }

    /// Whether any connection lives.
    fn is_alive(&mut self) -> bool {
        let mut connections = self.shelves.values_mut().flat_map(|shelf| &mut shelf.connections);
        connections.any(|(_, connection)| !connection.is_closed())
    }
}

impl Shelf {
    fn take(&mut self) -> Option<Connection> {
        while let Some((since, mut connection)) = self.connections.pop_back() {
            if since.elapsed() >= IDLE {
                // Those before it are older still.
                self.connections.clear();
            } else if connection.is_usable() {
                return Some(connection);
            }
        }
        None
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool(..)")
    }
}
