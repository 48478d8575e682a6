//! The WebSocket echo: every text and binary message comes back.

use std::time::Duration;

use gatepost::clock;
use gatepost::model::time::Timestamp;
use gatepost::net::body::Body;
use gatepost::net::upgrade::{self, Duplex};
use gatepost::server::denied::Denied;
use gatepost::server::respond::{Reader, respond};
use gatepost::ws::error::WsError;
use gatepost::ws::frame::{self, Opcode};
use gatepost::ws::handshake::offer::Offer;
use gatepost::ws::message::{Assembler, Said, close_code};
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
    let fields = offer.and_then(|offer| offer.answer(None));
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
    let mut assembler = Assembler::new(LONGEST);
    let mut held = Vec::new();
    let mut chunk = [0_u8; CHUNK];
    loop {
        loop {
            match next(&mut held, &mut assembler) {
                Ok(None) => break,
                Ok(Some((octets, ends))) => {
                    if stream.write_all(&octets).await.is_err() || ends {
                        let _ = stream.shutdown().await;
                        return;
                    }
                }
                Err(error) => {
                    let _ =
                        stream.write_all(&frame::write(Opcode::Close, &close_code(&error).number().to_be_bytes())).await;
                    let _ = stream.shutdown().await;
                    return;
                }
            }
        }
        match tokio::time::timeout(SILENCE, stream.read(&mut chunk)).await {
            Ok(Ok(read)) if read > 0 => held.extend_from_slice(chunk.get(..read).unwrap_or_default()),
            _ => return,
        }
    }
}

/// Takes whole frames out of what was read; gives what to send, and whether that is the end.
/// `None` if more has to be read.
fn next(held: &mut Vec<u8>, assembler: &mut Assembler) -> Result<Option<(Vec<u8>, bool)>, WsError> {
    // A control frame may come between the parts of a message that is nearly full.
    while let Some((frame, taken)) = frame::read(held, assembler.room().max(125))? {
        held.drain(..taken);
        let answer = match assembler.take(frame)? {
            None | Some(Said::Pong(_)) => continue,
            Some(Said::Text(text)) => (frame::write(Opcode::Text, text.as_bytes()), false),
            Some(Said::Binary(octets)) => (frame::write(Opcode::Binary, &octets), false),
            Some(Said::Ping(octets)) => (frame::write(Opcode::Pong, &octets), false),
            Some(Said::Close(close)) => {
                let code = close.map(|close| close.code.number().to_be_bytes());
                (frame::write(Opcode::Close, code.as_ref().map_or(&[], |code| code.as_slice())), true)
            }
        };
        return Ok(Some(answer));
    }
    Ok(None)
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
        let answer = [
            frame::write(Opcode::Pong, b"?"),
            frame::write(Opcode::Text, b"Hello"),
            frame::write(Opcode::Binary, &[0, 255]),
            frame::write(Opcode::Close, b"\x03\xe8"),
        ];
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
            assert_eq!(talk(&[said]).await, frame::write(Opcode::Close, &code.to_be_bytes()));
        }
    }
}
