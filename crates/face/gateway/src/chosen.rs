//! What was decided about a request, until it is answered.

use std::sync::Arc;

use gatepost::server::denied::Denied;
use http::HeaderValue;

use crate::config::routes::Route;
use crate::plan::Plan;
use crate::way::Way;

/// A worker's own hold on the plan, so that workers share no counter on the way of a request.
#[derive(Debug)]
pub struct Held(Arc<Plan>);

impl Held {
    pub(crate) fn of(plan: Arc<Plan>) -> Self {
        Self(plan)
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.0
    }
}

/// The route that was chosen for a request, in the plan that was in force then.
#[derive(Debug)]
pub struct Chosen {
    held: Arc<Held>,
    at: usize,
    host: HeaderValue,
}

impl Chosen {
    /// The route at this place of the plan, for a request with this Host.
    pub(crate) fn new(held: Arc<Held>, at: usize, host: HeaderValue) -> Self {
        Self { held, at, host }
    }

    pub(crate) fn plan(&self) -> &Plan {
        self.held.plan()
    }

    pub(crate) fn route(&self) -> Result<&Route, Denied> {
        self.plan().route(self.at).ok_or(Denied::NoRoute)
    }

    /// Where it leads, if that is to an upstream.
    pub(crate) fn way(&self) -> Result<&Way, Denied> {
        self.plan().way(self.at).ok_or(Denied::NoRoute)
    }

    /// The Host as it was written.
    pub(crate) fn host(&self) -> &HeaderValue {
        &self.host
    }
}
