//! A request's body on its way from the connection to the handler.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use gatepost_http::error::HttpError;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::io::AsyncRead;

use crate::error::NetError;
use crate::explain;
use crate::http1::ear::{Deaf, Ear, Heard};

/// What the handler reads. It says when it is read for the first time.
pub(super) struct Incoming {
    seat: Arc<Mutex<Seat>>,
    left: Option<u64>,
    ended: bool,
}

/// What feeds it.
pub(super) struct Feed {
    seat: Arc<Mutex<Seat>>,
    /// The client broke the rules in the midst of the body; the handler answers for it.
    stopped: bool,
}

/// The one piece that waits between the two: the connection is read only as fast as the handler reads.
#[derive(Default)]
struct Seat {
    part: Option<Part>,
    /// The handler has asked for the first time.
    wanted: bool,
    /// Who waits for a part.
    reader: Option<Waker>,
    /// Who waits until there is room, or until the handler asks.
    feeder: Option<Waker>,
    /// Either end has gone.
    closed: bool,
}

enum Part {
    Data(Bytes),
    Failed(NetError),
    Finished(Option<HeaderMap>),
}

/// What has come of feeding.
pub(super) enum Fed {
    /// The handler has something new to read: ask it before waiting.
    Part,
    /// The connection broke.
    Broken(NetError),
}

/// A body of `length` octets, if that is known.
pub(super) fn incoming(length: Option<u64>) -> (Feed, Incoming) {
    let seat = Arc::<Mutex<Seat>>::default();
    (Feed { seat: Arc::clone(&seat), stopped: false }, Incoming { seat, left: length, ended: false })
}

fn locked(seat: &Mutex<Seat>) -> MutexGuard<'_, Seat> {
    seat.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Feed {
    /// Whether nobody reads the body any more.
    pub(super) fn is_unwanted(&self) -> bool {
        locked(&self.seat).closed
    }

    /// Whether the handler has asked for the body.
    pub(super) fn is_wanted(&self) -> bool {
        locked(&self.seat).wanted
    }

    /// Feeds the body to its end, then watches the connection.
    pub(super) fn poll_attend<I>(&mut self, cx: &mut Context<'_>, ear: &mut Ear, stream: &mut I) -> Poll<Fed>
    where
        I: AsyncRead + Unpin,
    {
        if self.stopped {
            return Poll::Pending;
        }
        if ear.is_between() || self.is_unwanted() {
            return ear.poll_broken(cx, stream).map(Fed::Broken);
        }
        if !self.has_room(cx) {
            return Poll::Pending;
        }
        let heard = match ear.poll_next(cx, stream) {
            Poll::Ready(heard) => heard,
            Poll::Pending => return Poll::Pending,
        };
        let part = match heard {
            Ok(Heard::Data(data)) => Part::Data(data),
            Ok(Heard::End(trailers)) => Part::Finished(trailers),
            Err(Deaf::Broken(error)) => {
                self.put(Part::Failed(error.clone()), cx);
                return Poll::Ready(Fed::Broken(error));
            }
            Err(Deaf::Faulty(error)) => {
                // The handler answers for it; then the connection closes.
                self.stopped = true;
                Part::Failed(faulty(error))
            }
            Err(Deaf::Shed) => {
                self.stopped = true;
                Part::Failed(NetError::Memory)
            }
            Ok(Heard::Head { .. } | Heard::Closed) => return ear.poll_broken(cx, stream).map(Fed::Broken),
        };
        self.put(part, cx);
        Poll::Ready(Fed::Part)
    }

    /// Whether the next part can be put down; wakes this task later if not.
    fn has_room(&self, cx: &Context<'_>) -> bool {
        let mut seat = locked(&self.seat);
        if seat.part.is_none() {
            return true;
        }
        remember(&mut seat.feeder, cx.waker());
        false
    }

    fn put(&self, part: Part, cx: &Context<'_>) {
        let mut seat = locked(&self.seat);
        seat.part = Some(part);
        // A handler in this very task is asked next anyway.
        let waiting = seat.reader.take().filter(|reader| !reader.will_wake(cx.waker()));
        drop(seat);
        if let Some(reader) = waiting {
            reader.wake();
        }
    }

    /// Wakes this task when the handler asks for the body.
    pub(super) fn poll_wanted(&self, cx: &Context<'_>) -> bool {
        let mut seat = locked(&self.seat);
        if !seat.wanted {
            remember(&mut seat.feeder, cx.waker());
        }
        seat.wanted
    }
}

/// Keeps the waker, and no copy of one that is there.
fn remember(place: &mut Option<Waker>, waker: &Waker) {
    if !place.as_ref().is_some_and(|old| old.will_wake(waker)) {
        *place = Some(waker.clone());
    }
}

/// What a client's broken body means to whoever reads it: never that someone else broke the rules.
fn faulty(error: HttpError) -> NetError {
    match error {
        HttpError::Truncated => explain::http1(error),
        other => NetError::BodySource { detail: other.to_string() },
    }
}

impl Incoming {
    /// The part that waits, if one does; else this task is woken when one comes.
    fn take(&self, cx: &Context<'_>) -> Poll<Option<Part>> {
        let mut seat = locked(&self.seat);
        seat.wanted = true;
        let feeder = seat.feeder.take().filter(|feeder| !feeder.will_wake(cx.waker()));
        let part = seat.part.take();
        if part.is_none() && !seat.closed {
            remember(&mut seat.reader, cx.waker());
        }
        let taken = if part.is_none() && !seat.closed { Poll::Pending } else { Poll::Ready(part) };
        drop(seat);
        if let Some(feeder) = feeder {
            feeder.wake();
        }
        taken
    }
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = NetError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, NetError>>> {
        if self.ended || self.left == Some(0) {
            return Poll::Ready(None);
        }
        let part = match self.take(cx) {
            Poll::Ready(part) => part,
            Poll::Pending => return Poll::Pending,
        };
        Poll::Ready(match part {
            Some(Part::Data(data)) => {
                let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
                self.left = self.left.map(|left| left.saturating_sub(length));
                Some(Ok(Frame::data(data)))
            }
            Some(Part::Finished(trailers)) => {
                self.ended = true;
                trailers.map(|trailers| Ok(Frame::trailers(trailers)))
            }
            Some(Part::Failed(error)) => {
                self.ended = true;
                Some(Err(error))
            }
            None => {
                self.ended = true;
                Some(Err(NetError::ClosedEarly { what: "the request" }))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.left == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        match self.left {
            _ if self.ended => SizeHint::with_exact(0),
            Some(left) => SizeHint::with_exact(left),
            None => SizeHint::default(),
        }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        close(&self.seat);
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        close(&self.seat);
    }
}

/// Tells the other end that this one is gone.
fn close(seat: &Mutex<Seat>) {
    let mut seat = locked(seat);
    seat.closed = true;
    let waiting = [seat.reader.take(), seat.feeder.take()];
    drop(seat);
    waiting.into_iter().flatten().for_each(Waker::wake);
}
