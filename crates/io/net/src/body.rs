//! One body for requests and responses, both directions: whole, streamed, or fed through a channel.

use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use gatepost_model::event::one_line;
use gatepost_model::pace::Pace;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;

use crate::error::NetError;
use crate::feed::{self, BodySender};
use crate::parts_patience::PartsPatience;

/// A message body. Streams with backpressure; nothing is read before it is polled.
pub struct Body {
    source: Source,
    limit: Option<Limit>,
    patience: Option<PartsPatience>,
    drops_trailers: bool,
    // Dropped with the body: what is held for as long as it streams.
    held: Option<Box<dyn Any + Send>>,
}

enum Source {
    Whole(Bytes),
    Stream(Pin<Box<dyn HttpBody<Data = Bytes, Error = NetError> + Send>>),
    Ended,
}

#[derive(Clone, Copy)]
struct Limit {
    whole: u64,
    left: u64,
}

impl Body {
    /// A body of no octets.
    #[must_use]
    pub fn empty() -> Self {
        Self::from_source(Source::Ended)
    }

    /// Streams another body. Its errors become [`NetError::BodySource`], unless they are [`NetError`]s.
    pub fn new<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: fmt::Display + 'static,
    {
        Self::from_source(Source::Stream(Box::pin(body.map_err(translate))))
    }

    /// As [`new`](Self::new), for a body whose errors are ours.
    pub(crate) fn streaming(body: impl HttpBody<Data = Bytes, Error = NetError> + Send + 'static) -> Self {
        Self::from_source(Source::Stream(Box::pin(body)))
    }

    /// This body again, of which `first` was taken.
    pub(crate) fn preceded_by(self, first: Bytes) -> Self {
        Self::streaming(Preceded { first: Some(first), rest: self })
    }

    /// A body that is fed from elsewhere; at most `capacity` frames wait in between.
    #[must_use]
    pub fn channel(capacity: usize) -> (BodySender, Self) {
        let (sender, parts) = feed::channel(capacity);
        (sender, Self::from_source(Source::Stream(Box::pin(parts))))
    }

    /// Fails with [`NetError::BodyTooLarge`] instead of giving more than `limit` octets. A smaller limit stays.
    #[must_use]
    pub fn limited(mut self, limit: u64) -> Self {
        if self.limit.is_none_or(|old| limit < old.left) {
            self.limit = Some(Limit { whole: limit, left: limit });
        }
        self
    }

    /// Fails with [`NetError::Timeout`] if its next part is longer in coming than `limit`.
    #[must_use]
    pub fn paced(mut self, limit: Duration) -> Self {
        self.patience = Some(PartsPatience::new(limit));
        self
    }

    /// Fails with [`NetError::Timeout`] as well if, once `grace` was waited in all, its parts have come more slowly
    /// than `floor` octets per second on average while they were waited for. Call it after [`paced`](Self::paced).
    #[must_use]
    pub fn at_least(mut self, floor: u32, grace: Duration) -> Self {
        if let Some(patience) = &mut self.patience {
            patience.demand(Pace::new(floor, grace));
        }
        self
    }

    /// Ends where its trailers would begin: a field that is checked in the head must not come after it
    /// (RFC 9110 §6.5.1 lets an intermediary drop them).
    #[must_use]
    pub fn without_trailers(mut self) -> Self {
        self.drops_trailers = true;
        self
    }

    /// Keeps `held` until the body has ended or is dropped.
    #[must_use]
    pub fn holding(mut self, held: impl Send + 'static) -> Self {
        self.held = match self.held.take() {
            Some(before) => Some(Box::new((before, held))),
            None => Some(Box::new(held)),
        };
        self
    }

    /// Reads it to its end. Trailers are dropped.
    ///
    /// # Errors
    /// [`NetError::BodyTooLarge`] as soon as it is known to hold more than `limit` octets, and whatever
    /// ends the body early.
    pub async fn collect(self, limit: usize) -> Result<Bytes, NetError> {
        let bound = u64::try_from(limit).unwrap_or(u64::MAX);
        if self.size_hint().lower() > bound {
            return Err(NetError::BodyTooLarge { limit: bound });
        }
        let mut body = self.limited(bound);
        let mut first = Bytes::new();
        let mut rest = BytesMut::new();
        while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let Ok(data) = frame?.into_data() else { continue };
            if first.is_empty() && rest.is_empty() {
                first = data;
                continue;
            }
            if rest.is_empty() {
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&data);
        }
        Ok(if rest.is_empty() { first } else { rest.freeze() })
    }

    fn from_source(source: Source) -> Self {
        Self { source, limit: None, patience: None, drops_trailers: false, held: None }
    }

    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, NetError>>> {
        match &mut self.source {
            Source::Ended => Poll::Ready(None),
            Source::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                self.source = Source::Ended;
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Source::Stream(stream) => stream.as_mut().poll_frame(cx),
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = NetError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, NetError>>> {
        let this = self.get_mut();
        let mut next = match this.poll_source(cx) {
            Poll::Ready(next) => next,
            Poll::Pending => match &mut this.patience {
                Some(patience) => Some(Err(ready!(patience.poll_over(cx)))),
                None => return Poll::Pending,
            },
        };
        if this.drops_trailers && matches!(&next, Some(Ok(frame)) if frame.is_trailers()) {
            next = None;
        }
        let size =
            |frame: &Frame<Bytes>| frame.data_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX));
        if let (Some(Ok(frame)), Some(patience)) = (&next, &mut this.patience)
            && let Err(error) = patience.came(size(frame))
        {
            next = Some(Err(error));
        }
        if let (Some(Ok(frame)), Some(limit)) = (&next, &mut this.limit) {
            let size = size(frame);
            match limit.left.checked_sub(size) {
                Some(left) => limit.left = left,
                None => next = Some(Err(NetError::BodyTooLarge { limit: limit.whole })),
            }
        }
        if !matches!(next, Some(Ok(_))) {
            this.source = Source::Ended;
            this.held = None;
        }
        Poll::Ready(next)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Ended => true,
            Source::Whole(bytes) => bytes.is_empty(),
            Source::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Ended => SizeHint::with_exact(0),
            Source::Whole(bytes) => SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            Source::Stream(stream) => stream.size_hint(),
        }
    }
}

