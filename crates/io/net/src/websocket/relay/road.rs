//! Both ways at once, until both sides have ended.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use gatepost_ws::close::CloseCode;
use gatepost_ws::role::Role;
use tokio::time::Instant;

use super::passage::Passage;
use super::side::{End, Side};
use super::terms::{Ended, Terms, Why};
use crate::error::NetError;
use crate::upgrade::Duplex;
use crate::websocket::alarm::Alarm;

/// Turns that one relay may have before others get theirs.
const TURNS: usize = 32;
/// So long a side may take for the end of its stream when all was said.
const LINGER: Duration = Duration::from_secs(1);

/// Relays between a client and an upstream, both after their handshakes, until both have ended or `expired` is ready.
///
/// - Parts go on while they arrive: of a message nothing is kept but what waits to be written. Frames may be cut
///   elsewhere, as RFC 6455 §5.4 allows an intermediary that knows the extensions.
/// - A slow reader slows its writer down.
/// - A Close goes on with its code and reason, and its answer is the other side's; if that does not come in time, its
///   own code.
/// - A side that ends without a Close, breaks the protocol or a bound, or is silent for too long is never made to look
///   as if it had closed: the client reads 1014 (bad gateway) if the upstream failed, the upstream 1011 (internal
///   error) if the client did. 1006 cannot be sent (RFC 6455 §7.4.1), and 1001 would be said by an end that leaves
///   in good order. Who breaks a rule reads what it broke (1002, 1007, 1008, 1009), after what the other side still says
///   to what came before.
/// - When `expired` is ready, the client reads 1008 (policy) and the upstream 1001 (going away).
///
/// An idle relay owns no buffer.
pub async fn relay(client: Duplex, upstream: Duplex, terms: &Terms, expired: impl Future<Output = ()>) -> Ended {
    let mut relay = Relay {
        client: Side::new(client, Role::Server, &terms.client),
        upstream: Side::new(upstream, Role::Client, &terms.upstream),
        terms,
        start: Instant::now(),
        alarm: Alarm::default(),
        why: None,
        close_by: None,
        part_by: None,
    };
    let mut expired = pin!(expired);
    std::future::poll_fn(|cx| relay.poll(cx, expired.as_mut())).await
}

struct Relay<'a> {
    client: Side,
    upstream: Side,
    terms: &'a Terms,
    start: Instant,
    alarm: Alarm,
    /// What began the end.
    why: Option<Why>,
    /// When the closing handshakes have to be over, once an end has begun.
    close_by: Option<Instant>,
    /// When the streams have to be over, once all was said.
    part_by: Option<Instant>,
}

