//! A connection to a server that takes requests.

use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use gatepost_model::limits::Limits;
use gatepost_tls::binder::Binder;
use gatepost_tls::verify::judgement::Judgement;
use http::{Request, Response};
use tokio::sync::oneshot;

use crate::body::Body;
use crate::error::{NetError, Wait};
use crate::exchange::drive::Asking;
use crate::exchange::wire::{GiveBack, Wire};
use crate::explain;
use crate::failed::Failed;
use crate::http2::client::Streams;
use crate::upgrade::Duplex;

/// What stands behind a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionFacts {
    /// The address that was reached.
    pub address: SocketAddr,
    /// `TLSv1.3`, `TLSv1.2`, or `None` in the clear.
    pub tls: Option<&'static str>,
    /// `http/1.1` or `h2`; `tcp` of a socket.
    pub protocol: &'static str,
    /// What was found about the certificates of the other end, and they themselves; `None` in the clear.
    pub judgement: Option<Arc<Judgement>>,
    /// What binds proofs to this connection; `None` in the clear.
    pub binder: Option<Arc<Binder>>,
}

impl ConnectionFacts {
    /// A connection to `address` in the clear, which speaks HTTP/1.1.
    #[must_use]
    pub fn clear(address: SocketAddr) -> Self {
        Self { address, tls: None, protocol: "http/1.1", judgement: None, binder: None }
    }
}

/// An open connection that takes requests: one after the other (HTTP/1.1) or many at once (HTTP/2).
///
/// Dropping it closes it as soon as the answers in hand have been read or dropped.
#[derive(Debug)]
pub struct Connection {
    facts: ConnectionFacts,
    answer_time: Duration,
    sender: Sender,
}

/// Who keeps a connection between two requests, such as a pool.
pub trait Keeper: Send + Sync {
    /// Takes a connection that can be used again. It is called where the answer's body was read.
    fn keep(&self, connection: Connection);
}

impl<F: Fn(Connection) + Send + Sync> Keeper for F {
    fn keep(&self, connection: Connection) {
        self(connection);
    }
}

#[derive(Debug)]
enum Sender {
    Http1(Seat),
    Http2(Streams),
}

/// Where an HTTP/1.1 connection's wire is.
#[derive(Debug)]
enum Seat {
    Here(Box<Wire>),
    /// With the body of an answer that is being read.
    Lent(oneshot::Receiver<Box<Wire>>),
    Gone,
}

impl Connection {
    /// Starts the protocol of `facts` on `stream`.
    pub(crate) async fn open(stream: Duplex, facts: ConnectionFacts, limits: &Limits) -> Result<Self, NetError> {
        let sender = if facts.protocol == "h2" {
            Sender::Http2(Streams::open(stream, facts.tls.is_some(), limits).await?)
        } else {
            Sender::Http1(Seat::Here(Box::new(Wire::new(stream, limits))))
        };
        Ok(Self { facts, answer_time: limits.answer_time, sender })
    }

    /// One whose wire has come back.
    fn over(wire: Box<Wire>, facts: ConnectionFacts) -> Self {
        Self { facts, answer_time: wire.answer_time(), sender: Sender::Http1(Seat::Here(wire)) }
    }

    /// Where it leads and what it speaks.
    #[must_use]
    pub fn facts(&self) -> &ConnectionFacts {
        &self.facts
    }

    /// Whether it takes many requests at once; then [`share`](Self::share) gives more handles.
    #[must_use]
    pub fn is_multiplexed(&self) -> bool {
        matches!(self.sender, Sender::Http2(_))
    }

    /// Another handle on the same connection, if it is multiplexed.
    #[must_use]
    pub fn share(&self) -> Option<Self> {
        let Sender::Http2(streams) = &self.sender else { return None };
        let sender = Sender::Http2(streams.clone());
        Some(Self { facts: self.facts.clone(), answer_time: self.answer_time, sender })
    }

    /// Whether it takes a request now, as far as we know: the other end may close it at any time.
    ///
    /// One whose other end has closed it, or has said what nobody asked for, is closed here.
    #[must_use]
    pub fn is_usable(&mut self) -> bool {
        match &mut self.sender {
            Sender::Http1(seat) => seat.is_usable(),
            Sender::Http2(streams) => streams.is_ready(),
        }
    }

    /// Whether it is over: it will never take a request again.
    #[must_use]
    pub fn is_closed(&mut self) -> bool {
        match &mut self.sender {
            Sender::Http1(seat) => !seat.is_usable() && matches!(seat, Seat::Gone),
            Sender::Http2(streams) => streams.is_closed(),
        }
    }

