//! Another way to an origin than the direct one.

use std::fmt::Debug;
use std::pin::Pin;

use gatepost_model::url::Origin;
use gatepost_net::dial::Dialer;
use gatepost_net::error::NetError;
use gatepost_net::proxy::Way;

/// A way that is being opened.
pub(crate) type Opening<'a> = Pin<Box<dyn Future<Output = Result<Way, NetError>> + Send + 'a>>;

/// Knows another way.
pub(crate) trait Detour: Debug + Send + Sync {
    /// Whether it has to be taken to `origin`.
    fn leads_to(&self, origin: &Origin) -> bool;

    /// Opens it.
    fn open<'a>(&'a self, dialer: &'a Dialer, origin: &'a Origin) -> Opening<'a>;
}
