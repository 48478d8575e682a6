//! The word that it is time to stop: given once, heard by every listener and connection.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// A handle on an orderly end. Clones share it.
///
/// Once started, listeners accept nothing new, idle connections close, busy ones end after the request
/// in hand; what is still open after the grace time is cut.
#[derive(Debug, Clone)]
pub struct Drain {
    started: Arc<watch::Sender<bool>>,
    grace: Duration,
}

impl Drain {
    /// A drain that has not started, with this much time for what is under way.
    #[must_use]
    pub fn new(grace: Duration) -> Self {
        Self { started: Arc::new(watch::Sender::new(false)), grace }
    }

    /// Starts it. Starting twice changes nothing.
    pub fn start(&self) {
        self.started.send_replace(true);
    }

    /// Whether it has started.
    #[must_use]
    pub fn has_started(&self) -> bool {
        *self.started.borrow()
    }

    /// Ready once it has started.
    pub async fn started(&self) {
        let mut receiver = self.started.subscribe();
        // The sender lives in `self`, so that this cannot fail.
        let _ = receiver.wait_for(|started| *started).await;
    }

    /// The time for what is under way.
    #[must_use]
    pub fn grace(&self) -> Duration {
        self.grace
    }
}

impl Default for Drain {
    /// Thirty seconds of grace.
    fn default() -> Self {
        Self::new(Duration::from_secs(30))
    }
}
