//! A WebSocket of messages.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use gatepost_ws::close::{Close, CloseCode};
use gatepost_ws::deflate::agreed::Agreed;
use gatepost_ws::message::{Kind, Message};
use gatepost_ws::role::Role;
use tokio::io::{AsyncRead, AsyncWrite};

use super::ending::normal;
use super::engine::Engine;
use super::heard::{Heard, MessagePart, SocketEvent, Wanted};
use super::settings::Settings;
use super::split::{self, Receiver, Sender};
use crate::error::NetError;
use crate::upgrade::Duplex;

/// One end of a WebSocket whose handshake is done.
///
/// - Pings are answered, Closes too, and what waits is written, while somebody receives: receive to the end.
/// - `None` is the end in order, after a Close from the peer; [`closed`](Self::closed) says what it said. Any other
///   end is an error, [`NetError::Abrupt`] if the stream just stopped: what came before may not be all.
/// - Every future may be dropped at any time. A message is then sent whole or not at all, and none that came is lost.
/// - Messages share the buffer that they were read into: who keeps a small one for long, copies it.
///
/// It owns no buffer while nothing is under way, and has no task of its own.
///
/// ```
/// # use gatepost_net::error::NetError;
/// # use gatepost_net::websocket::{settings::Settings, socket::MessageSocket};
/// # use gatepost_ws::{message::Message, role::Role};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), NetError> {
/// let (near, far) = tokio::io::duplex(1024);
/// let mut client = MessageSocket::new(near, Role::Client, None, Settings::default());
/// let mut server = MessageSocket::new(far, Role::Server, None, Settings::default());
///
/// client.send(Message::from("Hello")).await?;
/// while let Some(message) = server.receive().await? {
///     assert_eq!(message, Message::from("Hello"));
/// #   break;
/// }
/// # Ok(()) }
/// ```
pub struct MessageSocket<S = Duplex> {
    engine: Engine<S>,
    /// For the stream of messages, which ends after its error.
    is_over: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> MessageSocket<S> {
    /// A socket over a stream on which the handshake is done, with the compression that was agreed on there.
    #[must_use]
    pub fn new(stream: S, role: Role, deflate: Option<&Agreed>, settings: Settings) -> Self {
        Self { engine: Engine::new(stream, role, deflate, settings), is_over: false }
    }

    /// The next message; `None` after an end in order.
    ///
    /// # Errors
    /// [`NetError::Abrupt`], [`NetError::WebSocket`] when the peer broke a rule or a bound (it was told so),
    /// [`NetError::Timeout`] when it was silent or read nothing for too long; [`NetError::Request`] in the middle of
    /// a message whose beginning was received as [parts](Self::receive_part).
    pub async fn receive(&mut self) -> Result<Option<Message>, NetError> {
        poll_fn(|cx| self.poll_receive(cx)).await
    }

    /// The next part of a message, as soon as it comes: no message is kept in memory, and
    /// [`Limits::message`](gatepost_ws::limits::Limits::message) still holds. `None` after an end in order.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub async fn receive_part(&mut self) -> Result<Option<MessagePart>, NetError> {
        poll_fn(|cx| self.poll_part(cx)).await
    }

