//! The road of one connection: hear a request, let it be answered, answer, see to what is left of it.

use std::sync::Arc;
use std::time::Duration;

use gatepost_http::error::HttpError;
use gatepost_http::fields::tokens;
use gatepost_http::framing::{Framing, persists};
use gatepost_http::head::RequestHead;
use gatepost_http::scan::HeadLimits;
use gatepost_http::target::Target;
use gatepost_model::limits::Limits;
use http::{HeaderMap, Request, Response, StatusCode, Uri, Version, header};
use http_body::Body as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::body::Body;
use crate::drain::Drain;
use crate::error::{NetError, Wait};
use crate::explain;
use crate::handler::{Answering, Handler, Peer};
use crate::http1::answer::{Answer, Asked, plan, refusal};
use crate::http1::ear::{Deaf, Ear, Heard};
use crate::http1::incoming::{Feed, incoming};
use crate::http1::mouth::{First, Mouth, poll_now};
use crate::http1::rewound::Rewound;
use crate::upgrade::{self, Duplex};

/// So much of a body that nobody wanted is read to keep its connection.
const SKIPPED: usize = 64 * 1024;

/// So much is read and dropped before closing, so that the answer is not lost to a reset.
const LINGERING: usize = 256 * 1024;

/// So long either may take.
const LINGER: Duration = Duration::from_secs(1);

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Serves HTTP/1.1 on `io` until either end is done, or the drain has started and the request in hand is answered.
pub(crate) async fn serve_http1<I>(
    io: I,
    peer: Arc<Peer>,
    handler: Arc<dyn Handler>,
    limits: Arc<Limits>,
    drain: Drain,
) -> Result<(), NetError>
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (reader, writer) = tokio::io::split(io);
    let ear = Ear::new(reader, HeadLimits::from(&*limits));
    let mut road = Road { ear, mouth: Mouth::new(writer), peer, handler, limits, drain };
    let mut patience = road.limits.head_time;
    loop {
        let heard = match road.hear(patience).await {
            Ok(Some(heard)) => heard,
            Ok(None) => return road.mouth.shutdown().await.or(Ok(())),
            Err(Deaf::Broken(error @ NetError::Timeout { .. })) => return road.time_out(error).await,
            Err(Deaf::Broken(error)) => return Err(error),
            Err(Deaf::Faulty(error)) => return road.refuse(error).await,
        };
        match road.turn(heard).await {
            Ok(Next::Again) => patience = road.limits.idle_time,
            Ok(Next::Close) => return road.close().await,
            Ok(Next::Switch(promise)) => return road.switch(promise),
            Err(Deaf::Broken(error)) => return Err(error),
            Err(Deaf::Faulty(error)) => return road.refuse(error).await,
        }
    }
}

struct Road<I> {
    ear: Ear<I>,
    mouth: Mouth<I>,
    peer: Arc<Peer>,
    handler: Arc<dyn Handler>,
    limits: Arc<Limits>,
    drain: Drain,
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

/// A request in the handler's hands.
struct InHand {
    asked: Asked,
    feed: Feed,
    wanted: oneshot::Receiver<()>,
    /// Whether a 100 (Continue) is still owed.
    owes_continue: bool,
    promise: Option<oneshot::Sender<Duplex>>,
}

impl<I> Road<I>
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    /// The next request; `None` if there will be none. Silence between requests is no fault.
    async fn hear(&mut self, patience: Duration) -> Result<Option<Begun>, Deaf> {
        if !self.ear.has_more() {
            tokio::select! {
                biased;
                () = self.drain.started() => return Ok(None),
                filled = timeout(patience, self.ear.fill()) => match filled {
                    Ok(Ok(())) => {}
                    // Nothing is in hand, so that nothing is lost.
                    Err(_) | Ok(Err(NetError::ClosedEarly { .. })) => return Ok(None),
                    Ok(Err(error)) => return Err(Deaf::Broken(error)),
                },
            }
        }
        let limit = self.limits.head_time;
        match timeout(limit, self.ear.next()).await {
            Ok(Ok(Heard::Head { head, framing, expects_continue })) => {
                Ok(Some(Begun { head, framing, expects_continue }))
            }
            Ok(Ok(_)) => Ok(None),
            Ok(Err(deaf)) => Err(deaf),
            Err(_) => Err(Deaf::Broken(explain::timeout(Wait::Head, limit))),
        }
    }

