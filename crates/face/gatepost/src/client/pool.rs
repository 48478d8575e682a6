//! Idle connections, kept for the next request to the same origin.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gatepost_model::url::Origin;
use gatepost_net::connection::{Connection, Keeper};
use gatepost_net::error::NetError;
use gatepost_net::workers;
use tokio::runtime::{Handle, Id};

use crate::client::opener::Opener;

/// Parts of a rack: workers seldom meet in one.
const SHARDS: usize = 16;
/// Idle connections that are kept per origin, in one runtime: the streams of a few HTTP/2 clients end at once.
const PER_ORIGIN: usize = 256;
/// Idle connections that are kept in all, in the runtimes of one shard.
const IN_ALL: usize = 1024;
/// Origins of which idle connections are kept.
const ORIGINS: usize = 256;
/// How long an idle connection is trusted; servers close theirs after a minute or so.
const IDLE: Duration = Duration::from_secs(30);

/// The pool. Most connections in it carry no identity; those that a scheme has proved somebody on lie apart, under that
/// identity, and are given to nobody else.
///
/// A connection lives in the runtime that opened it, so it is given to users in that runtime only.
pub(crate) struct Pool {
    racks: Mutex<HashMap<Origin, Arc<Rack>>>,
    bound: Mutex<HashMap<Identity, Arc<Rack>>>,
    common: Arc<Common>,
}

/// Whom a connection speaks for, and at which origin: a keyed digest of scheme, credential and origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Identity(pub(crate) [u8; 32]);

/// What all places of a pool share.
struct Common {
    opener: Opener,
    /// How many connections idle, by shard.
    counts: [Count; SHARDS],
}

/// The places for connections to one origin. Whoever goes there often keeps hold of it, and looks up nothing.
pub(crate) struct Rack {
    origin: Origin,
    shards: [Shard; SHARDS],
    common: Arc<Common>,
}

/// Aligned, so that the lock of one worker is not in the cache line of another's.
#[derive(Default)]
#[repr(align(128))]
struct Shard(Mutex<Vec<Arc<Place>>>);

#[derive(Default)]
#[repr(align(128))]
struct Count(AtomicUsize);

/// The idle connections of one runtime to one origin, the most recently used one last.
///
/// A request holds on to nothing else, so that workers do not meet in the counters of what they share.
pub(crate) struct Place {
    home: Home,
    origin: Origin,
    idle: Mutex<VecDeque<(Instant, Connection)>>,
    common: Arc<Common>,
}

/// Where a connection lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    pub(crate) fn new(opener: Opener) -> Self {
        let counts = std::array::from_fn(|_| Count::default());
        Self { racks: Mutex::default(), bound: Mutex::default(), common: Arc::new(Common { opener, counts }) }
    }

    /// The places for connections to `origin`. Where there are too many origins already, those to a new one are
    /// not kept.
    pub(crate) fn rack(&self, origin: &Origin) -> Arc<Rack> {
        let mut racks = locked(&self.racks);
        match racks.get(origin) {
            Some(rack) => Arc::clone(rack),
            None => self.add(&mut racks, origin.clone(), origin),
        }
    }

    /// The places for connections to `origin` that speak for `identity`.
    pub(crate) fn bound_rack(&self, origin: &Origin, identity: Identity) -> Arc<Rack> {
        let mut racks = locked(&self.bound);
        match racks.get(&identity) {
            Some(rack) => Arc::clone(rack),
            None => self.add(&mut racks, identity, origin),
        }
    }

    fn add<K: Eq + Hash>(&self, racks: &mut HashMap<K, Arc<Rack>>, key: K, origin: &Origin) -> Arc<Rack> {
        if racks.len() >= ORIGINS {
            racks.retain(|_, rack| Arc::strong_count(rack) > 1 || rack.is_in_use());
        }
        let shards = std::array::from_fn(|_| Shard::default());
        let rack = Arc::new(Rack { origin: origin.clone(), shards, common: Arc::clone(&self.common) });
        if racks.len() < ORIGINS {
            racks.insert(key, Arc::clone(&rack));
        }
        rack
    }
}

