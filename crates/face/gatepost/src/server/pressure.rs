//! Requests while memory is short: a few go on, the others are told to come back.

use std::sync::Arc;

use gatepost_model::bound::Bound;
use gatepost_net::budget::Budget;
use gatepost_net::handler::Peer;
use gatepost_net::reports::Reports;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::server::denied::Denied;

/// So many requests at once are answered all the same: what the process holds may be memory that its allocator
/// keeps of others, and answers are what frees the rest.
const SPARE: usize = 16;

/// Stands before the road of one worker.
#[derive(Debug)]
pub(crate) struct Pressure {
    memory: Arc<Budget>,
    spare: Semaphore,
    reports: Reports,
}

impl Pressure {
    pub(crate) fn new(memory: Arc<Budget>, reports: Reports) -> Self {
        Self { memory, spare: Semaphore::new(SPARE), reports }
    }

    /// Lets a request of `peer` in: freely, or while memory is short with what has to be held until it is answered.
    pub(crate) fn admit(&self, peer: &Peer) -> Result<Option<SemaphorePermit<'_>>, Denied> {
        if !self.memory.is_short() {
            return Ok(None);
        }
        self.spare.try_acquire().map(Some).map_err(|_| {
            self.reports.note(Bound::RequestMemory, Some(peer.address.ip()));
            Denied::Overloaded
        })
    }
}
