//! One exchange: the request goes out, the head of its answer comes in.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use gatepost_http::framing::Framing;
use gatepost_http::head::ResponseHead;
use gatepost_http::response_reader::{ResponseEvent, ResponseReader};
use http::{Request, Response, StatusCode};

use crate::body::Body;
use crate::connection::Failed;
use crate::error::{NetError, Wait};
use crate::exchange::incoming::Incoming;
use crate::exchange::outgoing;
use crate::exchange::upload::{Halt, Upload};
use crate::exchange::wire::Wire;
use crate::{explain, upgrade};

/// Takes a wire that can be used again.
pub(crate) type GiveBack = Box<dyn FnOnce(Box<Wire>) + Send>;

/// An exchange under way.
pub(super) struct Exchange {
    pub(super) wire: Box<Wire>,
    /// What still has to be sent.
    pub(super) upload: Option<Upload>,
    pub(super) reader: ResponseReader,
    /// Whether the wire may be used again.
    pub(super) keeps: bool,
}

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
            give_back(wire);
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
    let mut exchange = Exchange { wire, upload: Some(upload), reader, keeps: plan.persists };
    match poll_fn(|cx| exchange.poll_head(cx)).await {
        Ok((head, framing)) => exchange.answer(head, framing, give_back),
        Err(error) => Err(match exchange.upload.and_then(Upload::into_body) {
            Some(body) if error.is_of_wire() => Failed::unsent(Request::from_parts(parts, body)),
            _ => error.into_inner().into(),
        }),
    }
}

/// Why there is no answer.
enum NoAnswer {
    /// The wire ended or broke.
    Wire(NetError),
    /// Anything else.
    Other(NetError),
}

impl NoAnswer {
    fn is_of_wire(&self) -> bool {
        matches!(self, Self::Wire(_))
    }

    fn into_inner(self) -> NetError {
        match self {
            Self::Wire(error) | Self::Other(error) => error,
        }
    }
}

impl Exchange {
    /// Goes on with both directions until the head of the final answer is there.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<(ResponseHead, Framing), NoAnswer>> {
        loop {
            self.poll_upload(cx).map_err(NoAnswer::Other)?;
            match self.reader.read(&self.wire.buffer).map_err(|error| NoAnswer::Other(explain::answer(error)))? {
                ResponseEvent::Interim { used, status } => {
                    self.wire.buffer.advance(used);
                    if let (StatusCode::CONTINUE, Some(upload)) = (status, &mut self.upload) {
                        upload.release();
                    }
                    continue;
                }
                ResponseEvent::Head { used, head, framing, persists } => {
                    self.wire.buffer.advance(used);
                    self.keeps &= persists;
                    self.settle_hold(head.status);
                    return Poll::Ready(Ok((head, framing)));
                }
                ResponseEvent::Need { .. } | ResponseEvent::Data(_) | ResponseEvent::End { .. } => {}
            }
            let read = match self.wire.poll_fill(cx, None) {
                Poll::Ready(read) => read.map_err(NoAnswer::Wire)?,
                Poll::Pending => {
                    ready!(self.wire.patience.poll_over(cx));
                    let limit = self.wire.patience.limit();
                    return Poll::Ready(Err(NoAnswer::Other(explain::timeout(Wait::Answer, limit))));
                }
            };
            if read == 0 {
                return Poll::Ready(Err(NoAnswer::Wire(NetError::ClosedEarly { what: "the answer" })));
            }
            self.wire.patience.renew();
        }
    }

    /// Goes on with the upload, if there is one. A wire that takes no more may still bring an answer
    /// (RFC 9112 §9.5), but is of no use after it.
    ///
    /// # Errors
    /// What keeps the body from being produced.
    pub(super) fn poll_upload(&mut self, cx: &mut Context<'_>) -> Result<(), NetError> {
        let Some(upload) = &mut self.upload else { return Ok(()) };
        let polled = upload.poll(cx, &mut self.wire.stream);
        if upload.has_moved() {
            self.wire.patience.renew();
        }
        match polled {
            Poll::Pending => Ok(()),
            Poll::Ready(Ok(())) => {
                self.wire.scratch = self.upload.take().map(Upload::into_scratch).unwrap_or_default();
                Ok(())
            }
            Poll::Ready(Err(Halt::Source(error))) => Err(error),
            Poll::Ready(Err(Halt::Broken)) => {
                self.keeps = false;
                // One that has not begun can still be given back.
                if self.upload.as_ref().is_some_and(Upload::is_started) {
                    self.upload = None;
                }
                Ok(())
            }
        }
    }

    /// A final answer came while the body was held back: the server either refuses it, or does not know
    /// of 100 (Continue) and waits (RFC 9110 §10.1.1).
    fn settle_hold(&mut self, status: StatusCode) {
        let Some(upload) = self.upload.as_mut().filter(|upload| upload.is_held()) else { return };
        if status.is_success() {
            upload.release();
            return;
        }
        self.upload = None;
        self.keeps = false;
    }

    /// The answer as the caller sees it, and what becomes of the wire.
    fn answer(self, head: ResponseHead, framing: Framing, give_back: GiveBack) -> Result<Response<Body>, Failed> {
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = head.status;
        *answer.version_mut() = head.version;
        *answer.headers_mut() = head.headers;
        if framing == Framing::Tunnel {
            if self.upload.is_some() {
                let detail = "it switched protocols within the request".to_owned();
                return Err(NetError::Protocol { protocol: "http/1.1", detail }.into());
            }
            // Kept already; it fails only if nobody took the promise.
            drop(upgrade::promise(answer.extensions_mut()).send(self.wire.into_duplex()));
            return Ok(answer);
        }
        *answer.body_mut() = Incoming::of(self, give_back);
        Ok(answer)
    }
}