    /// Whether it takes extended CONNECT (RFC 8441): HTTP/2, and the server's SETTINGS say so. They are waited for
    /// if they have not come yet, for not longer than an answer may take.
    pub async fn takes_extended(&mut self) -> bool {
        match &mut self.sender {
            Sender::Http1(_) => false,
            Sender::Http2(streams) => streams.takes_extended().await,
        }
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// The URI is absolute; each protocol gets the form that it needs, and Host where there is none. A
    /// Host that is set stays (HTTP/1.1) or becomes the authority (HTTP/2). The answer's body fails with
    /// [`NetError::ClosedEarly`] if it is cut short. Over HTTP/2 only
    /// an [extended CONNECT](crate::upgrade::extend) can be upgraded.
    ///
    /// Over HTTP/1.1 the answer's body is the rest of the exchange: while it is read the request's body
    /// goes on, and the connection takes its next request when the answer has been read to its end.
    /// Dropping it before that, or dropping what this gives, closes the connection.
    ///
    /// # Errors
    /// [`NetError::Unsent`] if nothing of it went out; [`NetError::Timeout`] if for the answer time
    /// the request's body made no progress and no head came; whatever else breaks the exchange.
    pub async fn send(&mut self, request: Request<Body>) -> Result<Response<Body>, NetError> {
        Ok(self.try_send(request).await?)
    }

    /// As [`send`](Self::send), but gives an unsent request back.
    ///
    /// # Errors
    /// [`Failed`], with the request if nothing of it went out.
    pub async fn try_send(&mut self, request: Request<Body>) -> Result<Response<Body>, Failed> {
        let seat = match &mut self.sender {
            Sender::Http1(seat) => seat,
            Sender::Http2(streams) => return streams.exchange(request).await,
        };
        let Some(wire) = seat.take(self.answer_time).await? else { return Err(Failed::unsent(request)) };
        let (give, lent) = oneshot::channel();
        *seat = Seat::Lent(lent);
        // If the connection is gone, so is the wire.
        Asking::new(wire, request, Box::new(move |wire| drop(give.send(wire)))).await
    }

    /// As [`try_send`](Self::try_send), and hands the connection to `keeper` when it takes its next
    /// request: over HTTP/1.1 when the answer has been read to its end, over HTTP/2 with its head.
    /// The keeper hears nothing of a connection that cannot be used again.
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send).
    pub fn try_send_returning(self, request: Request<Body>, keeper: Arc<dyn Keeper>) -> Sending {
        let Self { facts, answer_time, sender } = self;
        Sending(match sender {
            Sender::Http1(Seat::Here(wire)) => Sent::Http1(Asking::new(wire, request, to(keeper, facts))),
            Sender::Http1(Seat::Gone) => Sent::Http1(Asking::unsent(request)),
            Sender::Http1(mut seat) => Sent::Other(Box::pin(async move {
                let Some(wire) = seat.take(answer_time).await? else { return Err(Failed::unsent(request)) };
                Asking::new(wire, request, to(keeper, facts)).await
            })),
            Sender::Http2(mut streams) => Sent::Other(Box::pin(async move {
                let answer = streams.exchange(request).await?;
                keeper.keep(Self { facts, answer_time, sender: Sender::Http2(streams) });
                Ok(answer)
            })),
        })
    }
}

/// Brings a wire back as the connection that it was.
fn to(keeper: Arc<dyn Keeper>, facts: ConnectionFacts) -> GiveBack {
    Box::new(move |wire| keeper.keep(Connection::over(wire, facts)))
}

/// A request on its way: awaited, the head of its answer. It owns all that it needs; nothing is sent before it
/// is awaited, and dropping it ends the exchange.
#[must_use = "nothing is sent before it is awaited"]
pub struct Sending(Sent);

enum Sent {
    Http1(Asking),
    Other(Pin<Box<dyn Future<Output = Result<Response<Body>, Failed>> + Send>>),
}

impl Future for Sending {
    type Output = Result<Response<Body>, Failed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Sent::Http1(asking) => Pin::new(asking).poll(cx),
            Sent::Other(sending) => sending.as_mut().poll(cx),
        }
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sending(..)")
    }
}

impl Seat {
    /// Whether a living wire is here; a dead one goes.
    fn is_usable(&mut self) -> bool {
        if let Self::Lent(lent) = self {
            match lent.try_recv() {
                Ok(wire) => *self = Self::Here(wire),
                Err(oneshot::error::TryRecvError::Closed) => *self = Self::Gone,
                Err(oneshot::error::TryRecvError::Empty) => {}
            }
        }
        let Self::Here(wire) = self else { return false };
        let alive = wire.is_alive();
        if !alive {
            *self = Self::Gone;
        }
        alive
    }

    /// The wire, once the answer before has been read; `None` if it is gone.
    async fn take(&mut self, limit: Duration) -> Result<Option<Box<Wire>>, NetError> {
        match std::mem::replace(self, Self::Gone) {
            Self::Here(wire) => Ok(Some(wire)),
            Self::Lent(lent) => {
                let returned = tokio::time::timeout(limit, lent).await;
                returned.map(Result::ok).map_err(|_| explain::timeout(Wait::Answer, limit))
            }
            Self::Gone => Ok(None),
        }
    }
}
