//! What becomes of what one side says: parts and Closes go on as they are, Pings are answered or go on.

use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use gatepost_ws::error::WsError;
use gatepost_ws::event::Event;

use super::side::{End, Side, broken};
use super::terms::Pings;
use crate::error::NetError;
use crate::websocket::lent::{self, Lent};
use crate::websocket::spare;

/// Octets of a frame that are worth a large read.
const SMALL: u64 = 16 * 1024;

/// One way of a relay.
pub(super) struct Passage<'a> {
    pub(super) from: &'a mut Side,
    pub(super) to: &'a mut Side,
    pub(super) pings: Pings,
    pub(super) high_water: usize,
    /// Since the relay began.
    pub(super) now: Duration,
}

impl Passage<'_> {
    /// Passes on what there is, as far as there is room. Ready if anything has moved.
    ///
    /// # Errors
    /// If nothing can be masked.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), NetError>> {
        if self.from.end.is_some() {
            return Poll::Pending;
        }
        if !self.to.has_room(self.high_water) || !self.from.has_room(self.high_water) {
            // Whoever is not listened to may well be alive.
            self.from.is_alive_at(self.now);
            return Poll::Pending;
        }
        if self.from.unfinished {
            let mut held = std::mem::take(&mut self.from.held);
            let understood = self.understand(&mut held);
            // It is the side's own already: no copy, and none of the thread's buffers.
            if self.from.end.is_none() && !held.is_empty() {
                self.from.held = held;
            }
            return Poll::Ready(understood);
        }
        let much = self.from.connection.expected() > SMALL;
        let mut read = spare::to_read(if much { spare::LARGE } else { spare::SMALL });
        match self.from.poll_read(cx, &mut read) {
            Poll::Pending => {
                spare::give_back_read(read);
                Poll::Pending
            }
            Poll::Ready(Ok(octets)) if octets > 0 => {
                self.from.is_alive_at(self.now);
                let understood = self.understand(&mut read);
                if self.from.end.is_none() && !read.is_empty() {
                    // A copy, so that the buffer of many rests with the thread.
                    self.from.held = BytesMut::from(&*read);
                }
                spare::give_back_read(read);
                Poll::Ready(understood)
            }
            Poll::Ready(ended) => {
                self.from.lose(ended.map_or_else(|error| broken(&error), |_| NetError::Abrupt));
                Poll::Ready(Ok(()))
            }
        }
    }

    /// Takes what was read, until the other side has no more room: the rest is left.
    fn understand(&mut self, read: &mut BytesMut) -> Result<(), NetError> {
        self.from.unfinished = true;
        lent::with(|lent| self.understand_with(lent, read))
    }

    fn understand_with(&mut self, lent: &mut Lent, read: &mut BytesMut) -> Result<(), NetError> {
        let ours = self.from.ours;
        while self.to.has_room(self.high_water) && self.from.has_room(self.high_water) {
            let Lent { scratch, contexts, .. } = &mut *lent;
            let received = match self.from.connection.receive(read, scratch, contexts, self.now) {
                Ok(received) => received,
                Err(error) => {
                    // It is told when the other side has ended: the answers to what it said before come first.
                    self.from.end = Some(End::Broke(error));
                    return Ok(());
                }
            };
            let taken = received.taken;
            let Some(event) = received.event else {
                self.from.unfinished = false;
                read.clear();
                return Ok(());
            };
            match event {
                Event::Part(part) => {
                    let mask = self.to.mask()?;
                    self.from.said = self.from.said.saturating_add(u64::try_from(part.data.len()).unwrap_or(u64::MAX));
                    let (connection, out) = self.to.writing();
                    // After our own Close nothing goes that way: the relay is ending.
                    match connection.send_part(part.kind, part.data, part.last, mask, contexts, out) {
                        Ok(()) | Err(WsError::Closed) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                Event::Ping(payload) if self.pings == Pings::Pass => {
                    let mask = self.to.mask()?;
                    let (connection, out) = self.to.writing();
                    let _ = connection.ping(payload, mask, out);
                }
                Event::Ping(_) => self.from.answer_ping()?,
                Event::Pong(payload) if self.pings == Pings::Pass && ours.is_none_or(|ours| payload != ours) => {
                    let mask = self.to.mask()?;
                    let (connection, out) = self.to.writing();
                    let _ = connection.pong(payload, mask, out);
                }
                Event::Pong(_) => {}
                Event::Close(close) => {
                    self.to.close(close.as_ref())?;
                    self.from.end = Some(End::Closed(close));
                    return Ok(());
                }
            }
            read.advance(taken);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use gatepost_ws::role::Role;
    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;
    use crate::websocket::relay::terms::SideTerms;

    #[tokio::test]
    async fn what_is_held_is_copied_once_and_rests_with_nobody() {
        let ((mut client, near), (far, _upstream)) = (duplex(16 * 1024), duplex(16 * 1024));
        let side = |stream, role| Side::new(stream, role, &SideTerms::default());
        let (mut from, mut to) = (side(Box::new(near) as _, Role::Server), side(Box::new(far) as _, Role::Client));
        let frame = [b"\x82\xE4\0\0\0\0".as_slice(), &[7; 100]].concat();
        client.write_all(&frame.repeat(10)).await.unwrap();
        let mut cx = Context::from_waker(Waker::noop());
        let mut held = None;
        for left in (0..10).rev() {
            to.out.clear();
            let (pings, now) = (Pings::Answer, Duration::ZERO);
            // Room for one message at a time.
            let mut way = Passage { from: &mut from, to: &mut to, pings, high_water: 1, now };
            assert_eq!(way.poll(&mut cx), Poll::Ready(Ok(())));
            assert_eq!(from.held.len(), left * frame.len());
            let place = from.held.as_ptr();
            if left > 0 {
                assert_eq!(held.unwrap_or(place), place);
            }
            held = Some(place.wrapping_add(frame.len()));
        }
        assert_eq!(spare::to_read(1).capacity(), spare::SMALL);
        assert_eq!(from.held.capacity(), 0);
    }
}
