//! sockudo-ws with its own settings. Batched is the loop of its README: `feed` alone, because its `next` flushes.

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use sockudo_ws::deflate::DeflateConfig;
use sockudo_ws::{CompressedWebSocketStream, Config, Message, WebSocketStream};
use tokio::net::TcpStream;

use crate::handshake::Deflate;
use crate::peers::streams;

pub fn start(stream: TcpStream, deflate: Deflate) {
    match terms(deflate) {
        None => tokio::task::spawn_local(streams::plain(plain(stream), is_data)),
        Some(terms) => tokio::task::spawn_local(streams::plain(compressed(stream, terms), is_data)),
    };
}

pub fn start_batched(stream: TcpStream, deflate: Deflate) {
    match terms(deflate) {
        None => tokio::task::spawn_local(fed(plain(stream))),
        Some(terms) => tokio::task::spawn_local(fed(compressed(stream, terms))),
    };
}

/// Batched, and compressing as little as Gatepost does by itself.
pub fn start_level1(stream: TcpStream, deflate: Deflate) {
    let terms = DeflateConfig { compression_level: 1, ..terms(deflate).expect("only with deflate") };
    tokio::task::spawn_local(fed(compressed(stream, terms)));
}

async fn fed<S, E>(mut socket: S) -> Option<()>
where
    S: Stream<Item = Result<Message, E>> + Sink<Message> + Unpin,
{
    while let Some(message) = socket.next().await {
        let message = message.ok()?;
        if is_data(&message) {
            socket.feed(message).await.ok()?;
        }
    }
    Some(())
}

fn plain(stream: TcpStream) -> WebSocketStream<TcpStream> {
    WebSocketStream::server(stream, Config::default())
}

fn compressed(stream: TcpStream, terms: DeflateConfig) -> CompressedWebSocketStream<TcpStream> {
    CompressedWebSocketStream::server(stream, Config::default(), terms)
}

fn terms(deflate: Deflate) -> Option<DeflateConfig> {
    let fresh = deflate == Deflate::Fresh;
    let terms = DeflateConfig {
        server_no_context_takeover: fresh,
        client_no_context_takeover: fresh,
        ..DeflateConfig::default()
    };
    (deflate != Deflate::Off).then_some(terms)
}

fn is_data(message: &Message) -> bool {
    matches!(message, Message::Text(_) | Message::Binary(_))
}
