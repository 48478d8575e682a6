//! The server's HTTP/2 driver: one connection, many streams, and the bounds that keep floods cheap.
//!
//! All of a connection happens in its one task: what is ready is looked at, and what was said then leaves in
//! one write.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use gatepost_http::frame_watch::FrameWatch;
use gatepost_model::limits::Limits;
use h2::Reason;
use h2::server::{Builder, Connection};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep};

use crate::drain::Drain;
use crate::error::{NetError, Wait};
use crate::explain;
use crate::handler::{Handler, Peer};
use crate::http2::bells::{Bell, Bells};
use crate::http2::heart::{Beat, Heart};
use crate::http2::in_hand::InHand;
use crate::http2::line::{Inner, Outer, line};
use crate::http2::outgoing::Exit;
use crate::http2::stream::Stream;

/// Octets that a client may send on one stream before we have read them.
const STREAM_WINDOW: u32 = 64 * 1024;
/// The same for a whole connection.
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Answers' octets that wait to be sent, a stream.
const SEND_BUFFER: usize = 64 * 1024;
/// Streams that a client may open and reset before we have seen them (rapid reset, CVE-2023-44487).
const PENDING_RESETS: usize = 20;
/// Streams that we may have to reset because of a client's errors (MadeYouReset, CVE-2025-8671).
const LOCAL_RESETS: usize = 128;
/// How long a client may take to hear that its connection is over.
const FAREWELL: Duration = Duration::from_secs(2);
/// How often the parts of a connection are asked in a row before others have their turn.
const TURNS: usize = 8;

/// The places of the connection's bells: what it reads and writes, its clock, its requests.
const WIRE: usize = 0;
const CLOCK: usize = 1;
const REQUESTS: usize = 2;

/// Serves HTTP/2 on `io` until either end is done, it has idled for too long, or the drain has started
/// and the streams in hand are answered.
pub(crate) async fn serve_http2<I>(
    io: I,
    peer: Arc<Peer>,
    handler: Arc<dyn Handler>,
    limits: Arc<Limits>,
    drain: Drain,
) -> Result<(), NetError>
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (inner, outer) = line(io, FrameWatch::of_client());
    let draining = async {
        drain.started().await;
        tokio::time::sleep(FAREWELL).await;
    };
    let greeting = tokio::select! {
        biased;
        greeting = tokio::time::timeout(limits.head_time, greet(inner, &outer, &limits)) => greeting,
        () = draining => return Ok(()),
    };
    let connection = match greeting.unwrap_or_else(|_| Err(explain::timeout(Wait::Head, limits.head_time))) {
        Ok(connection) => connection,
        // It has asked for nothing.
        Err(NetError::ClosedEarly { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    let started = Box::pin(async move { drain.started().await });
    let mut drive = Drive::new(connection, outer, (handler, peer, limits), started);
    std::future::poll_fn(|cx| drive.poll(cx)).await
}

/// Exchanges prefaces (RFC 9113 §3.4).
async fn greet<I>(io: Inner<I>, outer: &Outer<I>, limits: &Limits) -> Result<Connection<Inner<I>, Bytes>, NetError>
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(Some(LOCAL_RESETS))
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BUFFER)
        // RFC 8441 §3.
        .enable_connect_protocol();
    let mut handshake = std::pin::pin!(builder.handshake(io));
    let greeting = std::future::poll_fn(|cx| {
        let greeting = handshake.as_mut().poll(cx);
        if let Poll::Ready(Err(error)) = outer.poll_flush(cx, 0) {
            return Poll::Ready(Err(explain::io(&error, "the request")));
        }
        greeting.map_err(|error| explain::h2(&error, "the request"))
    });
    greeting.await
}

/// One connection.
struct Drive<I, D> {
    connection: Connection<Inner<I>, Bytes>,
    outer: Outer<I>,
    shared: (Arc<dyn Handler>, Arc<Peer>, Arc<Limits>),
    in_hand: InHand,
    bells: Bells,
    rung: Vec<usize>,
    wire: Bell,
    clock: Bell,
    sleep: Pin<Box<Sleep>>,
    heart: Heart,
    /// Ready when the drain has started; gone then.
    started: Option<Pin<Box<D>>>,
    parting: Parting,
}

/// How far a connection is with its end.
enum Parting {
    No,
    /// It takes nothing new, since then.
    Graceful(Instant),
    /// It is cut, at the latest then, and this is why.
    Abrupt(Instant, Result<(), NetError>),
}