    /// One request, from its head to the end of its answer and of its body.
    async fn turn(&mut self, begun: Begun) -> Result<Next, Deaf> {
        let (request, mut in_hand) = self.admit(begun).map_err(Deaf::Faulty)?;
        let answering = Arc::clone(&self.handler).handle(request, Arc::clone(&self.peer));
        let mut response = self.answered(answering, &mut in_hand).await.map_err(Deaf::Broken)?;
        // Before anything is taken from the body: then it tells the whole length.
        let length = response.body().size_hint().exact();
        let first = self.last_call(&mut response, &mut in_hand).await.map_err(Deaf::Broken)?;
        let (parts, body) = response.into_parts();
        let closes = self.drain.has_started() || self.is_past_saving(&in_hand);
        let answer = plan(parts, length, &in_hand.asked, closes).map_err(Deaf::Faulty)?;
        let (framing, closes) = (answer.framing, answer.closes);
        self.say(answer, body, first, &in_hand.feed).await.map_err(Deaf::Broken)?;
        if framing == Framing::Tunnel {
            return Ok(in_hand.promise.map_or(Next::Close, Next::Switch));
        }
        drop(in_hand);
        let done = closes || !timeout(LINGER, self.ear.skip(SKIPPED)).await.unwrap_or(false);
        Ok(if done { Next::Close } else { Next::Again })
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
        let length = match framing {
            Framing::Length(length) => Some(length),
            Framing::Chunked => None,
            _ => Some(0),
        };
        let (feed, body, wanted) = incoming(length);
        let body = if length == Some(0) { Body::empty() } else { Body::new(body).paced(self.limits.idle_time) };
        let body = match self.limits.body_bytes {
            Some(limit) => body.limited(limit),
            None => body,
        };
        let mut request = Request::new(body);
        *request.uri_mut() = uri(&target)?;
        *request.method_mut() = method;
        *request.version_mut() = version;
        *request.headers_mut() = headers;
        let promise = asked.upgrade.then(|| upgrade::promise(request.extensions_mut()));
        Ok((request, InHand { asked, feed, wanted, owes_continue: expects_continue, promise }))
    }

    /// Waits for the handler, feeding it the body, and says 100 (Continue) when it wants that.
    async fn answered(&mut self, mut answering: Answering, in_hand: &mut InHand) -> Result<Response<Body>, NetError> {
        loop {
            tokio::select! {
                biased;
                response = &mut answering => return Ok(response),
                Ok(()) = &mut in_hand.wanted, if in_hand.owes_continue => {
                    in_hand.owes_continue = false;
                    self.mouth.push(CONTINUE);
                    self.mouth.flush().await?;
                }
                broken = in_hand.feed.attend(&mut self.ear) => return Err(broken),
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
        if in_hand.wanted.try_recv().is_ok() {
            in_hand.owes_continue = false;
            self.mouth.push(CONTINUE);
            self.mouth.flush().await?;
        }
        Ok(first)
    }

    /// Whether the rest of the request's body stands between us and the next request for good.
    fn is_past_saving(&self, in_hand: &InHand) -> bool {
        let much = |left: u64| usize::try_from(left).map_or(true, |left| left > SKIPPED);
        // A client that was not told to continue may send its body or not: we could not tell.
        in_hand.owes_continue
            || self.ear.is_faulty()
            || (in_hand.feed.is_unwanted() && self.ear.left().is_some_and(much))
    }

    /// Sends the answer, and feeds the handler what it may still read of the body.
    async fn say(&mut self, answer: Answer, body: Body, first: First, feed: &Feed) -> Result<(), NetError> {
        let encoder = answer.encoder();
        self.mouth.push(answer.head);
        if matches!(answer.framing, Framing::Empty | Framing::Tunnel) {
            drop(body);
            return self.mouth.flush().await;
        }
        tokio::select! {
            biased;
            sent = self.mouth.send(body, first, encoder) => sent,
            broken = feed.attend(&mut self.ear) => Err(broken),
        }
    }

    /// Tells the client why its request is refused, then closes: where the next one begins is not certain.
    async fn refuse(mut self, error: HttpError) -> Result<(), NetError> {
        match error {
            HttpError::Truncated => return Err(explain::http1(error)),
            // Our own fault, and nothing that the client could mend.
            HttpError::Unwritable(_) => self.mouth.push(refusal(error.status(), "the answer cannot be sent")),
            _ => self.mouth.push(refusal(error.status(), &error.to_string())),
        }
        // The refusal is the error that counts.
        let _ = self.close().await;
        Err(explain::http1(error))
    }

    /// Tells a client that was too slow so.
    async fn time_out(mut self, error: NetError) -> Result<(), NetError> {
        self.mouth.push(refusal(StatusCode::REQUEST_TIMEOUT, "the request took too long"));
        let _ = self.close().await;
        Err(error)
    }

    /// Closes so that the client gets the whole answer even if it still sends.
    async fn close(mut self) -> Result<(), NetError> {
        self.mouth.shutdown().await?;
        if self.ear.has_more() || !self.ear.is_between() {
            let _ = timeout(LINGER, self.ear.exhaust(LINGERING)).await;
        }
        Ok(())
    }

    /// Hands the connection over, with what was read of the new protocol.
    fn switch(self, promise: oneshot::Sender<Duplex>) -> Result<(), NetError> {
        let (reader, before) = self.ear.into_parts();
        let stream = reader.unsplit(self.mouth.into_writer());
        // Nobody waits for it if the handler did not take it: then it closes.
        let _ = promise.send(Box::new(Rewound::new(before, stream)));
        Ok(())
    }
}

/// RFC 9110 §7.8: both fields make the wish.
fn asks_upgrade(headers: &HeaderMap) -> bool {
    headers.contains_key(header::UPGRADE)
        && tokens(headers, &header::CONNECTION).iter().any(|option| option == "upgrade")
}

/// The target as it stood in the request.
fn uri(target: &Target) -> Result<Uri, HttpError> {
    let text = match target {
        Target::Origin(path) => path.clone(),
        Target::Absolute { secure, authority, origin_form } => {
            format!("{}://{authority}{origin_form}", if *secure { "https" } else { "http" })
        }
        Target::Authority(authority) => authority.to_string(),
        Target::Asterisk => "*".to_owned(),
    };
    Uri::try_from(text).map_err(|_| HttpError::Target("a character that must be escaped"))
}
