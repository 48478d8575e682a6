//! yawc with its own settings, and as its benchmark tunes it. UTF-8 is checked, which it leaves out by itself.

use futures_util::StreamExt;
use tokio::net::TcpStream;
use yawc::{CompressionLevel, Frame, OpCode, Options, Role, WebSocket};

use crate::handshake::Deflate;
use crate::peers::streams;

pub fn start(stream: TcpStream, deflate: Deflate) {
    let socket = socket(stream, deflate, Options::default());
    tokio::task::spawn_local(streams::plain(socket.map(Ok::<_, ()>), is_data));
}

/// The settings that its README names: 128 KiB to read into, 64 KiB before it writes, batches of up to 32.
pub fn start_tuned(stream: TcpStream, deflate: Deflate) {
    let options = Options::default().with_read_buffer_capacity(128 << 10).with_backpressure_boundary(64 << 10);
    let socket = socket(stream, deflate, options);
    tokio::task::spawn_local(streams::batched(socket.map(Ok::<_, ()>), is_data));
}

/// Tuned, and compressing as little as Gatepost does by itself.
pub fn start_level1(stream: TcpStream, deflate: Deflate) {
    let options = Options::default().with_read_buffer_capacity(128 << 10).with_backpressure_boundary(64 << 10);
    let options = options.with_utf8().with_compression_level(CompressionLevel::new(1));
    let options = if deflate == Deflate::Fresh { options.server_no_context_takeover() } else { options };
    let socket = WebSocket::from_stream_with_extensions(stream, Role::Server, deflate.extension(), options);
    tokio::task::spawn_local(streams::batched(socket.expect("fitting options").map(Ok::<_, ()>), is_data));
}

fn socket(stream: TcpStream, deflate: Deflate, options: Options) -> WebSocket<TcpStream> {
    let options = options.with_utf8();
    let options = match deflate {
        Deflate::Off => options,
        Deflate::Takeover => options.with_balanced_compression(),
        Deflate::Fresh => options.with_balanced_compression().server_no_context_takeover(),
    };
    WebSocket::from_stream_with_extensions(stream, Role::Server, deflate.extension(), options).expect("fitting options")
}

fn is_data(frame: &Frame) -> bool {
    matches!(frame.opcode(), OpCode::Text | OpCode::Binary)
}
