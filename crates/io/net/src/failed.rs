//! What is left of a request that got no answer.

use http::Request;

use crate::body::Body;
use crate::error::NetError;

/// A request that got no answer.
#[derive(Debug)]
pub struct Failed {
    /// Why.
    pub error: NetError,
    /// The request as it was given, if nothing of it went out: it may be sent again elsewhere.
    pub unsent: Option<Box<Request<Body>>>,
}

impl Failed {
    /// Of a connection that was closed before.
    pub(crate) fn unsent(request: Request<Body>) -> Self {
        Self { error: NetError::Unsent, unsent: Some(Box::new(request)) }
    }
}

impl From<NetError> for Failed {
    fn from(error: NetError) -> Self {
        Self { error, unsent: None }
    }
}

impl From<Failed> for NetError {
    fn from(failed: Failed) -> Self {
        failed.error
    }
}
