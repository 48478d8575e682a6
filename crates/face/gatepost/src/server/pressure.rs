//! Requests while memory is short: a few go on, the others are told to come back.

use std::sync::Arc;

use gatepost_model::bound::Bound;
use gatepost_net::budget::Budget;
use gatepost_net::handler::Peer;
use gatepost_net::reports::Reports;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::server::denied::Denied;

/// So many requests at once are answered all the same: what the process holds may be memory that its allocator
/// keeps of others, and answers are what frees the rest.
const SPARE: usize = 16;

/// Stands before the road of one worker.
#[derive(Debug)]
pub(crate) struct Pressure {
    memory: Arc<Budget>,
    spare: Arc<Semaphore>,
    reports: Reports,
}

impl Pressure {
    pub(crate) fn new(memory: Arc<Budget>, reports: Reports) -> Self {
        Self { memory, spare: Arc::new(Semaphore::new(SPARE)), reports }
    }

    /// Lets a request of `peer` in: freely, or while memory is short with what has to be held until it is answered.
    pub(crate) fn admit(&self, peer: &Peer) -> Result<Option<OwnedSemaphorePermit>, Denied> {
        if !self.memory.is_short() {
            return Ok(None);
        }
        Arc::clone(&self.spare).try_acquire_owned().map(Some).map_err(|_| {
            self.reports.note(Bound::RequestMemory, Some(peer.address.ip()));
            Denied::Overloaded
        })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn peer() -> Peer {
        let address = SocketAddr::from(([192, 0, 2, 1], 4711));
        Peer { protocol: "h2", ..Peer::new(address, address) }
    }

    fn pressure(bound: u64) -> (Pressure, tokio::sync::mpsc::UnboundedReceiver<Bound>) {
        let (say, hear) = tokio::sync::mpsc::unbounded_channel();
        let reports = Reports::new(Box::new(move |reached| say.send(reached.bound).unwrap()));
        (Pressure::new(Budget::watch(Some(bound), || 1), reports), hear)
    }

    #[tokio::test]
    async fn a_few_are_answered_while_memory_is_short() {
        let (pressure, mut told) = pressure(1);
        while !pressure.memory.is_short() {
            tokio::task::yield_now().await;
        }
        let mut inside: Vec<_> = (0..SPARE).map(|_| pressure.admit(&peer()).unwrap()).collect();
        assert_eq!(pressure.admit(&peer()).map(|_| ()), Err(Denied::Overloaded));
        assert_eq!(told.recv().await, Some(Bound::RequestMemory));
        inside.pop();
        assert!(pressure.admit(&peer()).unwrap().is_some());
    }

    #[tokio::test]
    async fn all_are_answered_while_it_is_not() {
        let (pressure, _told) = pressure(u64::MAX);
        let inside = (0..SPARE * 2).map(|_| pressure.admit(&peer()).unwrap());
        assert!(inside.collect::<Vec<_>>().iter().all(Option::is_none));
    }
}
