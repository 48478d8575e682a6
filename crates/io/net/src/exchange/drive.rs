//! From a request to the head of its answer.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use gatepost_http::framing::Framing;
use gatepost_http::head::ResponseHead;
use gatepost_http::response_reader::ResponseReader;
use http::{Request, Response};

use crate::body::Body;
use crate::error::NetError;
use crate::exchange::incoming::Incoming;
use crate::exchange::outgoing;
use crate::exchange::under_way::{Exchange, NoAnswer};
use crate::exchange::upload::Upload;
use crate::exchange::wire::{GiveBack, Wire};
use crate::failed::Failed;
use crate::upgrade;

/// A request on its way, until the head of its answer is there.
///
/// The wire goes to `give_back` when the answer has been read to its end and both sides want to go on;
/// else it is closed.
#[must_use = "nothing is sent before it is awaited"]
pub(crate) struct Asking(State);

enum State {
    UnderWay(Box<Exchange>),
    /// It ended before it began.
    Failed(Failed),
    Over,
}

impl Asking {
    /// Of `request`, on `wire`.
    pub(crate) fn new(wire: Box<Wire>, request: Request<Body>, give_back: GiveBack) -> Self {
        match begin(wire, request, give_back) {
            Ok(exchange) => Self(State::UnderWay(exchange)),
            Err(failed) => Self(State::Failed(failed)),
        }
    }

    /// Of a connection that is gone.
    pub(crate) fn unsent(request: Request<Body>) -> Self {
        Self(State::Failed(Failed::unsent(request)))
    }
}

impl Future for Asking {
    type Output = Result<Response<Body>, Failed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self(state) = &mut *self;
        let polled = match state {
            State::UnderWay(exchange) => ready!(exchange.poll_head(cx)),
            State::Failed(_) | State::Over => Err(NoAnswer::Other(NetError::Unsent)),
        };
        Poll::Ready(match (std::mem::replace(state, State::Over), polled) {
            (State::UnderWay(exchange), Ok((head, framing))) => answer(exchange, head, framing),
            (State::UnderWay(exchange), Err(error)) => Err(exchange.give_up(error)),
            (State::Failed(failed), _) => Err(failed),
            (State::Over, _) => Err(NetError::Unsent.into()),
        })
    }
}

fn begin(mut wire: Box<Wire>, mut request: Request<Body>, give_back: GiveBack) -> Result<Box<Exchange>, Failed> {
    if !wire.is_alive() {
        return Err(Failed::unsent(request));
    }
    let mut head = std::mem::take(&mut wire.scratch);
    head.clear();
    let plan = match outgoing::write_head(&mut request, &mut head) {
        Ok(plan) => plan,
        Err(error) => {
            wire.scratch = head;
            give_back(wire);
            return Err(error.into());
        }
    };
    let (asked, body) = request.into_parts();
    let mut upload = Upload::new(head, body, plan.framing);
    if plan.expects_continue {
        upload.hold();
    }
    wire.patience.renew();
    let reader = ResponseReader::new(wire.limits, plan.asked);
    Ok(Box::new(Exchange { wire, upload: Some(upload), reader, keeps: plan.persists, give_back, asked: Some(asked) }))
}

/// The answer as the caller sees it, and what becomes of the wire.
fn answer(mut exchange: Box<Exchange>, head: ResponseHead, framing: Framing) -> Result<Response<Body>, Failed> {
    exchange.asked = None;
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = head.status;
    *answer.version_mut() = head.version;
    *answer.headers_mut() = head.headers;
    if framing == Framing::Tunnel {
        if exchange.upload.is_some() {
            let detail = "it switched protocols within the request".to_owned();
            return Err(NetError::Protocol { protocol: "http/1.1", detail }.into());
        }
        // Kept already; it fails only if nobody took the promise.
        drop(upgrade::promise(answer.extensions_mut()).send(exchange.wire.into_duplex()));
        return Ok(answer);
    }
    *answer.body_mut() = Incoming::of(exchange);
    Ok(answer)
}
