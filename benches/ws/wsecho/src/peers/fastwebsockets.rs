//! fastwebsockets. It has no batched mode; the one here is what its split halves and a buffered writer make possible.

use std::pin::pin;

use fastwebsockets::{FragmentCollector, FragmentCollectorRead, Frame, OpCode, Role, WebSocket, WebSocketError};
use futures_util::FutureExt;
use tokio::io::BufWriter;
use tokio::net::TcpStream;

use crate::handshake::Deflate;

pub fn start(stream: TcpStream, _: Deflate) {
    tokio::task::spawn_local(plain(stream));
}

pub fn start_batched(stream: TcpStream, _: Deflate) {
    tokio::task::spawn_local(batched(stream));
}

async fn plain(stream: TcpStream) -> Option<()> {
    let mut socket = FragmentCollector::new(WebSocket::after_handshake(stream, Role::Server));
    loop {
        let frame = socket.read_frame().await.ok()?;
        match frame.opcode {
            OpCode::Close => return None,
            OpCode::Text | OpCode::Binary => socket.write_frame(frame).await.ok()?,
            _ => {}
        }
    }
}

async fn batched(stream: TcpStream) -> Option<()> {
    let socket = WebSocket::after_handshake(stream, Role::Server);
    let (reader, mut writer) = socket.split(|stream| {
        let (read, write) = stream.into_split();
        (read, BufWriter::with_capacity(64 << 10, write))
    });
    let mut reader = FragmentCollectorRead::new(reader);
    // A Pong would have to take turns with the echo; the load sends no Ping.
    let mut no_answers = |_: Frame<'_>| async { Ok::<_, WebSocketError>(()) };
    loop {
        let frame = {
            let mut next = pin!(reader.read_frame(&mut no_answers));
            match next.as_mut().now_or_never() {
                Some(frame) => frame,
                None => {
                    writer.flush().await.ok()?;
                    next.await
                }
            }
        };
        let frame = frame.ok()?;
        match frame.opcode {
            OpCode::Close => return None,
            OpCode::Text | OpCode::Binary => writer.write_frame(frame).await.ok()?,
            _ => {}
        }
    }
}
