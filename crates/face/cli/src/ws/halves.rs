//! The two halves of a socket of the library, in the words of a session.

use gatepost::net::error::NetError;
use gatepost::net::websocket::heard::SocketEvent;
use gatepost::net::websocket::socket::MessageSocket;
use gatepost::net::websocket::split::{Receiver, Sender};
use gatepost::ws::close::{Close, CloseCode};
use gatepost::ws::message::{Kind, Message};

use crate::error::CliError;
use crate::ws::said::{Goodbye, Said};
use crate::ws::wire::{Ear, Mouth};

/// The half that speaks.
pub(crate) struct Sending {
    sender: Sender,
    /// Whether the last thing that was said is a part of a message that has not ended.
    open: bool,
}

/// The half that hears.
pub(crate) struct Receiving(Receiver);

/// The halves of a socket.
pub(crate) fn halves(socket: MessageSocket) -> (Sending, Receiving) {
    let (receiver, sender) = socket.split();
    (Sending { sender, open: false }, Receiving(receiver))
}

impl Mouth for Sending {
    async fn say(&mut self, said: &Said) -> Result<(), CliError> {
        let sent = match said {
            Said::Text(text) => self.message(Message::from(text.as_str())).await,
            Said::Binary(octets) => self.message(Message::from(octets.clone())).await,
            Said::Fragment(text) => {
                let sent = self.sender.send_part(Kind::Text, Message::from(text.as_str()).into_bytes(), false).await;
                self.open |= sent.is_ok();
                sent
            }
            Said::Ping(payload) => self.sender.ping(payload).await,
            Said::Pong(payload) => self.sender.pong(payload).await,
            Said::Close(None) => self.sender.start_close(None).await,
            Said::Close(Some(goodbye)) => {
                let code = CloseCode::new(goodbye.code).ok_or_else(|| {
                    CliError::usage(format!("{} is never sent in a close", goodbye.code), "use 1000, or 3000 to 4999")
                })?;
                self.sender.start_close(Some(&Close { code, reason: goodbye.reason.clone() })).await
            }
        };
        sent.map_err(told)
    }
}

impl Sending {
    /// A message, or the end of the one whose parts were said before.
    async fn message(&mut self, message: Message) -> Result<(), NetError> {
        if !self.open {
            return self.sender.send(message).await;
        }
        let kind = message.kind();
        let sent = self.sender.send_part(kind, message.into_bytes(), true).await;
        // A message of the wrong kind ends nothing: the parts still wait for theirs.
        self.open = sent.is_err();
        sent
    }
}

impl Ear for Receiving {
    async fn hear(&mut self) -> Result<Option<Said>, CliError> {
        let event = self.0.receive_event().await.map_err(told)?;
        Ok(event.map(|event| match event {
            SocketEvent::Message(Message::Text(text)) => Said::Text(text.as_str().to_owned()),
            SocketEvent::Message(Message::Binary(octets)) => Said::Binary(octets.to_vec()),
            SocketEvent::Ping(payload) => Said::Ping(payload.to_vec()),
            SocketEvent::Pong(payload) => Said::Pong(payload.to_vec()),
            SocketEvent::Close(close) => {
                Said::Close(close.map(|close| Goodbye { code: close.code.number(), reason: close.reason }))
            }
        }))
    }
}

/// An end without a close is another thing than a broken rule.
fn told(error: NetError) -> CliError {
    match error {
        NetError::Abrupt => CliError::Broken { detail: "the other end is gone".into() },
        other => gatepost::Error::from(other).into(),
    }
}
