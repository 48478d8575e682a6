//! A caller's own look at a connection, after its handshake and before the first octet of a request.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use gatepost_net::connection::ConnectionFacts;
use gatepost_net::error::NetError;

type Verdict = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// Looks at each new connection: whom it leads to, by which TLS, with which certificates. It can only tighten: what
/// the rules refused it never sees.
#[derive(Clone)]
pub(crate) struct Inspection(Arc<dyn Fn(ConnectionFacts) -> Verdict + Send + Sync>);

impl Inspection {
    pub(crate) fn new<F, V>(look: F) -> Self
    where
        F: Fn(ConnectionFacts) -> V + Send + Sync + 'static,
        V: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self(Arc::new(move |facts| Box::pin(look(facts))))
    }

    /// Whether requests may be sent.
    pub(crate) async fn allows(&self, facts: &ConnectionFacts) -> Result<(), NetError> {
        (self.0)(facts.clone()).await.map_err(|detail| NetError::Rejected { detail })
    }
}

impl fmt::Debug for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inspection")
    }
}
