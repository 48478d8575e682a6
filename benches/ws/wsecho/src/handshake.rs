//! The opening handshake of both sides, the same for every peer, so that only the echo is measured.

use std::io::{Read, Write};
use std::net::TcpStream;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What is agreed on compression (RFC 7692 §7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deflate {
    Off,
    /// Both sides keep their contexts from message to message.
    Takeover,
    /// Each message is compressed by itself.
    Fresh,
}

impl Deflate {
    /// The value of `Sec-WebSocket-Extensions` that says so.
    pub fn extension(self) -> Option<&'static str> {
        match self {
            Self::Off => None,
            Self::Takeover => Some("permessage-deflate"),
            Self::Fresh => Some("permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
        }
    }

    fn field(self) -> String {
        self.extension().map(|value| format!("Sec-WebSocket-Extensions: {value}\r\n")).unwrap_or_default()
    }
}

/// The server's side. `None` if the client left, or spoke otherwise than `connect`.
pub async fn accept(stream: &mut tokio::net::TcpStream, deflate: Deflate) -> Option<()> {
    let (mut head, mut have) = ([0; 1024], 0);
    while !head[..have].ends_with(b"\r\n\r\n") {
        let more = stream.read(&mut head[have..]).await.ok()?;
        if more == 0 {
            return None;
        }
        have += more;
    }
    let text = std::str::from_utf8(&head[..have]).ok()?;
    let key = text.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))?;
    // RFC 6455 §4.2.2
    let digest = sha1_smol::Sha1::from(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")).digest().bytes();
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{}\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        deflate.field(),
        BASE64_STANDARD.encode(digest)
    );
    stream.write_all(answer.as_bytes()).await.ok()
}

/// The client's side.
pub fn connect(port: u16, deflate: Deflate) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
    stream.set_nodelay(true).expect("a socket");
    let request = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{}\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        deflate.field()
    );
    stream.write_all(request.as_bytes()).expect("a request is sent");
    let (mut head, mut have) = ([0; 1024], 0);
    while !head[..have].ends_with(b"\r\n\r\n") {
        let more = stream.read(&mut head[have..]).expect("an answer comes");
        assert!(more > 0, "the server left during the handshake");
        have += more;
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "the server refused");
    stream
}
