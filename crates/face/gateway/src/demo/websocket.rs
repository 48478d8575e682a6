//! The WebSocket echo: every text and binary message comes back.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use gatepost::clock;
use gatepost::model::time::Timestamp;
use gatepost::net::body::Body;
use gatepost::net::upgrade::{self, Duplex};
use gatepost::server::denied::Denied;
use gatepost::server::respond::{Reader, respond};
use gatepost::ws::assembler::Assembler;
use gatepost::ws::closing::State;
use gatepost::ws::connection::Connection;
use gatepost::ws::deflate::contexts::Contexts;
use gatepost::ws::error::WsError;
use gatepost::ws::event::Event;
use gatepost::ws::handshake::offer::{Agreement, Offer};
use gatepost::ws::limits::Limits;
use gatepost::ws::mask::Mask;
use gatepost::ws::message::Message;
use gatepost::ws::role::Role;
use gatepost::ws::scratch::Scratch;
use http::{Request, Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The longest message that is echoed.
const LONGEST: usize = 64 * 1024;
/// How long a client may be silent.
const SILENCE: Duration = Duration::from_secs(300);
/// Octets read at a time.
const CHUNK: usize = 4096;

/// Opens the WebSocket that `request` asks for, or says that this is where one could be.
pub(super) fn answer(request: &mut Request<Body>, expires: Option<Timestamp>) -> Response<Body> {
    let offer = Offer::of_request(request.method(), request.version(), request.headers());
    let fields = offer.and_then(|offer| offer.answer(&Agreement::default()));
    let (Some(upgrade), Ok(fields)) = (upgrade::take_request(request), fields) else {
        return respond(&Denied::UpgradeRequired("websocket"), Reader::of(request.headers()));
    };
    tokio::spawn(async move {
        let Ok(stream) = upgrade.await else { return };
        let echoing = echo(stream);
        // A credential that ends, ends what it opened.
        match expires {
            None => echoing.await,
            Some(end) => drop(tokio::time::timeout(end.since(clock::now()), echoing).await),
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = fields;
    response
}

/// Echoes until either end has enough. Errors of the stream just end it: there is nobody to tell.
async fn echo(mut stream: Duplex) {
    let (mut echo, mut answers) = (Echo::new(), BytesMut::new());
    let mut chunk = [0_u8; CHUNK];
    while echo.connection.state() == State::Open {
        let Ok(Ok(read @ 1..)) = tokio::time::timeout(SILENCE, stream.read(&mut chunk)).await else { return };
        echo.take(chunk.get_mut(..read).unwrap_or_default(), &mut answers);
        if stream.write_all(&answers).await.is_err() {
            return;
        }
        answers.clear();
    }
    let _ = stream.shutdown().await;
}

/// What the echo of one client needs.
struct Echo {
    connection: Connection,
    assembler: Assembler,
    scratch: Scratch,
    contexts: Contexts,
    begun: Instant,
}

impl Echo {
    fn new() -> Self {
        Self {
            connection: Connection::new(Role::Server, None, Limits { message: LONGEST, ..Limits::default() }),
            assembler: Assembler::new(),
            scratch: Scratch::new(0),
            contexts: Contexts::default(),
            begun: Instant::now(),
        }
    }

    /// Takes what was read; appends what to send.
    fn take(&mut self, mut read: &mut [u8], answers: &mut BytesMut) {
        loop {
            let (taken, message) = match self.hear(read) {
                Ok(Some(heard)) => heard,
                Ok(None) => break,
                Err(error) => return self.connection.fail(&error, Mask::UNUSED, answers),
            };
            read = read.get_mut(taken..).unwrap_or_default();
            if let Some(message) = message {
                let (kind, payload) = (message.kind(), message.as_bytes());
                // Only a connection that is closed refuses, and hears nothing more.
                let _ = self.connection.send(kind, payload, Mask::UNUSED, &mut self.contexts, answers);
            }
            while self.connection.has_answer() {
                self.connection.answer(Mask::UNUSED, answers);
            }
        }
    }

    /// How much the next event took, and the message that ends with it; `None` if there is no more.
    fn hear(&mut self, read: &mut [u8]) -> Result<Option<(usize, Option<Message>)>, WsError> {
        let now = self.begun.elapsed();
        let received = self.connection.receive(read, &mut self.scratch, &mut self.contexts, now)?;
        Ok(match received.event {
            None => None,
            Some(Event::Part(part)) => Some((received.taken, self.assembler.push(&part))),
            Some(_) => Some((received.taken, None)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client's frame: masked with a key that is not nothing.
    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 4];
        let mut octets = vec![first, 0x80 | u8::try_from(payload.len()).unwrap()];
        octets.extend(mask);
        octets.extend(payload.iter().zip(mask.iter().cycle()).map(|(octet, key)| octet ^ key));
        octets
    }

    async fn talk(said: &[Vec<u8>]) -> Vec<u8> {
        let (mut client, server) = tokio::io::duplex(1024);
        let echoing = tokio::spawn(echo(Box::new(server)));
        client.write_all(&said.concat()).await.unwrap();
        client.shutdown().await.unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        echoing.await.unwrap();
        answer
    }

    #[tokio::test]
    async fn messages_in_parts_pings_and_the_end() {
        let said = [
            masked(0x01, b"Hel"),
            masked(0x89, b"?"),
            masked(0x80, b"lo"),
            masked(0x82, &[0, 255]),
            masked(0x88, b"\x03\xe8bye"),
        ];
        let answer: [&[u8]; 4] = [b"\x8a\x01?", b"\x81\x05Hello", b"\x82\x02\x00\xff", b"\x88\x02\x03\xe8"];
        assert_eq!(talk(&said).await, answer.concat());
    }

    #[tokio::test]
    async fn a_broken_rule_ends_it_with_its_code() {
        let table = [
            (masked(0x83, b""), 1002_u16),
            (masked(0x81, b"\xff"), 1007),
            (vec![0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0], 1009),
        ];
        for (said, code) in table {
            let answer = talk(&[said]).await;
            assert_eq!((answer.first(), answer.get(2..4)), (Some(&0x88), Some(code.to_be_bytes().as_slice())));
        }
    }
}
