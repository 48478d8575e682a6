//! Who was found, and what the answer has to tell them.

use std::sync::Arc;

use gatepost_model::principal::Principal;
use http::HeaderMap;

/// Who was found to have sent a request, and what the answer has to tell them.
#[derive(Debug, Clone)]
pub struct Authenticated {
    /// Who it is.
    pub principal: Arc<Principal>,
    /// What the scheme says in the answer, such as that we know the secret too. Mostly empty.
    pub fields: HeaderMap,
}

impl From<Arc<Principal>> for Authenticated {
    fn from(principal: Arc<Principal>) -> Self {
        Self { principal, fields: HeaderMap::new() }
    }
}
