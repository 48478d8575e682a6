//! The peers: one file a library, each with its plain echo loop and, where there is one, its batched loop.

mod ceiling;
mod fastwebsockets;
mod sockudo;
mod streams;
mod tokio_websockets;
mod tungstenite;
mod yawc;

use ::tokio::net::TcpStream;

use crate::handshake::Deflate;

/// A way to echo.
pub struct Peer {
    /// `+batched` behind it says that replies are gathered while input is buffered.
    pub name: &'static str,
    /// Whether it speaks permessage-deflate.
    pub deflates: bool,
    /// Starts a task that echoes on a connection whose handshake is done.
    pub start: fn(TcpStream, Deflate),
}

/// All of them, in the order in which they are shown.
pub const ALL: &[Peer] = &[
    Peer { name: "ceiling", deflates: false, start: ceiling::start },
    Peer { name: "tungstenite", deflates: false, start: tungstenite::start },
    Peer { name: "tungstenite+batched", deflates: false, start: tungstenite::start_batched },
    Peer { name: "fastwebsockets", deflates: false, start: fastwebsockets::start },
    Peer { name: "fastwebsockets+batched", deflates: false, start: fastwebsockets::start_batched },
    Peer { name: "tokio-websockets", deflates: false, start: tokio_websockets::start },
    Peer { name: "tokio-websockets+batched", deflates: false, start: tokio_websockets::start_batched },
    Peer { name: "yawc", deflates: true, start: yawc::start },
    Peer { name: "yawc+batched", deflates: true, start: yawc::start_tuned },
    Peer { name: "sockudo", deflates: true, start: sockudo::start },
    Peer { name: "sockudo+batched", deflates: true, start: sockudo::start_batched },
];
