//! One side of a relay: its stream, what of it is not understood yet, what waits to be written to it, and its end.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use gatepost_ws::close::{Close, CloseCode};
use gatepost_ws::closing::State;
use gatepost_ws::connection::Connection;
use gatepost_ws::error::WsError;
use gatepost_ws::keepalive::{Beat, Due, Keepalive};
use gatepost_ws::mask::Mask;
use gatepost_ws::role::Role;
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::time::Instant;

use super::terms::SideTerms;
use crate::error::{NetError, Wait};
use crate::explain;
use crate::upgrade::Duplex;
use crate::websocket::{masks, spare};

/// Octets that are read and dropped at once of a side that has ended.
const DROPPED: usize = 4096;

/// One side.
pub(super) struct Side {
    stream: Duplex,
    role: Role,
    pub(super) connection: Connection,
    /// What waits to be written; owns no memory if nothing does.
    pub(super) out: BytesMut,
    /// Read, and not understood yet because the other side has no room; owns no memory if there is nothing.
    pub(super) held: BytesMut,
    /// Whether there may be more in what was read, or was inflated of it.
    pub(super) unfinished: bool,
    unflushed: bool,
    /// With the time that it may take to answer.
    keepalive: Option<(Keepalive, Duration)>,
    /// What our own Pings say, once there was one: their answers are for us, whoever answers the others'. It is drawn,
    /// so that nobody else's says the same.
    pub(super) ours: Option<[u8; 8]>,
    /// Since when it takes nothing of what waits.
    stalled: Option<Instant>,
    /// How its speaking ended.
    pub(super) end: Option<End>,
    parting: Parting,
    /// Octets of messages that it said.
    pub(super) said: u64,
}

/// How a side's speaking ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// With a Close.
    Closed(Option<Close>),
    /// Without: nothing can be said to it either.
    Lost(NetError),
    /// It broke the protocol or a bound.
    Broke(WsError),
}

/// How far we are with the end of its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parting {
    No,
    /// Nothing more will be said; its own end is waited for, so that it gets the last words (RFC 6455 §7.1.1).
    Shut,
    Over,
}

impl Side {
    pub(super) fn new(stream: Duplex, role: Role, terms: &SideTerms) -> Self {
        let keepalive = terms
            .keepalive
            .map(|(interval, timeout)| (Keepalive::new(Beat::Ping, interval, timeout, Duration::ZERO), timeout));
        Self {
            stream,
            role,
            connection: Connection::new(role, terms.deflate.as_ref(), terms.limits),
            out: BytesMut::new(),
            held: BytesMut::new(),
            unfinished: false,
            unflushed: false,
            keepalive,
            ours: None,
            stalled: None,
            end: None,
            parting: Parting::No,
            said: 0,
        }
    }

    /// Whether it may be told more.
    pub(super) fn has_room(&self, high_water: usize) -> bool {
        self.out.len() < high_water
    }

    /// What the next frame to it is masked with.
    ///
    /// # Errors
    /// If there is no randomness.
    pub(super) fn mask(&self) -> Result<Mask, NetError> {
        match self.role {
            Role::Client => masks::draw().map(Mask::new),
            Role::Server => Ok(Mask::UNUSED),
        }
    }

    /// Where what is told to it goes, with its connection.
    pub(super) fn writing(&mut self) -> (&mut Connection, &mut BytesMut) {
        if self.out.capacity() == 0 {
            self.out = spare::to_write();
        }
        (&mut self.connection, &mut self.out)
    }