impl<I, D> Drive<I, D>
where
    I: AsyncRead + AsyncWrite + Unpin,
    D: Future<Output = ()>,
{
    fn new(
        mut connection: Connection<Inner<I>, Bytes>,
        outer: Outer<I>,
        shared: (Arc<dyn Handler>, Arc<Peer>, Arc<Limits>),
        started: Pin<Box<D>>,
    ) -> Self {
        let bells = Bells::default();
        let (wire, clock) = (bells.hang(WIRE), bells.hang(CLOCK));
        wire.ring();
        clock.ring();
        Self {
            heart: Heart::new(connection.ping_pong()),
            connection,
            outer,
            shared,
            in_hand: InHand::new(bells.clone(), REQUESTS),
            bells,
            rung: Vec::new(),
            wire,
            clock,
            sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
            started: Some(started),
            parting: Parting::No,
        }
    }

    /// Ready when the connection has ended.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), NetError>> {
        for _ in 0..TURNS {
            let mut rung = std::mem::take(&mut self.rung);
            self.bells.take(&mut rung);
            let (none, mut wire) = (rung.is_empty(), false);
            for place in &rung {
                match *place {
                    // Last: what the requests have to say leaves with it.
                    WIRE => wire = true,
                    CLOCK => {
                        if let Poll::Ready(ended) = self.poll_clock() {
                            return Poll::Ready(ended);
                        }
                    }
                    request => self.in_hand.poll(request),
                }
            }
            self.rung = rung;
            if none {
                break;
            }
            if wire && let Poll::Ready(ended) = self.poll_wire() {
                return Poll::Ready(self.last_word(ended));
            }
        }
        // A write that waits rings for the wire.
        let answers = self.in_hand.take_answers();
        match self.outer.poll_flush(&mut self.wire.context(), answers) {
            Poll::Ready(Ok(())) => self.in_hand.leave_by(Exit::Open),
            Poll::Pending => self.in_hand.leave_by(Exit::Blocked),
            Poll::Ready(Err(error)) => {
                return Poll::Ready(self.last_word(Err(explain::io(&error, "the request"))));
            }
        }
        self.bells.sleep(cx);
        Poll::Pending
    }

    /// Reads frames, takes new requests, gathers what is to be written. Ready when all that is over.
    fn poll_wire(&mut self) -> Poll<Result<(), NetError>> {
        let mut cx = self.wire.hush();
        loop {
            match self.connection.poll_accept(&mut cx) {
                Poll::Ready(Some(Ok((request, mut sender)))) => {
                    // Reset while it waited to be accepted: no handler has to know.
                    if sender.poll_reset(&mut cx).is_pending() {
                        let (handler, peer, limits) = &self.shared;
                        self.in_hand.take(Stream::begin(request, sender, (handler, peer, limits)));
                    }
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(explain::h2(&error, "the request"))),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => break,
            }
        }
        if let (Some(flood), false) = (self.outer.flood(), matches!(self.parting, Parting::Abrupt(..))) {
            let error = NetError::Protocol { protocol: "h2", detail: flood.to_string() };
            self.cut(Reason::ENHANCE_YOUR_CALM, Err(error));
        }
        Poll::Pending
    }

    /// Looks at the drain and at the time. Ready when the time for a farewell is over.
    fn poll_clock(&mut self) -> Poll<Result<(), NetError>> {
        let mut cx = self.clock.hush();
        if self.started.as_mut().is_some_and(|started| started.as_mut().poll(&mut cx).is_ready()) {
            self.started = None;
            self.close();
        }
        while self.sleep.as_mut().poll(&mut self.clock.context()).is_ready() {
            let now = Instant::now();
            if matches!(self.parting, Parting::Abrupt(end, _) if now >= end) {
                return Poll::Ready(self.last_word(Ok(())));
            }
            let next = self.look_after(now);
            self.sleep.as_mut().reset(next);
        }
        Poll::Pending
    }

    /// Ends what has idled or is dead; gives the time of the next look.
    fn look_after(&mut self, now: Instant) -> Instant {
        let idle_time = self.shared.2.idle_time;
        if let Parting::Abrupt(end, _) = self.parting {
            return end;
        }
        let heard = match self.heart.beat(self.outer.heard(), now, true) {
            Beat::At(next) => next,
            Beat::Dead => return self.cut(Reason::NO_ERROR, Err(NetError::ClosedEarly { what: "the request" })),
        };
        let Some(idle_since) = self.in_hand.idle_since() else { return heard.min(now + idle_time) };
        self.outer.rest();
        self.in_hand.rest();
        let since = match self.parting {
            Parting::Graceful(since) => since.max(idle_since),
            _ => idle_since,
        };
        if now < since + idle_time {
            return heard.min(since + idle_time);
        }
        match self.parting {
            // The client has not taken what it was sent, nor said that it has heard of the end.
            Parting::Graceful(_) => self.cut(Reason::NO_ERROR, Ok(())),
            _ => {
                self.close();
                heard.min(now + idle_time)
            }
        }
    }

    /// Takes nothing new (RFC 9113 §6.8).
    fn close(&mut self) {
        if matches!(self.parting, Parting::No) {
            self.parting = Parting::Graceful(Instant::now());
            self.connection.graceful_shutdown();
            self.wire.ring();
        }
    }

    /// Ends it at once; gives the time when nobody waits any longer for the client to hear of it.
    fn cut(&mut self, reason: Reason, why: Result<(), NetError>) -> Instant {
        let end = Instant::now() + FAREWELL;
        self.parting = Parting::Abrupt(end, self.in_hand.judge(why));
        self.connection.abrupt_shutdown(reason);
        self.sleep.as_mut().reset(end);
        // The clock's bell hangs on the sleep again only when that is looked at.
        self.clock.ring();
        self.wire.ring();
        end
    }

    /// How it ended: if we have cut it, then for our reason.
    fn last_word(&mut self, ended: Result<(), NetError>) -> Result<(), NetError> {
        match std::mem::replace(&mut self.parting, Parting::No) {
            Parting::Abrupt(_, why) => why,
            _ => self.in_hand.judge(ended),
        }
    }
}
