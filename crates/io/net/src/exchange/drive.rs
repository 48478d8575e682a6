//! From a request to the head of its answer.

use std::future::poll_fn;

use gatepost_http::framing::Framing;
use gatepost_http::head::ResponseHead;
use gatepost_http::response_reader::ResponseReader;
use http::{Request, Response};

use crate::body::Body;
use crate::error::NetError;
use crate::exchange::incoming::Incoming;
use crate::exchange::outgoing;
use crate::exchange::under_way::Exchange;
use crate::exchange::upload::Upload;
use crate::exchange::wire::{GiveBack, Wire};
use crate::failed::Failed;
use crate::upgrade;

/// Sends `request` and waits for the head of its answer. The wire goes to `give_back` when the answer
/// has been read to its end and both sides want to go on; else it is closed.
pub(crate) async fn exchange(
    mut wire: Box<Wire>,
    mut request: Request<Body>,
    give_back: GiveBack,
) -> Result<Response<Body>, Failed> {
    if !wire.is_alive() {
        return Err(Failed::unsent(request));
    }
    let mut head = std::mem::take(&mut wire.scratch);
    head.clear();
    let plan = match outgoing::write_head(&mut request, &mut head) {
        Ok(plan) => plan,
        Err(error) => {
            wire.scratch = head;
            give_back.give(wire);
            return Err(error.into());
        }
    };
    let (parts, body) = request.into_parts();
    let mut upload = Upload::new(head, body, plan.framing);
    if plan.expects_continue {
        upload.hold();
    }
    wire.patience.renew();
    let reader = ResponseReader::new(wire.limits, plan.asked);
    let exchange = Exchange { wire, upload: Some(upload), reader, keeps: plan.persists, give_back };
    let mut exchange = Box::new(exchange);
    match poll_fn(|cx| exchange.poll_head(cx)).await {
        Ok((head, framing)) => answer(exchange, head, framing),
        Err(error) => Err(match exchange.upload.and_then(Upload::into_body) {
            Some(body) if error.is_of_wire() => Failed::unsent(Request::from_parts(parts, body)),
            _ => error.into_inner().into(),
        }),
    }
}

/// The answer as the caller sees it, and what becomes of the wire.
fn answer(exchange: Box<Exchange>, head: ResponseHead, framing: Framing) -> Result<Response<Body>, Failed> {
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
