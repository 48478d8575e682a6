//! Who answers requests, and who asked.

use std::any::Any;
use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gatepost_http::proxy_header::header::Announced;
use gatepost_model::bound::Reached;
use gatepost_model::fault::{Blame, Fault};
use gatepost_model::shaken::Shaken;
use gatepost_tls::binder::Binder;
use gatepost_tls::client_chain::ClientChain;
use gatepost_tls::manner::Manner;
use http::{Request, Response, StatusCode};

use crate::body::Body;
use crate::error::NetError;

/// The other end of an accepted connection, and how it reached us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its address; behind a proxy that announces its connections, what that says.
    pub address: SocketAddr,
    /// The address of ours that it reached.
    pub local: SocketAddr,
    /// `TLSv1.3`, `TLSv1.2`, or `None` in the clear.
    pub tls: Option<&'static str>,
    /// What binds proofs to this connection; `None` in the clear.
    pub binder: Option<Arc<Binder>>,
    /// The certificates that it showed in the handshake, or in the one of the session that was resumed.
    pub client: Option<Arc<ClientChain>>,
    /// The server name that it asked for in the handshake (RFC 6066 §3).
    pub sni: Option<String>,
    /// What a proxy has said of the connection (PROXY protocol).
    pub announced: Option<Arc<Announced>>,
    /// The manner in which its handshake went; `None` in the clear, and where it is not known.
    pub manner: Option<Arc<Manner>>,
    /// `http/1.1` or `h2`.
    pub protocol: &'static str,
    /// What whoever answers remembers of this connection.
    pub memory: Memory,
}

impl Peer {
    /// A peer that reached `local` in the clear and speaks HTTP/1.1.
    #[must_use]
    pub fn new(address: SocketAddr, local: SocketAddr) -> Self {
        let (protocol, memory) = ("http/1.1", Memory::default());
        let (tls, binder, client, sni, manner, announced) = (None, None, None, None, None, None);
        Self { address, local, tls, binder, client, sni, manner, announced, protocol, memory }
    }
}

/// One value that whoever answers keeps for the life of a connection. It says nothing about who the peer is: all
/// are equal, and a copy has forgotten everything.
#[derive(Default)]
pub struct Memory(Mutex<Option<Box<dyn Any + Send>>>);

impl Memory {
    /// What is remembered, to be looked at or replaced. Not to be held across a wait.
    pub fn open(&self) -> MutexGuard<'_, Option<Box<dyn Any + Send>>> {
        // A panic elsewhere leaves a whole value, or none.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for Memory {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Memory {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Memory {}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory(..)")
    }
}

/// An answer in the making.
pub type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// Answers requests. Every request of every connection comes here; HTTP/2 streams at the same time.
///
/// The future is dropped when the client goes away. An answer's body that fails cuts the connection
/// (or resets the stream), so that it never looks complete; see [`instead`](Handler::instead) for one that fails early.
///
/// ```
/// use std::sync::Arc;
///
/// use gatepost_net::body::Body;
/// use gatepost_net::handler::{Handler, Peer};
/// use http::{Request, Response};
///
/// let hello = |request: Request<Body>, _peer: Arc<Peer>| async move {
///     Response::new(Body::from(format!("you asked for {}", request.uri().path())))
/// };
/// let handler: Arc<dyn Handler> = Arc::new(hello);
/// # drop(handler);
/// ```
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. Its URI is as it stood in the request: origin-form in HTTP/1.1, absolute in HTTP/2.
    fn handle(self: Arc<Self>, request: Request<Body>, peer: Arc<Peer>) -> Answering;

    /// Hears of a connection from `peer` that failed before or between requests, such as in its handshake.
    fn failed(&self, peer: SocketAddr, error: &NetError) {
        let _ = (peer, error);
    }

    /// Hears of a handshake at a binding of which somebody wants to hear that. Must not block.
    fn shaken(&self, shaken: &Shaken) {
        let _ = shaken;
    }

    /// The answer to an HTTP/1.1 request whose answer's body failed with `error` before anything of that had left.
    /// Its body is whole. The default is 502 without a body if somebody else is at fault, else 500.
    fn instead(&self, error: &NetError) -> Response<Body> {
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = match error.blame() {
            Blame::Peer | Blame::Environment => StatusCode::BAD_GATEWAY,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        answer
    }

    /// Hears that a bound of the process was reached: at once, then as a sum every few seconds. Must not block.
    fn bounded(&self, reached: &Reached) {
        let _ = reached;
    }
}

impl<F, A> Handler for F
where
    F: Fn(Request<Body>, Arc<Peer>) -> A + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    fn handle(self: Arc<Self>, request: Request<Body>, peer: Arc<Peer>) -> Answering {
        Box::pin(self(request, peer))
    }
}
