//! What a connection becomes when both ends agree to stop speaking HTTP on it (RFC 9110 §7.8).

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http::{Extensions, Method, Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;

use crate::body::Body;
use crate::error::NetError;

/// Octets both ways.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection after an upgrade: raw octets both ways.
pub type Duplex = Box<dyn Stream>;

/// A promise of a [`Duplex`], kept once the 101 (or the 2xx to an extended CONNECT) has passed.
///
/// On the server, take it before answering and await it after: it is kept when the answer has been
/// written. If the answer is another status it fails with [`NetError::Upgrade`].
pub struct Upgrade(Pin<Box<dyn Future<Output = Result<Duplex, NetError>> + Send>>);

/// What an extended CONNECT asks for (RFC 8441 §4): it stands in the extensions of a request whose method is
/// CONNECT and whose version is HTTP/2, both at servers (see [`extended`]) and at clients (see [`extend`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Extended {
    /// `:protocol = websocket`.
    WebSocket,
}

/// What a request asks for, if it is an extended CONNECT.
///
/// Its upgrade is granted with 200, over HTTP/1.1 with 101. A success that is given to one whose upgrade
/// nobody took goes out as 501: nothing may follow it that is not of that protocol.
#[must_use]
pub fn extended(extensions: &Extensions) -> Option<Extended> {
    extensions.get::<Extended>().copied()
}

/// Makes a request an extended CONNECT. It can be sent on a connection that
/// [takes such](crate::connection::Connection::takes_extended) only.
pub fn extend<B>(request: &mut Request<B>, protocol: Extended) {
    *request.method_mut() = Method::CONNECT;
    request.extensions_mut().insert(protocol);
}

/// Takes the upgrade that a client asks for; `None` if its request asks for none, or it was taken. What is left is a
/// request like any other, which asks for nothing when it is passed on.
#[must_use]
pub fn take_request(request: &mut Request<Body>) -> Option<Upgrade> {
    request.extensions_mut().remove::<Extended>();
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
