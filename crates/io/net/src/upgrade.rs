//! What a connection becomes when both ends agree to stop speaking HTTP on it (RFC 9110 §7.8).

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http::{Extensions, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::body::Body;
use crate::error::NetError;
use crate::explain;

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

/// Puts hyper's upgrade into `extensions` as ours.
pub(crate) fn offer(extensions: &mut Extensions, upgrade: hyper::upgrade::OnUpgrade) {
    let promise = async move {
        match upgrade.await {
            Ok(upgraded) => Ok(Box::new(TokioIo::new(upgraded)) as Duplex),
            Err(error) => Err(match explain::hyper(&error, "http/1.1", "the upgrade") {
                NetError::Unsent | NetError::Request { .. } => {
                    NetError::Upgrade { detail: "the answer was not a switch of protocols".to_owned() }
                }
                other => other,
            }),
        }
    };
    extensions.insert(Offer(Arc::new(Mutex::new(Some(Upgrade(Box::pin(promise)))))));
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
