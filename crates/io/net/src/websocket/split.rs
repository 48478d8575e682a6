//! A WebSocket in two halves, for two tasks.
//!
//! Both poll the one connection, one at a time; nobody keeps the lock while waiting. What a half leaves with the
//! stream wakes both, and who changes what the other may wait for, rings for it.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use gatepost_ws::close::Close;
use gatepost_ws::message::{Kind, Message};
use tokio::io::{AsyncRead, AsyncWrite};

use super::bell::Bell;
use super::ending::normal;
use super::engine::Engine;
use super::heard::{Heard, MessagePart, SocketEvent, Wanted};
use crate::error::NetError;
use crate::upgrade::Duplex;

/// The half that receives. It also answers Pings and Closes, keeps the connection alive, and ends it in order: it is
/// to be polled to the end. Its futures may be dropped at any time.
pub struct Receiver<S = Duplex> {
    shared: Arc<Shared<S>>,
    is_over: bool,
}

/// The half that sends. Its futures may be dropped at any time: a message is then sent whole or not at all.
pub struct Sender<S = Duplex>(Arc<Shared<S>>);

/// What the sending half waits for.
type Polled<S> = fn(&mut Engine<S>, &mut Context<'_>) -> Poll<Result<(), NetError>>;

struct Shared<S> {
    engine: Mutex<Engine<S>>,
    bell: Arc<Bell>,
    /// Rings the bell.
    both: Waker,
}

pub(super) fn split<S>(engine: Engine<S>) -> (Receiver<S>, Sender<S>) {
    let bell = Arc::new(Bell::default());
    let both = Waker::from(Arc::clone(&bell));
    let shared = Arc::new(Shared { engine: Mutex::new(engine), bell, both });
    (Receiver { shared: Arc::clone(&shared), is_over: false }, Sender(shared))
}

/// The connection again, of two halves of one; both, if they are of two.
pub(super) fn join<S>(receiver: Receiver<S>, sender: Sender<S>) -> Result<Engine<S>, (Receiver<S>, Sender<S>)> {
    if !Arc::ptr_eq(&receiver.shared, &sender.0) {
        return Err((receiver, sender));
    }
    drop(sender);
    let is_over = receiver.is_over;
    match Arc::try_unwrap(receiver.shared) {
        Ok(shared) => Ok(shared.engine.into_inner().unwrap_or_else(PoisonError::into_inner)),
        // There are two halves, and both were here.
        Err(shared) => Err((Receiver { shared: Arc::clone(&shared), is_over }, Sender(shared))),
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Receiver<S> {
    /// The next message; `None` after an end in order.
    ///
    /// # Errors
    /// As [`MessageSocket::receive`](super::socket::MessageSocket::receive).
    pub async fn receive(&mut self) -> Result<Option<Message>, NetError> {
        poll_fn(|cx| self.poll_receive(cx)).await
    }

    /// The next part of a message, as soon as it comes.
    ///
    /// # Errors
    /// As [`MessageSocket::receive_part`](super::socket::MessageSocket::receive_part).
    pub async fn receive_part(&mut self) -> Result<Option<MessagePart>, NetError> {
        poll_fn(|cx| self.shared.poll_until(cx, Wanted::Parts, Heard::part)).await
    }

    /// The next message or control frame.
    ///
    /// # Errors
    /// As [`MessageSocket::receive_event`](super::socket::MessageSocket::receive_event).
    pub async fn receive_event(&mut self) -> Result<Option<SocketEvent>, NetError> {
        poll_fn(|cx| self.shared.poll_until(cx, Wanted::Events, Heard::event)).await
    }

    /// What the peer's Close said; `None` if none has come, or an empty one.
    #[must_use]
    pub fn closed(&self) -> Option<Close> {
        self.shared.lock().closed.clone()
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>, NetError>> {
        self.shared.poll_until(cx, Wanted::Messages, Heard::message)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Sender<S> {
    /// Sends a message, and waits until the stream has taken it.
    ///
    /// # Errors
    /// As [`MessageSocket::send`](super::socket::MessageSocket::send).
    pub async fn send(&mut self, message: Message) -> Result<(), NetError> {
        self.feed(message).await?;
        self.flush().await
    }

    /// Takes a message to be written with the next [`flush`](Self::flush) or [`send`](Self::send).
    ///
    /// # Errors
    /// As [`MessageSocket::feed`](super::socket::MessageSocket::feed).
    pub async fn feed(&mut self, message: Message) -> Result<(), NetError> {
        self.ready().await?;
        self.0.start(|engine| engine.start_send(message))
    }

    /// Writes all that was taken.
    ///
    /// # Errors
    /// As [`MessageSocket::flush`](super::socket::MessageSocket::flush).
    pub async fn flush(&mut self) -> Result<(), NetError> {
        poll_fn(|cx| self.0.poll_sending(cx, Engine::poll_flush)).await
    }

    /// Sends a part of a message as one frame.
    ///
    /// # Errors
    /// As [`MessageSocket::send_part`](super::socket::MessageSocket::send_part).
    pub async fn send_part(&mut self, kind: Kind, payload: Bytes, last: bool) -> Result<(), NetError> {
        self.ready().await?;
        self.0.start(|engine| engine.start_send_part(kind, payload, last))?;
        self.flush().await
    }

    /// Sends a Ping.
    ///
    /// # Errors
    /// As [`MessageSocket::ping`](super::socket::MessageSocket::ping).
    pub async fn ping(&mut self, payload: &[u8]) -> Result<(), NetError> {
        self.ready().await?;
        self.0.start(|engine| engine.start_ping(payload))?;
        self.flush().await
    }

    /// Sends a Pong that answers nothing.
    ///
    /// # Errors
    /// As [`MessageSocket::pong`](super::socket::MessageSocket::pong).
    pub async fn pong(&mut self, payload: &[u8]) -> Result<(), NetError> {
        self.ready().await?;
        self.0.start(|engine| engine.start_pong(payload))?;
        self.flush().await
    }

    /// Sends a Close, with a code or empty. The receiving half gives what still comes, and then `None`. Does nothing
    /// if an end has begun.
    ///
    /// # Errors
    /// As [`MessageSocket::start_close`](super::socket::MessageSocket::start_close).
    pub async fn start_close(&mut self, close: Option<&Close>) -> Result<(), NetError> {
        self.0.start(|engine| engine.start_close(close))?;
        self.flush().await
    }

    async fn ready(&mut self) -> Result<(), NetError> {
        poll_fn(|cx| self.0.poll_sending(cx, Engine::poll_ready)).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Shared<S> {
    /// Polls for the receiving half.
    fn poll_until<T>(
        &self,
        cx: &mut Context<'_>,
        wanted: Wanted,
        kept: fn(Heard) -> Option<T>,
    ) -> Poll<Result<Option<T>, NetError>> {
        self.bell.receiver_waits(cx.waker());
        let mut writes = Context::from_waker(&self.both);
        let mut engine = self.lock();
        let before = engine.sign();
        let polled = engine.poll_until(cx, &mut writes, wanted, kept);
        let after = engine.sign();
        drop(engine);
        if after != before {
            self.bell.ring_sender();
        }
        polled
    }

    /// Polls for the sending half.
    fn poll_sending(&self, cx: &mut Context<'_>, poll: Polled<S>) -> Poll<Result<(), NetError>> {
        self.bell.sender_waits(cx.waker());
        let mut writes = Context::from_waker(&self.both);
        let mut engine = self.lock();
        let (_, was_open) = engine.sign();
        let polled = poll(&mut engine, &mut writes);
        let (_, is_open) = engine.sign();
        drop(engine);
        if was_open != is_open {
            self.bell.ring_receiver();
        }
        polled
    }

    /// Does what does not wait, for the sending half.
    fn start(&self, start: impl FnOnce(&mut Engine<S>) -> Result<(), NetError>) -> Result<(), NetError> {
        let mut engine = self.lock();
        let (close_by, worked) = (engine.close_by, engine.worked);
        let done = start(&mut engine);
        let is_due = engine.close_by != close_by || (worked.is_none() && engine.worked.is_some());
        drop(engine);
        if is_due {
            // It looks at the clock now.
            self.bell.ring_receiver();
        }
        done
    }
}

impl<S> Shared<S> {
    /// A panic of the stream below poisons nothing that is not judged anew by the next call.
    fn lock(&self) -> MutexGuard<'_, Engine<S>> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for Receiver<S> {
    type Item = Result<Message, NetError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let next = ready!(self.poll_receive(cx)).transpose();
        self.is_over = !matches!(next, Some(Ok(_)));
        Poll::Ready(next)
    }
}

/// Closing sends 1000; the receiving half waits for the answer.
impl<S: AsyncRead + AsyncWrite + Unpin> Sink<Message> for Sender<S> {
    type Error = NetError;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), NetError>> {
        self.0.poll_sending(cx, Engine::poll_ready)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), NetError> {
        self.0.start(|engine| engine.start_send(message))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), NetError>> {
        self.0.poll_sending(cx, Engine::poll_flush)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), NetError>> {
        self.0.start(|engine| engine.start_close(Some(&normal())))?;
        self.0.poll_sending(cx, Engine::poll_flush)
    }
}

impl<S> fmt::Debug for Receiver<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receiver")
    }
}

impl<S> fmt::Debug for Sender<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender")
    }
}
