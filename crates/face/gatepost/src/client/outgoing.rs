//! A request on its way.

use gatepost_model::credential::Credential;
use gatepost_model::url::Url;
use http::{HeaderMap, Method};

use crate::client::payload::Payload;

/// What the pipeline works on: changed by redirects, read by each sending.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Payload,
    /// The credential that the caller named for this request; it goes before the session's.
    pub(crate) credential: Option<Credential>,
}
