//! One request's life on its stream: handled, answered, and what is left of it skipped.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use gatepost_model::limits::Limits;
use gatepost_model::pace::Pace;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Request, Response};
use http_body::Body as _;

use crate::body::Body;
use crate::handler::{Answering, Handler, Peer};
use crate::http2::heads::{admit, refusal, respond};
use crate::http2::leftover::{Leftover, Lingering};
use crate::http2::outgoing::{Exit, Outgoing};

/// A request from its head to the end of its answer, and a little longer.
///
/// Dropped before, it resets the stream, and the handler's future goes with it.
pub(super) struct Stream {
    state: State,
    leftover: Option<Leftover>,
    bodiless: bool,
    send_time: Duration,
    pace: Pace,
}

enum State {
    Answering(Answering, SendResponse<Bytes>),
    Sending(Box<Outgoing>),
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
        let mut stream = Self { state, leftover, bodiless, send_time, pace };
        if matches!(stream.state, State::Over) {
            stream.end();
        }
        stream
    }

    /// Whether its answer is still to be given, or to be sent.
    pub(super) fn is_in_hand(&self) -> bool {
        matches!(self.state, State::Answering(..) | State::Sending(_))
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
                    self.state = answered(sender, answer, self.bodiless, (self.send_time, self.pace), cx);
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
