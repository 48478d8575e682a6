//! tokio-websockets. Batched with a flush threshold as high as Gatepost's own, or it would flush every 8 KiB.

use tokio::net::TcpStream;
use tokio_websockets::{Config, Message, ServerBuilder};

use crate::handshake::Deflate;
use crate::peers::streams;

pub fn start(stream: TcpStream, _: Deflate) {
    tokio::task::spawn_local(streams::plain(ServerBuilder::new().serve(stream), is_data));
}

pub fn start_batched(stream: TcpStream, _: Deflate) {
    let config = Config::default().flush_threshold(64 << 10);
    tokio::task::spawn_local(streams::gathered(ServerBuilder::new().config(config).serve(stream), is_data));
}

fn is_data(message: &Message) -> bool {
    message.is_text() || message.is_binary()
}
