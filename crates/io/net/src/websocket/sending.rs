//! What is sent: queued whole or not at all, and written when it is time.

use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use gatepost_ws::mask::Mask;
use gatepost_ws::message::{Kind, Message};
use gatepost_ws::role::Role;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::engine::{Engine, Phase};
use super::lent;
use super::masks;
use crate::error::{NetError, Wait};

/// Octets from which on a payload goes out from where it stands instead of being copied behind its head.
const WORTH_REFERRING: usize = 8 * 1024;

impl<S: AsyncRead + AsyncWrite + Unpin> Engine<S> {
    /// Ready when a message may be sent.
    pub(super) fn poll_ready(&mut self, writes: &mut Context<'_>) -> Poll<Result<(), NetError>> {
        self.may_send()?;
        if self.outgoing.len() < self.settings.high_water {
            return Poll::Ready(Ok(()));
        }
        match self.poll_flush(writes) {
            Poll::Pending if self.outgoing.len() < self.settings.high_water => Poll::Ready(Ok(())),
            done => done,
        }
    }

    /// Takes a message, to be written with what waits.
    ///
    /// # Errors
    /// After an end has begun, and between the parts of another message.
    pub(super) fn start_send(&mut self, message: Message) -> Result<(), NetError> {
        let mask = self.may_send()?;
        self.works();
        let kind = message.kind();
        let payload = message.into_bytes();
        // Between the parts of another message it is the connection that refuses.
        if !self.is_amid && payload.len() >= WORTH_REFERRING && !self.connection.compresses(payload.len()) {
            return self.refer(kind, payload, true, mask);
        }
        self.copy(kind, &payload, mask)
    }

    /// Takes a copy of octets as a message.
    ///
    /// # Errors
    /// As [`start_send`](Self::start_send).
    pub(super) fn start_copy(&mut self, kind: Kind, payload: &[u8]) -> Result<(), NetError> {
        let mask = self.may_send()?;
        self.works();
        self.copy(kind, payload, mask)
    }

    /// Takes a part of a message.
    ///
    /// # Errors
    /// After an end has begun, and for a part of another kind.
    pub(super) fn start_send_part(&mut self, kind: Kind, payload: Bytes, last: bool) -> Result<(), NetError> {
        let mask = self.may_send()?;
        self.works();
        // Where there is compression, whether a message is compressed is decided with its first part.
        if payload.len() >= WORTH_REFERRING && !self.connection.compresses(usize::MAX) {
            self.refer(kind, payload, last, mask)?;
        } else {
            let out = self.outgoing.end();
            lent::with(|lent| self.connection.send_part(kind, &payload, last, mask, &mut lent.contexts, out))?;
        }
        self.is_amid = !last;
        Ok(())
    }

    /// Takes a Ping.
    pub(super) fn start_ping(&mut self, payload: &[u8]) -> Result<(), NetError> {
        let mask = self.may_send()?;
        Ok(self.connection.ping(payload, mask, self.outgoing.end())?)
    }

    /// Takes a Pong that answers nothing.
    pub(super) fn start_pong(&mut self, payload: &[u8]) -> Result<(), NetError> {
        let mask = self.may_send()?;
        Ok(self.connection.pong(payload, mask, self.outgoing.end())?)
    }

    /// Whether a message may be sent without asking [`poll_ready`](Self::poll_ready).
    #[inline]
    pub(super) fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Open) && self.outgoing.len() < self.settings.high_water
    }

    /// Whether nothing waits to be written.
    #[inline]
    pub(super) fn is_quiet(&self) -> bool {
        self.stalled.is_none() && self.outgoing.is_done() && !self.connection.has_answer()
    }

    /// Writes what waits. Ready when the stream has it all.
    pub(super) fn poll_flush(&mut self, writes: &mut Context<'_>) -> Poll<Result<(), NetError>> {
        if let Phase::Ended(result) = &self.phase {
            return Poll::Ready(result.clone());
        }
        loop {
            if let Err(error) = self.answer() {
                self.end(Err(error.clone()));
                return Poll::Ready(Err(error));
            }
            if self.outgoing.is_done() {
                self.is_moving();
                return Poll::Ready(Ok(()));
            }
            let before = self.outgoing.len();
            match self.outgoing.poll_drain(&mut self.stream, writes) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => {
                    self.break_off(&error);
                    return Poll::Ready(Err(self.failure()));
                }
                Poll::Pending => {
                    if self.outgoing.len() < before {
                        self.stalled = None;
                    }
                    let error = ready!(self.poll_stalled(writes));
                    self.end(Err(error.clone()));
                    return Poll::Ready(Err(error));
                }
            }
        }
    }

    /// Ready with an error when the peer has read nothing for too long.
    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<NetError> {
        let limit = self.settings.send_time;
        let since = *self.stalled.get_or_insert_with(Instant::now);
        ready!(self.alarm.poll_at(cx, since + limit));
        Poll::Ready(NetError::Timeout { what: Wait::Write, limit })
    }

    /// Nothing waits to be written.
    fn is_moving(&mut self) {
        let was_stalled = self.stalled.take().is_some();
        let others = self.close_by.is_some() || self.worked.is_some() || self.settings.keepalive.is_some();
        if was_stalled && !others {
            self.alarm.rest();
        }
    }

    /// Takes what the protocol itself wants to say, if there is room: at most a Pong and a Close.
    pub(super) fn answer(&mut self) -> Result<(), NetError> {
        while self.connection.has_answer() && self.outgoing.len() < self.settings.high_water {
            let mask = self.mask()?;
            self.connection.answer(mask, self.outgoing.end());
        }
        Ok(())
    }

    /// A mask for the next frame. Servers have none (RFC 6455 §5.1).
    pub(super) fn mask(&self) -> Result<Mask, NetError> {
        match self.role {
            Role::Server => Ok(Mask::UNUSED),
            Role::Client => Ok(Mask::new(masks::draw()?)),
        }
    }

    fn may_send(&self) -> Result<Mask, NetError> {
        match self.phase {
            Phase::Open => self.mask(),
            _ => Err(self.failure()),
        }
    }

    fn copy(&mut self, kind: Kind, payload: &[u8], mask: Mask) -> Result<(), NetError> {
        let out = self.outgoing.end();
        Ok(lent::with(|lent| self.connection.send(kind, payload, mask, &mut lent.contexts, out))?)
    }

    /// Takes a frame whose payload is not copied; what a client has to mask is, unless nobody else holds it.
    fn refer(&mut self, kind: Kind, payload: Bytes, last: bool, mask: Mask) -> Result<(), NetError> {
        let length = u64::try_from(payload.len()).unwrap_or(u64::MAX);
        let head = self.connection.send_head(kind, length, last, mask)?;
        let payload = match self.role {
            Role::Server => payload,
            Role::Client => masked(payload, mask),
        };
        self.outgoing.end().extend_from_slice(head.as_slice());
        self.outgoing.refer(payload);
        Ok(())
    }
}

fn masked(payload: Bytes, mask: Mask) -> Bytes {
    let mut payload = payload.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
    mask.apply(&mut payload);
    payload.freeze()
}
