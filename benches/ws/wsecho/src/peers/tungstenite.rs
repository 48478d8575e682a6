//! tokio-tungstenite with its own settings.

use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::handshake::Deflate;
use crate::peers::streams;

pub fn start(stream: TcpStream, _: Deflate) {
    tokio::task::spawn_local(async move { streams::plain(socket(stream).await, is_data).await });
}

pub fn start_batched(stream: TcpStream, _: Deflate) {
    tokio::task::spawn_local(async move { streams::batched(socket(stream).await, is_data).await });
}

async fn socket(stream: TcpStream) -> WebSocketStream<TcpStream> {
    WebSocketStream::from_raw_socket(stream, Role::Server, None).await
}

fn is_data(message: &Message) -> bool {
    message.is_text() || message.is_binary()
}
