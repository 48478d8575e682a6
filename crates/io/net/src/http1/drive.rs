//! The road of one connection: hear a request, let it be answered, answer, see to what is left of it.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use gatepost_http::error::HttpError;
use gatepost_http::fields::tokens;
use gatepost_http::framing::{Framing, persists};
use gatepost_http::head::RequestHead;
use gatepost_http::scan::HeadLimits;
use gatepost_http::target::Target;
use gatepost_model::bound::Bound;
use gatepost_model::limits::Limits;
use http::{HeaderMap, Request, Response, StatusCode, Uri, Version, header};
use http_body::Body as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::body::Body;
use crate::budget::Budget;
use crate::drain::{Drain, Sleepers};
use crate::error::{NetError, Wait};
use crate::explain;
use crate::handler::{Answering, Handler, Peer};
use crate::http1::answer::{Answer, Asked, plan, refusal};
use crate::http1::ear::{Deaf, Ear, Heard};
use crate::http1::in_hand::InHand;
use crate::http1::incoming::{Feed, incoming};
use crate::http1::mouth::{First, Mouth, Speech};
use crate::http1::rewound::Rewound;
use crate::patience::Patience;
use crate::reports::Reports;
use crate::upgrade::{self, Duplex};

/// So much of a body that nobody wanted is read to keep its connection.
const SKIPPED: usize = 64 * 1024;

/// So much is read and dropped before closing, so that the answer is not lost to a reset.
const LINGERING: usize = 256 * 1024;

/// So long either may take.
const LINGER: Duration = Duration::from_secs(1);

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// What the connections of one listener have in common.
#[derive(Clone)]
pub(crate) struct House {
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) drain: Drain,
    /// Woken when the drain starts.
    pub(crate) sleepers: Sleepers,
    /// Whether there is room for what is heard.
    pub(crate) memory: Arc<Budget>,
    pub(crate) reports: Reports,
}

/// Serves HTTP/1.1 on `io` until either end is done, or the drain has started and the request in hand is answered.
pub(crate) async fn serve_http1<I>(io: I, peer: Arc<Peer>, house: Arc<House>) -> Result<(), NetError>
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let _sleeper = poll_fn(|cx| Poll::Ready(house.sleepers.register(cx.waker()))).await;
    let ear = Ear::new(HeadLimits::from(&*house.limits));
    let patience = Patience::new(house.limits.head_time);
    let mut road = Road { stream: io, ear, mouth: Mouth::default(), patience, peer, house };
    loop {
        let heard = match poll_fn(|cx| road.poll_hear(cx)).await {
            Ok(Some(begun)) => begun,
            Ok(None) => return road.say_farewell().await.or(Ok(())),
            // The rest is rare, and large: in a box, an idle connection need not carry it.
            Err(deaf) => return Box::pin(road.give_up(deaf)).await,
        };
        match Box::pin(road.turn(heard)).await {
            Ok(Next::Again) => road.rest(),
            Ok(Next::Close) => return Box::pin(road.close()).await,
            Ok(Next::Switch(promise)) => return road.switch(promise),
            Err(deaf) => return Box::pin(road.give_up(deaf)).await,
        }
    }
}

struct Road<I> {
    stream: I,
    ear: Ear,
    mouth: Mouth,
    patience: Patience,
    peer: Arc<Peer>,
    house: Arc<House>,
}

/// A request whose body is still to come.
struct Begun {
    head: Box<RequestHead>,
    framing: Framing,
    expects_continue: bool,
}

/// What becomes of the connection after a request.
enum Next {
    Again,
    Close,
    Switch(oneshot::Sender<Duplex>),
}

