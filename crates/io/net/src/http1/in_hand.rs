//! A request that a handler works at, as its connection sees it.

use std::task::{Context, Poll};

use tokio::io::AsyncRead;
use tokio::sync::oneshot;

use crate::error::NetError;
use crate::http1::answer::Asked;
use crate::http1::ear::Ear;
use crate::http1::incoming::{Fed, Feed};
use crate::upgrade::Duplex;

/// A request in the handler's hands.
pub(super) struct InHand {
    pub(super) asked: Asked,
    /// `None` if it has no body.
    pub(super) feed: Option<Feed>,
    /// Whether a 100 (Continue) is still owed.
    pub(super) owes_continue: bool,
    pub(super) promise: Option<oneshot::Sender<Duplex>>,
}

impl InHand {
    /// Feeds the handler what it may still read of the body; meanwhile the connection may break. Gives whether
    /// the handler has something new to read.
    pub(super) fn poll_attend<I>(
        &mut self,
        cx: &mut Context<'_>,
        ear: &mut Ear,
        stream: &mut I,
    ) -> Result<bool, NetError>
    where
        I: AsyncRead + Unpin,
    {
        let fed = match &mut self.feed {
            Some(feed) => feed.poll_attend(cx, ear, stream),
            None => ear.poll_broken(cx, stream).map(Fed::Broken),
        };
        match fed {
            Poll::Pending => Ok(false),
            Poll::Ready(Fed::Part) => Ok(true),
            Poll::Ready(Fed::Broken(error)) => Err(error),
        }
    }
}
