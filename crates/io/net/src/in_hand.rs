//! The requests of one connection that are not answered whole yet.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::error::NetError;

/// Counts them. Clones count together.
#[derive(Clone)]
pub(crate) struct InHand(Arc<watch::Sender<usize>>);

/// One request, from its head to the end of its answer's body.
pub(crate) struct Request(Arc<watch::Sender<usize>>);

impl InHand {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    /// Counts one more until what it gives is dropped.
    pub(crate) fn take(&self) -> Request {
        self.0.send_modify(|count| *count += 1);
        Request(Arc::clone(&self.0))
    }

    /// Ready when there has been none for `time`.
    pub(crate) async fn none_for(&self, time: Duration) {
        let mut count = self.0.subscribe();
        loop {
            let none = count.wait_for(|count| *count == 0).await.is_ok();
            if none && tokio::time::timeout(time, count.changed()).await.is_err() {
                return;
            }
        }
    }

    /// Whether a connection's end is one in good order: a peer that leaves without a goodbye while nothing
    /// is in hand, as many TLS clients do, has lost nothing.
    pub(crate) fn judge(&self, ended: Result<(), NetError>) -> Result<(), NetError> {
        match ended {
            Err(NetError::ClosedEarly { .. }) if *self.0.borrow() == 0 => Ok(()),
            other => other,
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