impl<I> Road<I>
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    /// The next request; `None` if there will be none. Silence between requests is no fault.
    fn poll_hear(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Begun>, Deaf>> {
        let silent = !self.ear.has_more();
        match self.ear.poll_next(cx, &mut self.stream) {
            Poll::Ready(Ok(Heard::Head { head, framing, expects_continue })) => {
                return Poll::Ready(Ok(Some(Begun { head, framing, expects_continue })));
            }
            // Nothing is in hand, so that nothing is lost.
            Poll::Ready(Err(Deaf::Broken(NetError::ClosedEarly { .. }))) if !self.ear.has_more() => {
                return Poll::Ready(Ok(None));
            }
            Poll::Ready(Ok(_)) => return Poll::Ready(Ok(None)),
            Poll::Ready(Err(deaf)) => return Poll::Ready(Err(deaf)),
            Poll::Pending => {}
        }
        let begun = self.ear.has_more();
        if begun && self.house.memory.is_short() {
            // A head that came whole is the handler's affair. Others would be kept, and grow: those of all who were
            // let in before might be more than there is.
            self.house.reports.note(Bound::RequestMemory, Some(self.peer.address.ip()));
            return Poll::Ready(Err(Deaf::Shed));
        }
        if !begun && self.house.drain.has_started() {
            return Poll::Ready(Ok(None));
        }
        if begun && silent {
            // From its first octet on, the whole head has so much time.
            self.patience.renew_for(self.house.limits.head_time);
        }
        ready!(self.patience.poll_over(cx));
        if !begun {
            return Poll::Ready(Ok(None));
        }
        Poll::Ready(Err(Deaf::Broken(explain::timeout(Wait::Head, self.patience.limit()))))
    }

    /// Between two requests, of which the next may have begun.
    fn rest(&mut self) {
        let limits = &self.house.limits;
        self.patience.renew_for(if self.ear.has_more() { limits.head_time } else { limits.idle_time });
    }

    /// One request, from its head to the end of its answer and of its body.
    async fn turn(&mut self, begun: Begun) -> Result<Next, Deaf> {
        let (request, mut in_hand) = self.admit(begun).map_err(Deaf::Faulty)?;
        let mut answering = Arc::clone(&self.house.handler).handle(request, Arc::clone(&self.peer));
        let answered = poll_fn(|cx| self.poll_answered(cx, &mut answering, &mut in_hand)).await;
        let mut response = answered.map_err(Deaf::Broken)?;
        // What the handler held is given up before its answer is written.
        drop(answering);
        // Before anything is taken from the body: then it tells the whole length.
        let length = response.body().size_hint().exact();
        let first = self.last_call(&mut response, &mut in_hand).await.map_err(Deaf::Broken)?;
        let (parts, body) = response.into_parts();
        let closes = self.house.drain.has_started() || self.is_past_saving(&in_hand);
        let answer = plan(parts, length, &in_hand.asked, closes).map_err(Deaf::Faulty)?;
        let (framing, closes) = (answer.framing, answer.closes);
        let broken = self.say(answer, body, first, &mut in_hand).await.map_err(Deaf::Broken)?;
        if let Some(error) = broken {
            return self.say_instead(&error, in_hand).await;
        }
        if framing == Framing::Tunnel {
            return Ok(in_hand.promise.map_or(Next::Close, Next::Switch));
        }
        drop(in_hand);
        if closes || self.ear.is_faulty() {
            return Ok(Next::Close);
        }
        if self.ear.is_between() {
            return Ok(Next::Again);
        }
        let skipped = timeout(LINGER, self.ear.skip(&mut self.stream, SKIPPED)).await;
        Ok(if skipped.unwrap_or(false) { Next::Again } else { Next::Close })
    }

    /// The request as handlers see it.
    fn admit(&self, begun: Begun) -> Result<(Request<Body>, InHand), HttpError> {
        let Begun { head, framing, expects_continue } = begun;
        let RequestHead { method, target, version, headers, .. } = *head;
        let asked = Asked {
            persists: persists(version, &headers),
            upgrade: version == Version::HTTP_11 && framing == Framing::Empty && asks_upgrade(&headers),
            method: method.clone(),
            version,
        };
        let limits = &self.house.limits;
        let length = match framing {
            Framing::Length(length) => Some(length),
            Framing::Chunked => None,
            _ => Some(0),
        };
        let (feed, body) = if length == Some(0) {
            (None, Body::empty())
        } else {
            let (feed, body) = incoming(length);
            let body = Body::streaming(body).paced(limits.body_time).at_least(limits.body_rate, limits.rate_grace);
            let body = match limits.body_bytes {
                Some(limit) => body.limited(limit),
                None => body,
            };
            (Some(feed), body)
        };
        let mut request = Request::new(body);
        *request.uri_mut() = uri(target)?;
        *request.method_mut() = method;
        *request.version_mut() = version;
        *request.headers_mut() = headers;
        let promise = asked.upgrade.then(|| upgrade::promise(request.extensions_mut()));
        Ok((request, InHand { asked, feed, owes_continue: expects_continue, promise }))
    }

    /// Waits for the handler, feeding it the body, and says 100 (Continue) when it wants that.
    fn poll_answered(
        &mut self,
        cx: &mut Context<'_>,
        answering: &mut Answering,
        in_hand: &mut InHand,
    ) -> Poll<Result<Response<Body>, NetError>> {
        loop {
            if let Poll::Ready(response) = answering.as_mut().poll(cx) {
                return Poll::Ready(Ok(response));
            }
            if in_hand.owes_continue && in_hand.feed.as_ref().is_some_and(|feed| feed.poll_wanted(cx)) {
                in_hand.owes_continue = false;
                self.mouth.push(CONTINUE);
            }
            if !self.mouth.is_silent() {
                // What does not leave at once leaves with the next poll, or with the answer.
                let _ = self.mouth.poll_flush(cx, &mut self.stream)?;
            }
            if !in_hand.poll_attend(cx, &mut self.ear, &mut self.stream)? {
                return Poll::Pending;
            }
        }
    }

    /// An answer's body may be made from the request's: before its head goes out is the last moment
    /// to ask for that. Gives what the body gave already.
    async fn last_call(&mut self, response: &mut Response<Body>, in_hand: &mut InHand) -> Result<First, NetError> {
        if !in_hand.owes_continue {
            return Ok(None);
        }
        let first = poll_now(response.body_mut()).await;
        if in_hand.feed.as_ref().is_some_and(Feed::is_wanted) {
            in_hand.owes_continue = false;
            self.mouth.push(CONTINUE);
        }
        Ok(first)
    }

    /// Whether the rest of the request's body stands between us and the next request for good.
    fn is_past_saving(&self, in_hand: &InHand) -> bool {
        let much = |left: u64| usize::try_from(left).map_or(true, |left| left > SKIPPED);
        let unwanted = || in_hand.feed.as_ref().is_none_or(Feed::is_unwanted);
        // A client that was not told to continue may send its body or not: we could not tell.
        in_hand.owes_continue || self.ear.is_faulty() || (unwanted() && self.ear.left().is_some_and(much))
    }

    /// Sends the answer, and feeds the handler what it may still read of the body. Gives why the answer's body
    /// failed if that was before anything left: then nothing will.
    async fn say(
        &mut self,
        answer: Answer,
        body: Body,
        first: First,
        in_hand: &mut InHand,
    ) -> Result<Option<NetError>, NetError> {
        let encoder = answer.encoder();
        let before = self.mouth.taken();
        self.mouth.push(answer.head);
        if matches!(answer.framing, Framing::Empty | Framing::Tunnel) {
            drop(body);
            return poll_fn(|cx| self.mouth.poll_flush(cx, &mut self.stream)).await.map(|()| None);
        }
        let mut speech = Speech::new(body, first, encoder);
        let said = poll_fn(|cx| {
            loop {
                if let Poll::Ready(said) = self.mouth.poll_say(cx, &mut self.stream, &mut speech) {
                    return Poll::Ready(said);
                }
                if !in_hand.poll_attend(cx, &mut self.ear, &mut self.stream)? {
                    return Poll::Pending;
                }
            }
        })
        .await;
        match said {
            Err(error) if speech.is_broken() && self.mouth.taken() == before && !self.ear.is_faulty() => {
                self.mouth.take_back();
                Ok(Some(error))
            }
            said => said.map(|()| None),
        }
    }

    /// Says that there is no answer, and why, to a request whose answer broke off in time.
    async fn say_instead(&mut self, error: &NetError, mut in_hand: InHand) -> Result<Next, Deaf> {
        let (parts, body) = self.house.handler.instead(error).into_parts();
        let answer = plan(parts, body.size_hint().exact(), &in_hand.asked, true).map_err(Deaf::Faulty)?;
        let broken = self.say(answer, body, None, &mut in_hand).await.map_err(Deaf::Broken)?;
        broken.map_or(Ok(Next::Close), |error| Err(Deaf::Broken(error)))
    }

    /// Says that nothing follows.
    async fn say_farewell(&mut self) -> Result<(), NetError> {
        poll_fn(|cx| self.mouth.poll_shutdown(cx, &mut self.stream)).await
    }

    /// Tells the client why nothing more is heard, if it still can be told.
    async fn give_up(mut self, why: Deaf) -> Result<(), NetError> {
        let (status, text, error) = match why {
            Deaf::Broken(error @ NetError::Timeout { what: Wait::Head, .. }) => {
                (StatusCode::REQUEST_TIMEOUT, "the request took too long".to_owned(), error)
            }
            Deaf::Broken(error) => return Err(error),
            Deaf::Shed => {
                let text = "the gateway is overloaded: try again in a few seconds".to_owned();
                (StatusCode::SERVICE_UNAVAILABLE, text, NetError::Memory)
            }
            Deaf::Faulty(HttpError::Truncated) => return Err(explain::http1(HttpError::Truncated)),
            // Our own fault, and nothing that the client could mend.
            Deaf::Faulty(error @ HttpError::Unwritable(_)) => {
                (error.status(), "the answer cannot be sent".to_owned(), explain::http1(error))
            }
            Deaf::Faulty(error) => (error.status(), error.to_string(), explain::http1(error)),
        };
        self.mouth.push(refusal(status, &text));
        // Where the next request begins is not certain. The refusal is the error that counts.
        let _ = self.close().await;
        Err(error)
    }

    /// Closes so that the client gets the whole answer even if it still sends.
    async fn close(mut self) -> Result<(), NetError> {
        self.say_farewell().await?;
        if self.ear.has_more() || !self.ear.is_between() {
            let _ = timeout(LINGER, self.ear.exhaust(&mut self.stream, LINGERING)).await;
        }
        Ok(())
    }

    /// Hands the connection over, with what was read of the new protocol.
    fn switch(self, promise: oneshot::Sender<Duplex>) -> Result<(), NetError> {
        let before = self.ear.into_rest();
        // Nobody waits for it if the handler did not take it: then it closes.
        let _ = if before.is_empty() {
            promise.send(Box::new(self.stream))
        } else {
            promise.send(Box::new(Rewound::new(before, self.stream)))
        };
        Ok(())
    }
}

/// Asks a body for its next frame without waiting.
async fn poll_now(body: &mut Body) -> First {
    poll_fn(|cx| match std::pin::Pin::new(&mut *body).poll_frame(cx) {
        Poll::Ready(frame) => Poll::Ready(Some(frame)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// RFC 9110 §7.8: both fields make the wish.
fn asks_upgrade(headers: &HeaderMap) -> bool {
    headers.contains_key(header::UPGRADE)
        && tokens(headers, &header::CONNECTION).iter().any(|option| option == "upgrade")
}

/// The target as it stood in the request.
fn uri(target: Target) -> Result<Uri, HttpError> {
    let text = match target {
        Target::Origin(path) => path,
        Target::Absolute { secure, authority, origin_form } => {
            format!("{}://{authority}{origin_form}", if secure { "https" } else { "http" })
        }
        Target::Authority(authority) => authority.to_string(),
        Target::Asterisk => "*".to_owned(),
    };
    Uri::try_from(text).map_err(|_| HttpError::Target("a character that must be escaped"))
}
