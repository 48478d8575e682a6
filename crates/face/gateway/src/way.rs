//! The way to an upstream, made ready once for all requests that take it.

use gatepost::Session;
use gatepost::client::upstream::{Destination, Upstream};
use gatepost::model::url::{Origin, Url};
use gatepost::server::denied::Denied;
use http::Uri;
use http::uri::{Authority, InvalidUri, Parts, Scheme};

/// Where an upstream is, in the words of those who go there.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub(crate) destination: Destination,
    /// Proves who we are there, if we are somebody.
    pub(crate) session: Option<Session>,
    scheme: Scheme,
    authority: Authority,
}

impl Way {
    /// The way to the origin of `url`.
    ///
    /// # Errors
    /// If its host and port make no authority.
    pub(crate) fn to(url: &Url, upstream: &Upstream, session: Option<Session>) -> Result<Self, InvalidUri> {
        let origin = url.origin();
        let authority = Authority::try_from(origin.authority())?;
        let scheme = if url.is_secure() { Scheme::HTTPS } else { Scheme::HTTP };
        Ok(Self { destination: upstream.to(&origin), session, scheme, authority })
    }

    /// The origin that it leads to.
    pub(crate) fn origin(&self) -> &Origin {
        self.destination.origin()
    }

    /// The absolute URI at the upstream: its scheme and authority, the request's own path and query,
    /// octet for octet.
    pub(crate) fn address(&self, asked: Uri) -> Result<Uri, Denied> {
        let target = asked.into_parts().path_and_query.ok_or(Denied::BadRequest("the target has no path"))?;
        if !target.as_str().starts_with('/') {
            return Err(Denied::BadRequest("this target is not forwarded"));
        }
        let mut parts = Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(target);
        Uri::from_parts(parts).map_err(|_| Denied::BadRequest("the target cannot be forwarded"))
    }
}
