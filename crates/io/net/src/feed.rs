//! A body fed from elsewhere, piece by piece, with backpressure.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame};
use tokio::sync::mpsc;

use crate::error::NetError;

/// The feeding end of [`Body::channel`](crate::body::Body::channel).
///
/// The body is complete only after [`finish`](Self::finish): dropping the sender before that makes
/// the body fail, so that a crashed feeder never looks like a short answer.
#[derive(Debug)]
pub struct BodySender {
    sender: mpsc::Sender<Part>,
}

impl BodySender {
    /// Waits for room and hands over the next octets.
    ///
    /// # Errors
    /// [`NetError::ClosedEarly`] if nobody reads the body any more.
    pub async fn send(&self, data: impl Into<Bytes>) -> Result<(), NetError> {
        self.part(Part::Frame(Frame::data(data.into()))).await
    }

    /// Hands over trailers (RFC 9110 §6.5); only [`finish`](Self::finish) may follow.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn trailers(&self, trailers: HeaderMap) -> Result<(), NetError> {
        self.part(Part::Frame(Frame::trailers(trailers))).await
    }

    /// Says that this was all.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn finish(self) -> Result<(), NetError> {
        self.part(Part::Finished).await
    }

    /// Ends the body with an error.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn fail(self, error: NetError) -> Result<(), NetError> {
        self.part(Part::Failed(error)).await
    }

    async fn part(&self, part: Part) -> Result<(), NetError> {
        self.sender.send(part).await.map_err(|_| NetError::ClosedEarly { what: "the body" })
    }
}

/// A sender and what it feeds; at most `capacity` frames wait in between.
pub(crate) fn channel(capacity: usize) -> (BodySender, Parts) {
    let (sender, receiver) = mpsc::channel(capacity.max(1));
    (BodySender { sender }, Parts { receiver, finished: false })
}

/// The fed end.
pub(crate) struct Parts {
    receiver: mpsc::Receiver<Part>,
    finished: bool,
}

#[derive(Debug)]
enum Part {
    Frame(Frame<Bytes>),
    Failed(NetError),
    Finished,
}

impl HttpBody for Parts {
    type Data = Bytes;
    type Error = NetError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, NetError>>> {
        if self.finished {
            return Poll::Ready(None);
        }
        let part = ready!(self.receiver.poll_recv(cx));
        self.finished = !matches!(part, Some(Part::Frame(_)));
        Poll::Ready(match part {
            Some(Part::Frame(frame)) => Some(Ok(frame)),
            Some(Part::Failed(error)) => Some(Err(error)),
            Some(Part::Finished) => None,
            // The sender vanished without saying that this was all.
            None => Some(Err(NetError::ClosedEarly { what: "the body" })),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::Body;

    #[tokio::test]
    async fn a_channel_is_complete_only_when_finished() {
        let (sender, body) = Body::channel(4);
        sender.send("one ").await.unwrap();
        sender.send("two").await.unwrap();
        sender.finish().await.unwrap();
        assert_eq!(body.collect(100).await.unwrap(), "one two");

        let (sender, body) = Body::channel(4);
        sender.send("one").await.unwrap();
        drop(sender);
        assert_eq!(body.collect(100).await, Err(NetError::ClosedEarly { what: "the body" }));

        let (sender, body) = Body::channel(4);
        sender.fail(NetError::Unsent).await.unwrap();
        assert_eq!(body.collect(100).await, Err(NetError::Unsent));

        let (sender, body) = Body::channel(4);
        drop(body);
        assert_eq!(sender.send("x").await, Err(NetError::ClosedEarly { what: "the body" }));
    }
}
