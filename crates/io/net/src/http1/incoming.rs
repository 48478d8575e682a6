//! A request's body on its way from the connection to the handler.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use gatepost_http::error::HttpError;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::io::AsyncRead;
use tokio::sync::{mpsc, oneshot};

use crate::error::NetError;
use crate::explain;
use crate::http1::ear::{Deaf, Ear, Heard};

/// What the handler reads. It says when it is read for the first time.
pub(super) struct Incoming {
    parts: mpsc::Receiver<Part>,
    wanted: Option<oneshot::Sender<()>>,
    left: Option<u64>,
    ended: bool,
}

/// What feeds it.
pub(super) struct Feed {
    sender: mpsc::Sender<Part>,
}

enum Part {
    Data(Bytes),
    Failed(NetError),
    Finished(Option<HeaderMap>),
}

/// A body of `length` octets, if that is known; the receiver hears when it is first read.
pub(super) fn incoming(length: Option<u64>) -> (Feed, Incoming, oneshot::Receiver<()>) {
    // One piece waits: the connection is read only as fast as the handler reads.
    let (sender, parts) = mpsc::channel(1);
    let (want, wanted) = oneshot::channel();
    let body = Incoming { parts, wanted: Some(want), left: length, ended: false };
    (Feed { sender }, body, wanted)
}

impl Feed {
    /// Whether nobody reads the body any more.
    pub(super) fn is_unwanted(&self) -> bool {
        self.sender.is_closed()
    }

    /// Feeds the body to its end, then watches the connection: ends only when that breaks. May be
    /// dropped and called again.
    pub(super) async fn attend<I: AsyncRead>(&self, ear: &mut Ear<I>) -> NetError {
        while !ear.is_between() {
            let Ok(room) = self.sender.reserve().await else { break };
            match ear.next().await {
                Ok(Heard::Data(data)) => room.send(Part::Data(data)),
                Ok(Heard::End(trailers)) => room.send(Part::Finished(trailers)),
                Err(Deaf::Broken(error)) => {
                    room.send(Part::Failed(error.clone()));
                    return error;
                }
                Err(Deaf::Faulty(error)) => {
                    room.send(Part::Failed(faulty(error)));
                    // The handler answers for it; then the connection closes.
                    return std::future::pending().await;
                }
                Ok(Heard::Head { .. } | Heard::Closed) => break,
            }
        }
        ear.watch().await
    }
}

/// What a client's broken body means to whoever reads it: never that someone else broke the rules.
fn faulty(error: HttpError) -> NetError {
    match error {
        HttpError::Truncated => explain::http1(error),
        other => NetError::BodySource { detail: other.to_string() },
    }
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = NetError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, NetError>>> {
        if let Some(wanted) = self.wanted.take() {
            // Nobody listens if the client did not ask.
            let _ = wanted.send(());
        }
        if self.ended || self.left == Some(0) {
            return Poll::Ready(None);
        }
        Poll::Ready(match ready!(self.parts.poll_recv(cx)) {
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
