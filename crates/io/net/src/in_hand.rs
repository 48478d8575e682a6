//! The requests of one connection that are not answered whole yet.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::error::{NetError, Wait};

/// Counts them.
pub(crate) struct InHand(Arc<watch::Sender<Count>>);

#[derive(Default)]
struct Count {
    open: usize,
    ever: usize,
}

/// One request, from its head to the end of its answer's body.
pub(crate) struct Request(Arc<watch::Sender<Count>>);

impl InHand {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Count::default())))
    }

    /// Counts one more until what it gives is dropped.
    pub(crate) fn take(&self) -> Request {
        self.0.send_modify(|count| {
            count.open += 1;
            count.ever = count.ever.saturating_add(1);
        });
        Request(Arc::clone(&self.0))
    }

    /// Ready when there has been none for `time`.
    pub(crate) async fn none_for(&self, time: Duration) {
        let mut count = self.0.subscribe();
        loop {
            let none = count.wait_for(|count| count.open == 0).await.is_ok();
            if none && tokio::time::timeout(time, count.changed()).await.is_err() {
                return;
            }
        }
    }

    /// Whether a connection's end is one in good order: a peer that leaves without a goodbye while nothing
    /// is in hand, as many TLS clients do, has lost nothing; nor has one that asks for nothing more.
    pub(crate) fn judge(&self, ended: Result<(), NetError>) -> Result<(), NetError> {
        let count = self.0.borrow();
        match ended {
            Err(NetError::ClosedEarly { .. }) if count.open == 0 => Ok(()),
            Err(NetError::Timeout { what: Wait::Head, .. }) if count.open == 0 && count.ever > 0 => Ok(()),
            other => other,
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.0.send_modify(|count| count.open -= 1);
    }
}
