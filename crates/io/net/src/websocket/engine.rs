//! A WebSocket over a stream, as functions that are polled: what the sockets and their halves stand on.
//!
//! Reading goes first. Whatever waits to be written goes out before anybody waits for the peer, so that nothing that
//! was sent lies about while both ends wait. `reads` is the context of whoever receives; `writes` wakes whoever may
//! have something to write, which is both halves of a split socket.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use gatepost_ws::close::Close;
use gatepost_ws::connection::Connection;
use gatepost_ws::deflate::agreed::Agreed;
use gatepost_ws::keepalive::{Beat, Due, Keepalive};
use gatepost_ws::role::Role;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::alarm::Alarm;
use super::heard::{Heard, Wanted};
use super::incoming::Incoming;
use super::outgoing::Outgoing;
use super::settings::{KeepAlive, Settings};
use crate::error::{NetError, Wait};

/// Silence after which a connection gives back what compression does not need before the next message: that is
/// much, and most connections are silent most of the time.
const REST: Duration = Duration::from_secs(5);

/// One end of a WebSocket.
pub(super) struct Engine<S> {
    pub(super) stream: S,
    pub(super) role: Role,
    pub(super) connection: Connection,
    pub(super) incoming: Incoming,
    pub(super) outgoing: Outgoing,
    pub(super) settings: Settings,
    pub(super) alarm: Alarm,
    /// Since when the peer lets us wait for room to write.
    pub(super) stalled: Option<Instant>,
    /// A message is being sent in parts.
    pub(super) is_amid: bool,
    /// When the end has to be over, once it has begun.
    pub(super) close_by: Option<Instant>,
    /// What the peer's Close said.
    pub(super) closed: Option<Close>,
    pub(super) phase: Phase,
    keepalive: Option<Keepalive>,
    is_deflated: bool,
    /// When octets came or a message was sent last, if there is compression that has memory to give back.
    pub(super) worked: Option<Instant>,
    start: Instant,
    /// So long after `start` the clock was looked at last.
    now: Duration,
}