impl Relay<'_> {
    fn poll(&mut self, cx: &mut Context<'_>, expired: Pin<&mut impl Future<Output = ()>>) -> Poll<Ended> {
        let polled = match self.why {
            None => expired.poll(cx),
            Some(_) => Poll::Pending,
        };
        if polled.is_ready()
            && let Err(error) = self.expire(Instant::now())
        {
            return Poll::Ready(self.cut(error));
        }
        for _ in 0..TURNS {
            let now = Instant::now();
            match self.poll_ways(cx, now) {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => return Poll::Ready(self.cut(error)),
            }
            // Both are asked, whatever the first says.
            if self.client.poll_part(cx, now).is_ready() & self.upstream.poll_part(cx, now).is_ready() {
                return Poll::Ready(self.ended());
            }
            match self.poll_time(cx, now) {
                Ok(Poll::Ready(Time::Over)) => return Poll::Ready(self.ended()),
                Ok(Poll::Ready(Time::Acted)) => {}
                Ok(Poll::Pending) => return Poll::Pending,
                Err(error) => return Poll::Ready(self.cut(error)),
            }
        }
        // There is more, perhaps for ever: time passes all the same, and who else waits in this thread goes first.
        match self.poll_time(cx, Instant::now()) {
            Ok(Poll::Ready(Time::Over)) => return Poll::Ready(self.ended()),
            Ok(_) => {}
            Err(error) => return Poll::Ready(self.cut(error)),
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Both ways once; whether anything has moved.
    fn poll_ways(&mut self, cx: &mut Context<'_>, now: Instant) -> Result<bool, NetError> {
        // With no room at all nothing would ever move.
        let (pings, high_water, since) = (self.terms.pings, self.terms.high_water.max(1), now - self.start);
        let mut moved = false;
        for way in [Way::There, Way::Back] {
            let (from, to) = match way {
                Way::There => (&mut self.client, &mut self.upstream),
                Way::Back => (&mut self.upstream, &mut self.client),
            };
            if let Poll::Ready(passed) = (Passage { from, to, pings, high_water, now: since }).poll(cx) {
                passed?;
                moved = true;
            }
        }
        self.settle(now)?;
        for side in [&mut self.client, &mut self.upstream] {
            if side.is_over() {
                continue;
            }
            let had_room = side.has_room(high_water);
            if let Poll::Ready(Err(error)) = side.poll_flush(cx, now) {
                side.lose(error);
                moved = true;
            }
            moved |= !had_room && side.has_room(high_water);
        }
        Ok(moved)
    }

    /// Tells each side how the other has ended, if that was not in order.
    fn settle(&mut self, now: Instant) -> Result<(), NetError> {
        if self.client.end.is_none() && self.upstream.end.is_none() {
            return Ok(());
        }
        self.close_by.get_or_insert(now + self.terms.close_time);
        if self.why.is_none() {
            self.why = match (&self.client.end, &self.upstream.end) {
                (Some(End::Closed(close)), _) => Some(Why::Client(close.as_ref().map(|close| close.code))),
                (Some(End::Lost(error)), _) => Some(Why::ClientLost(error.clone())),
                (Some(End::Broke(error)), _) => Some(Why::ClientBroke(error.clone())),
                (None, Some(End::Closed(close))) => Some(Why::Upstream(close.as_ref().map(|close| close.code))),
                (None, Some(End::Lost(error))) => Some(Why::UpstreamLost(error.clone())),
                (None, Some(End::Broke(error))) => Some(Why::UpstreamBroke(error.clone())),
                (None, None) => None,
            };
        }
        if let Some(words) = words("client", self.client.end.as_ref()) {
            self.upstream.close_with(CloseCode::INTERNAL, words)?;
        }
        if let Some(words) = words("upstream", self.upstream.end.as_ref()) {
            self.client.close_with(CloseCode::BAD_GATEWAY, words)?;
        }
        if let (Some(End::Broke(_)), Some(_)) = (&self.client.end, &self.upstream.end) {
            self.client.close(None)?;
        }
        if let (Some(_), Some(End::Broke(_))) = (&self.client.end, &self.upstream.end) {
            self.upstream.close(None)?;
        }
        Ok(())
    }

    fn expire(&mut self, now: Instant) -> Result<(), NetError> {
        self.why = Some(Why::Expired);
        self.close_by = Some(now + self.terms.close_time);
        self.client.close_with(CloseCode::POLICY, "the credential has ended")?;
        self.upstream.close_with(CloseCode::GOING_AWAY, "the client's credential has ended")
    }

    /// Does what is due; pending if nothing is.
    fn poll_time(&mut self, cx: &mut Context<'_>, now: Instant) -> Result<Poll<Time>, NetError> {
        if self.client.is_closed() && self.upstream.is_closed() {
            self.part_by.get_or_insert(now + LINGER);
        }
        if self.part_by.is_some_and(|by| by <= now) {
            return Ok(Poll::Ready(Time::Over));
        }
        if self.part_by.is_none() && self.close_by.is_some_and(|by| by <= now) {
            for side in [&mut self.client, &mut self.upstream] {
                side.close_late(self.terms.close_time)?;
            }
            return Ok(Poll::Ready(Time::Acted));
        }
        let mut next = self.part_by.or(self.close_by);
        for side in [&mut self.client, &mut self.upstream] {
            if side.is_over() {
                continue;
            }
            let waited = side.out.len();
            match side.tick(self.start, now, self.terms.send_time)? {
                Ok(due) => next = [next, due].into_iter().flatten().min(),
                Err(error) => {
                    side.lose(error);
                    return Ok(Poll::Ready(Time::Acted));
                }
            }
            if side.out.len() > waited {
                return Ok(Poll::Ready(Time::Acted));
            }
        }
        let Some(next) = next else {
            self.alarm.rest();
            return Ok(Poll::Pending);
        };
        Ok(self.alarm.poll_at(cx, next).map(|()| Time::Acted))
    }

    /// Nothing can be masked any more: both are cut.
    fn cut(&mut self, error: NetError) -> Ended {
        self.why.get_or_insert(Why::UpstreamLost(error));
        self.ended()
    }

    fn ended(&mut self) -> Ended {
        let why = self.why.take().unwrap_or(Why::Expired);
        Ended { carried: (self.client.said, self.upstream.said), why }
    }
}

/// Which way.
#[derive(Clone, Copy)]
enum Way {
    There,
    Back,
}

/// What has come of looking at the time.
enum Time {
    /// Something was due, or is now.
    Acted,
    /// The streams had time enough to end.
    Over,
}

/// What one side is told of another that has not ended in order.
fn words(who: &'static str, end: Option<&End>) -> Option<&'static str> {
    match (end?, who) {
        (End::Closed(_), _) => None,
        (End::Lost(_), "client") => Some("the client was lost"),
        (End::Lost(_), _) => Some("the upstream was lost"),
        (End::Broke(_), "client") => Some("the client broke the protocol or a limit"),
        (End::Broke(_), _) => Some("the upstream broke the protocol or a limit"),
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::io;

    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, sink};

    use super::*;

    /// A peer that takes all and always has one more message, or none at all.
    struct Flood(&'static [u8]);

    impl AsyncRead for Flood {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            if self.0.is_empty() {
                return Poll::Pending;
            }
            buf.put_slice(self.0);
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Flood {
        fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            pin!(sink()).poll_write(cx, buf)
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_does_not_outlive_its_credential() {
        let client = Box::new(Flood(b"\x82\x85\0\0\0\0hello"));
        let relaying = async { relay(client, Box::new(Flood(b"")), &Terms::default(), ready(())).await };
        let relaying = tokio::spawn(relaying);
        for _ in 0..12 {
            assert!(!relaying.is_finished());
            tokio::time::advance(Duration::from_secs(1)).await;
            if relaying.is_finished() {
                break;
            }
        }
        assert!(relaying.is_finished());
        assert_eq!(relaying.await.unwrap().why, Why::Expired);
    }
}
