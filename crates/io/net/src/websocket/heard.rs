//! What comes out of a WebSocket.

use std::fmt;

use bytes::Bytes;
use gatepost_ws::close::Close;
use gatepost_ws::message::{Kind, Message};

/// A part of a message, as it arrived: nothing is said about where the peer cut its frames.
#[derive(Clone, PartialEq, Eq)]
pub struct MessagePart {
    /// The message's kind. A text's parts together are UTF-8; a character may be cut in two between them.
    pub kind: Kind,
    /// Octets of the message before this part; 0 begins a message.
    pub offset: u64,
    /// Its octets; empty only if it is the last.
    pub data: Bytes,
    /// Whether the message ends with it.
    pub last: bool,
}

/// All that a peer can say, for who wants to see control frames too.
#[derive(Clone, PartialEq, Eq)]
pub enum SocketEvent {
    /// A whole message.
    Message(Message),
    /// A Ping; the socket answers it.
    Ping(Bytes),
    /// A Pong, asked for or not.
    Pong(Bytes),
    /// The peer's Close; the socket answers it. Nothing but the end follows.
    Close(Option<Close>),
}

/// What a caller wants to have made of what comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Whole messages.
    Messages,
    /// Parts as they come.
    Parts,
    /// Whole messages and control frames.
    Events,
}

/// What came in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A whole message.
    Message(Message),
    /// A part of one.
    Part(MessagePart),
    /// A Ping or Pong, with what it says if somebody wants to know.
    Control(Option<SocketEvent>),
    /// The peer's Close.
    Close(Option<Close>),
}

impl Heard {
    pub(super) fn message(self) -> Option<Message> {
        match self {
            Self::Message(message) => Some(message),
            _ => None,
        }
    }

    pub(super) fn part(self) -> Option<MessagePart> {
        match self {
            Self::Part(part) => Some(part),
            _ => None,
        }
    }

    pub(super) fn event(self) -> Option<SocketEvent> {
        match self {
            Self::Message(message) => Some(SocketEvent::Message(message)),
            Self::Control(event) => event,
            Self::Close(close) => Some(SocketEvent::Close(close)),
            Self::Part(_) => None,
        }
    }
}

/// Without what is said.
impl fmt::Debug for MessagePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessagePart")
            .field("kind", &self.kind)
            .field("offset", &self.offset)
            .field("last", &self.last)
            .field("octets", &self.data.len())
            .finish()
    }
}

/// Without what is said.
impl fmt::Debug for SocketEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => message.fmt(f),
            Self::Ping(payload) => write!(f, "Ping({} octets)", payload.len()),
            Self::Pong(payload) => write!(f, "Pong({} octets)", payload.len()),
            Self::Close(close) => f.debug_tuple("Close").field(close).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use gatepost_ws::close::CloseCode;

    use super::*;

    #[test]
    fn what_is_said_is_not_shown() {
        let said = Bytes::from_static(b"hush");
        let part = MessagePart { kind: Kind::Text, offset: 0, data: said.clone(), last: true };
        let close = Close { code: CloseCode::NORMAL, reason: "hush".into() };
        let closed = "Close(Some(Close { code: CloseCode(1000), reason: 4 octets }))";
        let table = [
            (format!("{part:?}"), "MessagePart { kind: Text, offset: 0, last: true, octets: 4 }"),
            (format!("{:?}", SocketEvent::Message("hush".into())), "Text(4 octets)"),
            (format!("{:?}", SocketEvent::Ping(said.clone())), "Ping(4 octets)"),
            (format!("{:?}", SocketEvent::Pong(said)), "Pong(4 octets)"),
            (format!("{:?}", SocketEvent::Close(Some(close.clone()))), closed),
            (format!("{:?}", Heard::Close(Some(close))), closed),
        ];
        for (shown, expected) in table {
            assert_eq!(shown, expected);
        }
    }
}
