//! One request's life on its stream: handled, answered, and what is left of it skipped.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use gatepost_model::limits::Limits;
use gatepost_model::pace::Pace;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Request, Response, StatusCode, header};
use http_body::Body as _;
use tokio::sync::oneshot;

use crate::body::Body;
use crate::handler::{Answering, Handler, Peer};
use crate::http2::channel::Channel;
use crate::http2::heads::{admit, refusal, respond};
use crate::http2::leftover::{Leftover, Lingering};
use crate::http2::outgoing::{Exit, Outgoing};
use crate::upgrade::Duplex;

/// A request from its head to the end of its answer, and a little longer.
///
/// Dropped before, it resets the stream, and the handler's future goes with it.
pub(super) struct Stream {
    state: State,
    leftover: Option<Leftover>,
    /// What the upgrade is kept with that the request asks for, until it is answered.
    promise: Option<oneshot::Sender<Duplex>>,
    bodiless: bool,
    send_time: Duration,
    pace: Pace,
}

enum State {
    Answering(Answering, SendResponse<Bytes>),
    Sending(Box<Outgoing>),
    /// It is another protocol's; heard when that has ended.
    Switched(oneshot::Receiver<()>),
    Lingering(Lingering),
    Over,
}

impl Stream {
    /// Hands a request to the handler.
    pub(super) fn begin(
        request: Request<RecvStream>,
        mut sender: SendResponse<Bytes>,
        (handler, peer, limits): (&Arc<dyn Handler>, &Arc<Peer>, &Limits),
    ) -> Self {
        let admitted = admit(request, limits);
        let (leftover, bodiless, send_time) = (admitted.leftover, admitted.bodiless, limits.send_time);
        let state = match admitted.refused {
            None => State::Answering(Arc::clone(handler).handle(admitted.request, Arc::clone(peer)), sender),
            Some(status) => {
                // What cannot be sent goes to a stream that is gone.
                let _ = sender.send_response(respond(refusal(status), bodiless).0, true);
                State::Over
            }
        };
        let pace = Pace::new(limits.read_rate, limits.rate_grace);
        let mut stream = Self { state, leftover, promise: admitted.promise, bodiless, send_time, pace };
        if matches!(stream.state, State::Over) {
            stream.end();
        }
        stream
    }

    /// Whether its answer is still to be given, or to be sent.
    pub(super) fn is_in_hand(&self) -> bool {
        matches!(self.state, State::Answering(..) | State::Sending(_) | State::Switched(_))
    }

    /// Whether what its connection sends leaves now.
    pub(super) fn leaves_by(&mut self, exit: Exit) {
        if let State::Sending(outgoing) = &mut self.state {
            outgoing.leaves_by(exit);
        }
    }

    /// Ready when nothing is left to do.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // A handler that panics resets its own stream, and no other.
        match catch_unwind(AssertUnwindSafe(|| self.poll_on(cx))) {
            Ok(progress) => progress,
            Err(_) => {
                if let State::Answering(_, sender) = &mut self.state {
                    sender.send_reset(Reason::INTERNAL_ERROR);
                }
                Poll::Ready(())
            }
        }
    }

    fn poll_on(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut self.state {
                State::Answering(answering, sender) => {
                    let Poll::Ready(answer) = answering.as_mut().poll(cx) else {
                        // The client may not want it any more.
                        return sender.poll_reset(cx).map(drop);
                    };
                    let switch = self.promise.take().zip(self.leftover.as_ref());
                    self.state = match switch {
                        Some((promise, shelf)) if answer.status().is_success() || is_switch(&answer) => {
                            switched(sender, answer, promise, (shelf, self.send_time))
                        }
                        _ => answered(sender, answer, self.bodiless, (self.send_time, self.pace), cx),
                    };
                }
                State::Switched(ended) => {
                    let _ = ready!(Pin::new(ended).poll(cx));
                    self.state = State::Over;
                }
                State::Sending(outgoing) => {
                    // Its error is the stream's: the client has seen the reset, or made it.
                    let sent = ready!(outgoing.poll(cx));
                    if sent.is_err() {
                        return Poll::Ready(());
                    }
                    self.state = State::Over;
                }
                State::Lingering(lingering) => return lingering.poll(cx),
                State::Over => {
                    if self.leftover.is_none() {
                        return Poll::Ready(());
                    }
                    self.end();
                }
            }
        }
    }

    /// Goes on to what is left of the request, if anything is.
    fn end(&mut self) {
        self.state = match self.leftover.take().and_then(Leftover::linger) {
            Some(lingering) => State::Lingering(lingering),
            None => State::Over,
        };
    }
}

/// Whether an answer means that protocols are switched, in the words of HTTP/1.1.
fn is_switch(answer: &Response<Body>) -> bool {
    answer.status() == StatusCode::SWITCHING_PROTOCOLS
}

/// Grants an extended CONNECT, and keeps the promise that was made with it.
fn switched(
    sender: &mut SendResponse<Bytes>,
    mut answer: Response<Body>,
    promise: oneshot::Sender<Duplex>,
    (shelf, send_time): (&Leftover, Duration),
) -> State {
    // Nobody took it: whatever follows a success would be read as the other protocol.
    if promise.is_closed() {
        let _ = sender.send_response(respond(refusal(StatusCode::NOT_IMPLEMENTED), false).0, true);
        return State::Over;
    }
    let Some(incoming) = shelf.take() else { return State::Over };
    // RFC 8441 §5: there is no 101, and what HTTP/1.1 proves with a key needs no proof.
    *answer.status_mut() = StatusCode::OK;
    for name in [header::CONTENT_LENGTH, header::SEC_WEBSOCKET_ACCEPT] {
        answer.headers_mut().remove(name);
    }
    let (head, _) = respond(answer.map(|_| Body::empty()), false);
    let Ok(outgoing) = sender.send_response(head, false) else {
        sender.send_reset(Reason::INTERNAL_ERROR);
        return State::Over;
    };
    let (held, ended) = oneshot::channel();
    let channel = Channel::new(incoming.into_stream(), outgoing, send_time, held);
    // One that nobody waits for is dropped, which resets the stream.
    drop(promise.send(Box::new(channel)));
    State::Switched(ended)
}

/// Sends the head of an answer, and of its body what is there.
fn answered(
    sender: &mut SendResponse<Bytes>,
    answer: Response<Body>,
    bodiless: bool,
    (send_time, pace): (Duration, Pace),
    cx: &mut Context<'_>,
) -> State {
    // RFC 9113 §8.6: there is no 101, and an interim answer is no answer.
    if answer.status().is_informational() {
        sender.send_reset(Reason::INTERNAL_ERROR);
        return State::Over;
    }
    let (head, body) = respond(answer, bodiless);
    let ends = body.is_end_stream();
    let Ok(stream) = sender.send_response(head, ends) else {
        sender.send_reset(Reason::INTERNAL_ERROR);
        return State::Over;
    };
    if ends {
        return State::Over;
    }
    let mut outgoing = Outgoing::new(body, stream, send_time).at_least(pace);
    // Most bodies are here whole, and need no place of their own.
    match outgoing.poll(cx) {
        Poll::Ready(_) => State::Over,
        Poll::Pending => State::Sending(Box::new(outgoing)),
    }
}