    /// Reads what there is into a buffer that rests with the thread; ready with nothing at the end.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        pin!(self.stream.read_buf(buffer)).poll(cx)
    }

    /// It was heard at this time, or not listened to.
    pub(super) fn is_alive_at(&mut self, now: Duration) {
        if let Some((keepalive, _)) = &mut self.keepalive {
            keepalive.heard(now);
        }
    }

    /// Answers its newest Ping.
    pub(super) fn answer_ping(&mut self) -> Result<(), NetError> {
        // The answer to its Close is what the other side says.
        if self.connection.has_answer() && !self.connection.is_close_received() {
            let mask = self.mask()?;
            let (connection, out) = self.writing();
            connection.answer(mask, out);
        }
        Ok(())
    }

    /// Tells it to end, or what it did wrong if it did; nothing if it was told before.
    pub(super) fn close(&mut self, close: Option<&Close>) -> Result<(), NetError> {
        if matches!(self.connection.state(), State::Closing | State::Closed) {
            return Ok(());
        }
        let mask = self.mask()?;
        let broke = match &self.end {
            Some(End::Broke(error)) => Some(error.clone()),
            _ => None,
        };
        let (connection, out) = self.writing();
        if let Some(error) = broke {
            connection.fail(&error, mask, out);
            return Ok(());
        }
        Ok(connection.close(close, mask, out)?)
    }

    /// Tells it to end, in our own words.
    pub(super) fn close_with(&mut self, code: CloseCode, reason: &str) -> Result<(), NetError> {
        self.close(Some(&Close { code, reason: reason.to_owned() }))
    }

    /// The time for closing is over: its Close gets the answer that the other side does not give; if it has sent none,
    /// it is lost.
    pub(super) fn close_late(&mut self, close_time: Duration) -> Result<(), NetError> {
        if matches!(self.end, Some(End::Broke(_))) {
            self.close(None)?;
        }
        while self.connection.has_answer() {
            let mask = self.mask()?;
            let (connection, out) = self.writing();
            connection.answer(mask, out);
        }
        if !self.is_closed() {
            self.lose(explain::timeout(Wait::Close, close_time));
        }
        Ok(())
    }

    /// Whether all was said, by both.
    pub(super) fn is_closed(&self) -> bool {
        self.is_over() || self.connection.state() == State::Closed
    }

    /// It is gone: nothing waits for it any more.
    pub(super) fn lose(&mut self, error: NetError) {
        self.end.get_or_insert(End::Lost(error));
        // Nothing can be said to it: whatever is, is refused.
        let _ = self.connection.close(None, Mask::UNUSED, &mut BytesMut::new());
        (self.out, self.held) = (BytesMut::new(), BytesMut::new());
        (self.stalled, self.parting) = (None, Parting::Over);
    }

    pub(super) fn is_over(&self) -> bool {
        self.parting == Parting::Over
    }

    /// Writes what waits. Ready when the stream has it all.
    ///
    /// # Errors
    /// What broke it.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Result<(), NetError>> {
        while !self.out.is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, &self.out) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(NetError::Abrupt)),
                Poll::Ready(Ok(written)) => {
                    self.out.advance(written);
                    (self.unflushed, self.stalled) = (true, None);
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(broken(&error))),
                Poll::Pending => {
                    self.stalled.get_or_insert(now);
                    return Poll::Pending;
                }
            }
        }
        if self.out.capacity() > 0 {
            spare::give_back_written(std::mem::take(&mut self.out));
        }
        if self.unflushed {
            match Pin::new(&mut self.stream).poll_flush(cx) {
                Poll::Ready(flushed) => flushed.map_err(|error| broken(&error))?,
                Poll::Pending => {
                    self.stalled.get_or_insert(now);
                    return Poll::Pending;
                }
            }
            (self.unflushed, self.stalled) = (false, None);
        }
        Poll::Ready(Ok(()))
    }

    /// Ends its stream once both have said Close, and waits for its own end. Ready when that is over.
    pub(super) fn poll_part(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        if self.parting == Parting::No {
            if self.connection.state() != State::Closed {
                return Poll::Pending;
            }
            let shut = match ready!(self.poll_flush(cx, now)) {
                Ok(()) => ready!(Pin::new(&mut self.stream).poll_shutdown(cx)).is_ok(),
                Err(_) => false,
            };
            self.parting = if shut { Parting::Shut } else { Parting::Over };
        }
        let mut dropped = [0; DROPPED];
        while self.parting == Parting::Shut {
            match ready!(pin!(self.stream.read(&mut dropped)).poll(cx)) {
                Ok(read) if read > 0 => {}
                _ => self.parting = Parting::Over,
            }
        }
        Poll::Ready(())
    }

    /// Does what is due; gives when to look again, or why the side is lost: it is dead, or takes nothing for too long.
    ///
    /// # Errors
    /// If nothing can be masked.
    pub(super) fn tick(
        &mut self,
        start: Instant,
        now: Instant,
        send_time: Duration,
    ) -> Result<Result<Option<Instant>, NetError>, NetError> {
        let stalled = self.stalled.map(|since| since + send_time);
        if stalled.is_some_and(|end| end <= now) {
            return Ok(Err(explain::timeout(Wait::Write, send_time)));
        }
        if self.end.is_some() || self.connection.state() != State::Open {
            return Ok(Ok(stalled));
        }
        let Some((mut keepalive, timeout)) = self.keepalive else { return Ok(Ok(stalled)) };
        match keepalive.tick(now - start) {
            Due::Nothing => {}
            Due::Dead => return Ok(Err(explain::timeout(Wait::Pong, timeout))),
            Due::Send(_) => {
                let mask = self.mask()?;
                let ours = match self.ours {
                    Some(ours) => ours,
                    None => *self.ours.insert(drawn()?),
                };
                let (connection, out) = self.writing();
                connection.ping(&ours, mask, out)?;
            }
        }
        self.keepalive = Some((keepalive, timeout));
        let beat = start + keepalive.deadline();
        Ok(Ok(Some(stalled.map_or(beat, |stalled| stalled.min(beat)))))
    }
}

/// Eight random octets.
fn drawn() -> Result<[u8; 8], NetError> {
    let ([a, b, c, d], [e, f, g, h]) = (masks::draw()?, masks::draw()?);
    Ok([a, b, c, d, e, f, g, h])
}

/// What a failed read or write of a side means.
pub(super) fn broken(error: &io::Error) -> NetError {
    match explain::io(error, "the WebSocket") {
        NetError::ClosedEarly { .. } => NetError::Abrupt,
        other => other,
    }
}