/// A body whose first octets were taken, and are there again.
struct Preceded {
    first: Option<Bytes>,
    rest: Body,
}

impl HttpBody for Preceded {
    type Data = Bytes;
    type Error = NetError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, NetError>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(Frame::data(first)))),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let first = self.first.as_ref().map_or(0, |first| u64::try_from(first.len()).unwrap_or(u64::MAX));
        let (rest, mut hint) = (self.rest.size_hint(), SizeHint::new());
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(first));
        }
        hint.set_lower(rest.lower().saturating_add(first));
        hint
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::from_source(if bytes.is_empty() { Source::Ended } else { Source::Whole(bytes) })
    }
}

impl From<Vec<u8>> for Body {
    fn from(octets: Vec<u8>) -> Self {
        Bytes::from(octets).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not its content: that may be a secret.
        f.debug_struct("Body").field("size", &self.size_hint()).finish_non_exhaustive()
    }
}

/// Another body's error made ours.
fn translate<E: fmt::Display + 'static>(error: E) -> NetError {
    let any: &dyn Any = &error;
    match any.downcast_ref::<NetError>() {
        Some(own) => own.clone(),
        None => NetError::BodySource { detail: one_line(&error.to_string()) },
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http_body_util::Full;

    use super::*;
    use crate::error::Wait;

    /// A body in pieces of three octets, size unknown.
    struct Pieces(usize);

    impl HttpBody for Pieces {
        type Data = Bytes;
        type Error = NetError;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, NetError>>> {
            let Some(left) = self.0.checked_sub(1) else { return Poll::Ready(None) };
            self.0 = left;
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"abc")))))
        }
    }

    fn pieces(count: usize) -> Body {
        Body::new(Pieces(count))
    }

    #[tokio::test]
    async fn trailers_are_dropped_on_demand() {
        for (keeps, count) in [(true, 2), (false, 1)] {
            let (sender, body) = Body::channel(3);
            sender.send("abc").await.unwrap();
            sender.trailers(HeaderMap::new()).await.unwrap();
            sender.finish().await.unwrap();
            let mut body = if keeps { body } else { body.without_trailers() };
            let mut frames = 0;
            while let Some(frame) = body.frame().await {
                assert_eq!(frame.unwrap().is_data(), frames == 0);
                frames += 1;
            }
            assert_eq!(frames, count);
        }
    }

    #[tokio::test]
    async fn every_kind_is_collected_up_to_the_limit() {
        let too_large = Err(NetError::BodyTooLarge { limit: 5 });
        let table: [(Body, Result<&str, _>); 8] = [
            (Body::empty(), Ok("")),
            ("".into(), Ok("")),
            ("abcde".into(), Ok("abcde")),
            ("abcdef".into(), too_large.clone()),
            (Body::new(Full::new(Bytes::from_static(b"abc"))), Ok("abc")),
            (pieces(1), Ok("abc")),
            (pieces(2), too_large),
            (pieces(2).limited(3), Err(NetError::BodyTooLarge { limit: 3 })),
        ];
        for (index, (body, expected)) in table.into_iter().enumerate() {
            assert_eq!(body.collect(5).await, expected.map(Bytes::from), "{index}");
        }
        assert_eq!(pieces(3).collect(9).await.unwrap(), "abcabcabc");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_fails_and_one_that_moves_does_not() {
        let limit = Duration::from_secs(10);
        let (sender, body) = Body::channel(1);
        let collecting = tokio::spawn(body.paced(limit).collect(100));
        for _ in 0..5 {
            tokio::time::advance(limit - Duration::from_secs(1)).await;
            sender.send("x").await.unwrap();
            tokio::task::yield_now().await;
        }
        let stalled = collecting.await.unwrap();
        assert_eq!(stalled, Err(NetError::Timeout { what: Wait::Body, limit }));
        assert!(sender.send("x").await.is_err());
    }

    #[tokio::test]
    async fn what_is_held_goes_with_the_end() {
        let held = std::sync::Arc::new(());
        let body = Body::from("abc").holding(held.clone()).holding(held.clone());
        assert_eq!(std::sync::Arc::strong_count(&held), 3);
        body.collect(10).await.unwrap();
        assert_eq!(std::sync::Arc::strong_count(&held), 1);
    }

    #[test]
    fn a_body_shows_its_size_only() {
        let shown = format!("{:?}", Body::from("hunter2"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