impl Rack {
    /// Where its connections lead.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The place of this runtime.
    pub(crate) fn here(&self) -> Arc<Place> {
        let home = Home::here();
        let mut places = locked(&self.shards[home.shard()].0);
        if let Some(place) = places.iter().find(|place| place.home == home) {
            return Arc::clone(place);
        }
        // Runtimes that have ended took their connections with them.
        places.retain(|place| Arc::strong_count(place) > 1 || place.is_alive());
        let (origin, common) = (self.origin.clone(), Arc::clone(&self.common));
        let place = Arc::new(Place { home, origin, idle: Mutex::default(), common });
        places.push(Arc::clone(&place));
        place
    }

    /// Whether it holds a connection that is still trusted.
    fn is_in_use(&self) -> bool {
        self.shards.iter().any(|shard| locked(&shard.0).iter().any(|place| place.is_in_use()))
    }
}

impl Place {
    /// A usable connection, the most recently used one first. Closed and old ones go.
    pub(crate) fn take(&self) -> Option<Connection> {
        let mut idle = locked(&self.idle);
        let (held, mut found) = (idle.len(), None);
        while let Some((since, mut connection)) = idle.pop_back() {
            if since.elapsed() >= IDLE {
                // Those before it are older still.
                idle.clear();
            } else if connection.is_usable() {
                found = Some(connection);
                break;
            }
        }
        self.count().fetch_sub(held.saturating_sub(idle.len()), Ordering::Relaxed);
        found
    }

    /// Another handle on a connection that takes many requests at once, if one is there; it stays.
    pub(crate) fn shared(&self) -> Option<Connection> {
        let mut idle = locked(&self.idle);
        let trusted = idle.iter_mut().rev().filter(|(since, _)| since.elapsed() < IDLE);
        let mut usable = trusted.filter_map(|(_, connection)| connection.is_usable().then_some(connection));
        usable.find_map(|connection| connection.share())
    }

    /// A new connection to the origin that speaks HTTP/1.1.
    pub(crate) async fn open_http1(&self) -> Result<Connection, NetError> {
        self.common.opener.open_http1(&self.origin).await
    }

    /// The same; the origin hears `header` first. It is for one client alone, and never kept here.
    pub(crate) async fn open_http1_announced(&self, header: &[u8]) -> Result<Connection, NetError> {
        self.common.opener.open_http1_announced(&self.origin, header).await
    }

    /// A new connection to the origin.
    pub(crate) async fn open(&self) -> Result<Connection, NetError> {
        self.common.opener.open(&self.origin).await
    }

    fn is_in_use(&self) -> bool {
        locked(&self.idle).back().is_some_and(|(since, _)| since.elapsed() < IDLE)
    }

    /// Whether any connection lives.
    fn is_alive(&self) -> bool {
        locked(&self.idle).iter_mut().any(|(_, connection)| !connection.is_closed())
    }

    fn count(&self) -> &AtomicUsize {
        &self.common.counts[self.home.shard()].0
    }
}

impl Keeper for Place {
    /// Keeps an idle connection for the next request; it is closed if there is no room.
    fn keep(&self, connection: Connection) {
        let mut surplus = Some(connection);
        let mut idle = locked(&self.idle);
        let held = idle.len();
        let now = Instant::now();
        while idle.front().is_some_and(|(since, _)| now.duration_since(*since) >= IDLE) {
            idle.pop_front();
        }
        self.count().fetch_sub(held.saturating_sub(idle.len()), Ordering::Relaxed);
        if idle.len() < PER_ORIGIN && self.count().load(Ordering::Relaxed) < IN_ALL {
            idle.extend(surplus.take().map(|connection| (now, connection)));
            self.count().fetch_add(1, Ordering::Relaxed);
        }
        // Whatever has no place is closed outside of the lock.
        drop(idle);
        drop(surplus);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let held = locked(&self.idle).len();
        self.count().fetch_sub(held, Ordering::Relaxed);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool(..)")
    }
}

impl fmt::Debug for Rack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rack({})", self.origin)
    }
}
