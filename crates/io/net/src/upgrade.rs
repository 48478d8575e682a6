//! What a connection becomes when both ends agree to stop speaking HTTP on it (RFC 9110 §7.8).

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http::{Extensions, Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;

use crate::body::Body;
use crate::error::NetError;

/// Octets both ways.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection after an upgrade: raw octets both ways.
pub type Duplex = Box<dyn Stream>;

/// A promise of a [`Duplex`], kept once the 101 (or the 2xx to CONNECT) has passed.
///
/// On the server, take it before answering and await it after: it is kept when the answer has been
/// written. If the answer is another status it fails with [`NetError::Upgrade`].
pub struct Upgrade(Pin<Box<dyn Future<Output = Result<Duplex, NetError>> + Send>>);

/// Takes the upgrade that a client asks for; `None` if its request asks for none, or it was taken.
#[must_use]
pub fn take_request(request: &mut Request<Body>) -> Option<Upgrade> {
    take(request.extensions_mut())
}

/// Takes the upgrade that a server granted; `None` if its answer grants none, or it was taken.
#[must_use]
pub fn take_response(response: &mut Response<Body>) -> Option<Upgrade> {
    take(response.extensions_mut())
}

/// Puts a promise into `extensions` that is kept by sending on what it gives, and broken by dropping it.
pub(crate) fn promise(extensions: &mut Extensions) -> oneshot::Sender<Duplex> {
    let (keep, kept) = oneshot::channel();
    let promise = async move { kept.await.map_err(|_| not_switched()) };
    extensions.insert(Offer(Arc::new(Mutex::new(Some(Upgrade(Box::pin(promise)))))));
    keep
}

fn not_switched() -> NetError {
    NetError::Upgrade { detail: "the answer was not a switch of protocols".to_owned() }
}

/// Extensions must be `Clone` and `Sync`; an upgrade is neither.
#[derive(Clone)]
struct Offer(Arc<Mutex<Option<Upgrade>>>);

fn take(extensions: &mut Extensions) -> Option<Upgrade> {
    let offer = extensions.remove::<Offer>()?;
    offer.0.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl Future for Upgrade {
    type Output = Result<Duplex, NetError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upgrade")
    }
}