    /// The next message or control frame. A Close is told before `None`.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub async fn receive_event(&mut self) -> Result<Option<SocketEvent>, NetError> {
        poll_fn(|cx| self.poll_until(cx, Wanted::Events, Heard::event)).await
    }

    /// Sends a message, and waits until the stream has taken it.
    ///
    /// While whole messages wait to be received, it may be left to be written with what is sent in answer to them
    /// ([`Settings::coalesce`]): the next [`receive`](Self::receive) that has to wait, writes it. Who stops receiving,
    /// [flushes](Self::flush).
    ///
    /// # Errors
    /// [`NetError::WebSocket`] once an end has begun, and between the parts of another message;
    /// [`NetError::Timeout`] when the peer reads nothing for [`Settings::send_time`]; [`NetError::Abrupt`].
    pub async fn send(&mut self, message: Message) -> Result<(), NetError> {
        if !self.engine.is_ready() {
            poll_fn(|cx| self.engine.poll_ready(cx)).await?;
        }
        self.engine.start_send(message)?;
        if self.engine.may_wait() {
            return Ok(());
        }
        poll_fn(|cx| self.engine.poll_flush(cx)).await
    }

    /// Takes a message to be written with the next [`flush`](Self::flush), [`send`](Self::send) or
    /// [`receive`](Self::receive) that has to wait. Waits while more than [`Settings::high_water`] is to be written.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn feed(&mut self, message: Message) -> Result<(), NetError> {
        poll_fn(|cx| self.engine.poll_ready(cx)).await?;
        self.engine.start_send(message)
    }

    /// Writes all that was taken.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn flush(&mut self) -> Result<(), NetError> {
        poll_fn(|cx| self.engine.poll_flush(cx)).await
    }

    /// Sends a part of a message as one frame; `last` ends the message. A part of a text may end within a character.
    ///
    /// # Errors
    /// As [`send`](Self::send), and for a part of another kind than its message.
    pub async fn send_part(&mut self, kind: Kind, payload: Bytes, last: bool) -> Result<(), NetError> {
        poll_fn(|cx| self.engine.poll_ready(cx)).await?;
        self.engine.start_send_part(kind, payload, last)?;
        self.flush_unless_waiting().await
    }

    /// Sends a Ping of at most 125 octets. The answer is seen by [`receive_event`](Self::receive_event).
    ///
    /// # Errors
    /// As [`send`](Self::send), and for a longer payload.
    pub async fn ping(&mut self, payload: &[u8]) -> Result<(), NetError> {
        poll_fn(|cx| self.engine.poll_ready(cx)).await?;
        self.engine.start_ping(payload)?;
        self.flush().await
    }

    /// Sends a Pong of at most 125 octets that answers nothing (RFC 6455 §5.5.3).
    ///
    /// # Errors
    /// As [`ping`](Self::ping).
    pub async fn pong(&mut self, payload: &[u8]) -> Result<(), NetError> {
        poll_fn(|cx| self.engine.poll_ready(cx)).await?;
        self.engine.start_pong(payload)?;
        self.flush().await
    }

    /// Ends the connection in order: sends a Close, passes over what still comes until the peer's Close, and ends the
    /// stream, a server first (RFC 6455 §7.1.1). Takes at most [`Settings::close_time`] until the
    /// peer's Close, and as long again until the end of the stream. Call
    /// [`start_close`](Self::start_close) to receive what still comes.
    ///
    /// # Errors
    /// [`NetError::Timeout`] if the peer does not answer, [`NetError::Abrupt`] if it is gone, and what ended the
    /// connection before; [`NetError::WebSocket`] for a reason of more than 123 octets, and then nothing was sent.
    pub async fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), NetError> {
        self.engine.start_close(Some(&Close { code, reason: reason.to_owned() }))?;
        poll_fn(|cx| self.poll_closed(cx)).await
    }

    /// Sends a Close, with a code or empty, and does not wait: [`receive`](Self::receive) gives what still comes, and
    /// then `None`. Does nothing if an end has begun.
    ///
    /// # Errors
    /// As [`close`](Self::close).
    pub async fn start_close(&mut self, close: Option<&Close>) -> Result<(), NetError> {
        self.engine.start_close(close)?;
        self.flush().await
    }

    /// What the peer's Close said; `None` if none has come, or an empty one.
    #[must_use]
    pub fn closed(&self) -> Option<&Close> {
        self.engine.closed.as_ref()
    }

    /// The stream below.
    #[must_use]
    pub fn stream(&self) -> &S {
        &self.engine.stream
    }

    /// Two halves for two tasks.
    #[must_use]
    pub fn split(self) -> (Receiver<S>, Sender<S>) {
        split::split(self.engine)
    }

    /// The whole again, of two halves.
    ///
    /// # Errors
    /// Both halves, if they are of two sockets.
    pub fn reunite(receiver: Receiver<S>, sender: Sender<S>) -> Result<Self, (Receiver<S>, Sender<S>)> {
        split::join(receiver, sender).map(|engine| Self { engine, is_over: false })
    }

    pub(super) fn engine(&mut self) -> &mut Engine<S> {
        &mut self.engine
    }

    pub(super) fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<MessagePart>, NetError>> {
        self.poll_until(cx, Wanted::Parts, Heard::part)
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>, NetError>> {
        self.poll_until(cx, Wanted::Messages, Heard::message)
    }

    #[inline]
    fn poll_until<T>(
        &mut self,
        cx: &mut Context<'_>,
        wanted: Wanted,
        kept: fn(Heard) -> Option<T>,
    ) -> Poll<Result<Option<T>, NetError>> {
        let mut writes = Context::from_waker(cx.waker());
        self.engine.poll_until(cx, &mut writes, wanted, kept)
    }

    /// Ready when the connection has ended; passes over what still comes.
    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), NetError>> {
        while ready!(self.poll_part(cx))?.is_some() {}
        Poll::Ready(Ok(()))
    }

    async fn flush_unless_waiting(&mut self) -> Result<(), NetError> {
        if self.engine.may_wait() {
            return Ok(());
        }
        self.flush().await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for MessageSocket<S> {
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

/// Flushing here is flushing: unlike [`send`](MessageSocket::send) nothing is left for later. Closing sends 1000 and
/// waits for the answer.
impl<S: AsyncRead + AsyncWrite + Unpin> Sink<Message> for MessageSocket<S> {
    type Error = NetError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), NetError>> {
        self.engine.poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), NetError> {
        self.engine.start_send(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), NetError>> {
        self.engine.poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), NetError>> {
        self.engine.start_close(Some(&normal()))?;
        self.poll_closed(cx)
    }
}

impl<S> fmt::Debug for MessageSocket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MessageSocket")
    }
}