/// How far a connection has come.
pub(super) enum Phase {
    Open,
    /// Nothing more is received. What is left to do: to write the last frame, and to end the stream in order.
    Ending {
        result: Result<(), NetError>,
        is_shut: bool,
    },
    Ended(Result<(), NetError>),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Engine<S> {
    pub(super) fn new(stream: S, role: Role, deflate: Option<&Agreed>, settings: Settings) -> Self {
        // With room for nothing no Ping and no Close would be answered.
        let settings = Settings { high_water: settings.high_water.max(1), ..settings };
        Self {
            stream,
            role,
            connection: Connection::new(role, deflate, settings.limits),
            incoming: Incoming::default(),
            outgoing: Outgoing::default(),
            keepalive: settings.keepalive.map(keepalive),
            settings,
            alarm: Alarm::default(),
            start: Instant::now(),
            now: Duration::ZERO,
            stalled: None,
            is_amid: false,
            close_by: None,
            closed: None,
            worked: None,
            is_deflated: deflate.is_some(),
            phase: Phase::Open,
        }
    }

    /// The next thing that came in of which something is kept; `None` after an end in order.
    pub(super) fn poll_until<T>(
        &mut self,
        reads: &mut Context<'_>,
        writes: &mut Context<'_>,
        wanted: Wanted,
        kept: fn(Heard) -> Option<T>,
    ) -> Poll<Result<Option<T>, NetError>> {
        while let Some(heard) = ready!(self.poll_next(reads, writes, wanted))? {
            if let Some(kept) = kept(heard) {
                return Poll::Ready(Ok(Some(kept)));
            }
        }
        Poll::Ready(Ok(None))
    }

    /// The next thing that came in; `None` after an end in order.
    fn poll_next(
        &mut self,
        reads: &mut Context<'_>,
        writes: &mut Context<'_>,
        wanted: Wanted,
    ) -> Poll<Result<Option<Heard>, NetError>> {
        loop {
            match &self.phase {
                Phase::Open => {}
                Phase::Ending { .. } => {
                    ready!(self.poll_ending(reads, writes));
                    continue;
                }
                Phase::Ended(result) => return Poll::Ready(result.clone().map(|()| None)),
            }
            if wanted != Wanted::Parts && self.incoming.is_parted() {
                return Poll::Ready(Err(amid_parts()));
            }
            if self.incoming.needs_clock() {
                self.now = self.start.elapsed();
            }
            match self.incoming.next(&mut self.connection, wanted, self.now) {
                Ok(None) => ready!(self.poll_read(reads, writes)),
                Ok(Some(heard)) => {
                    match &heard {
                        Heard::Close(close) => self.hear_close(close.clone()),
                        // In its place among what is sent, and each Ping as long as there is room; behind a peer that
                        // reads nothing only the newest (RFC 6455 §5.5.3).
                        Heard::Control(_) => {
                            if let Err(error) = self.answer() {
                                self.end(Err(error));
                                continue;
                            }
                        }
                        Heard::Message(_) | Heard::Part(_) => {}
                    }
                    return Poll::Ready(Ok(Some(heard)));
                }
                Err(error) => self.fail(error),
            }
        }
    }

    /// Whether what was sent may wait for what is sent next: whoever receives on will not wait for the peer.
    pub(super) fn may_wait(&self) -> bool {
        self.settings.coalesce && matches!(self.phase, Phase::Open) && self.incoming.has_whole_frame()
    }

    /// Octets come or go: what compression holds is needed.
    pub(super) fn works(&mut self) {
        if self.is_deflated {
            self.worked = Some(Instant::now());
        }
    }

    /// What others that share the connection may wait for: that less waits to be written, or that it ends.
    pub(super) fn sign(&self) -> (usize, bool) {
        (self.outgoing.len(), matches!(self.phase, Phase::Open))
    }

    /// Reads once. While there is nothing to read, what waits goes out, and what is due is done. Pending only if
    /// nothing has changed.
    fn poll_read(&mut self, reads: &mut Context<'_>, writes: &mut Context<'_>) -> Poll<()> {
        if self.connection.has_answer() && matches!(self.poll_flush(writes), Poll::Ready(Err(_))) {
            // Answered here, too, for a peer that never stops sending.
            return Poll::Ready(());
        }
        match self.incoming.poll_fill(&mut self.stream, reads, self.connection.expected()) {
            Poll::Ready(Ok(0)) => self.end(Err(NetError::Abrupt)),
            // Whatever still comes, it is not the Close that was waited for.
            Poll::Ready(Ok(_)) if self.close_by.is_some_and(|by| by <= Instant::now()) => {
                self.end(Err(self.too_late()))
            }
            Poll::Ready(Ok(_)) => {
                self.works();
                if let Some(keepalive) = &mut self.keepalive {
                    keepalive.heard(self.start.elapsed());
                }
            }
            Poll::Ready(Err(error)) => self.break_off(&error),
            Poll::Pending => {
                if self.is_quiet() || !matches!(self.poll_flush(writes), Poll::Ready(Err(_))) {
                    return self.poll_due(writes);
                }
            }
        }
        Poll::Ready(())
    }

    /// Ready when something that was due has been done.
    fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let beat = self.keepalive.as_ref().map(|keepalive| self.start + keepalive.deadline());
        let rest = self.worked.map(|worked| worked + REST);
        // Once the end is near nobody asks for signs of life.
        let Some(next) = self.close_by.or(beat).into_iter().chain(rest).min() else { return Poll::Pending };
        ready!(self.alarm.poll_at(cx, next));
        if rest == Some(next) {
            self.connection.idle();
            self.worked = None;
        } else if self.close_by.is_some() {
            self.end(Err(self.too_late()));
        } else if let Err(error) = self.beat() {
            self.end(Err(error));
        }
        Poll::Ready(())
    }

    /// Gives the sign of life that is due.
    fn beat(&mut self) -> Result<(), NetError> {
        let Some(keepalive) = &mut self.keepalive else { return Ok(()) };
        let now = self.start.elapsed();
        match keepalive.tick(now) {
            // Who reads nothing gets no more to read: that is for `send_time` to judge. Who was not asked owes no answer.
            Due::Send(_) if self.outgoing.len() >= self.settings.high_water => {
                keepalive.heard(now);
                Ok(())
            }
            Due::Send(Beat::Ping) => self.start_ping(b""),
            Due::Send(Beat::Pong) => self.start_pong(b""),
            Due::Nothing => Ok(()),
            Due::Dead => Err(NetError::Timeout { what: Wait::Pong, limit: self.patience() }),
        }
    }

    /// The peer's Close has not come in time.
    fn too_late(&self) -> NetError {
        NetError::Timeout { what: Wait::Close, limit: self.settings.close_time }
    }

    /// How long a peer may be silent after a Ping.
    fn patience(&self) -> Duration {
        match self.settings.keepalive {
            Some(KeepAlive::Ping { timeout, .. }) => timeout,
            _ => Duration::ZERO,
        }
    }
}

fn keepalive(setting: KeepAlive) -> Keepalive {
    match setting {
        KeepAlive::Ping { interval, timeout } => Keepalive::new(Beat::Ping, interval, timeout, Duration::ZERO),
        KeepAlive::Pong { interval } => Keepalive::new(Beat::Pong, interval, Duration::ZERO, Duration::ZERO),
    }
}

fn amid_parts() -> NetError {
    NetError::Request { detail: "a message whose first parts were received as parts has no whole".to_owned() }
}
