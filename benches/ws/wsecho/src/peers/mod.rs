//! The peers, and ourselves: one file a library, each with its plain echo loop and, where there is one, its batched loop.

mod ceiling;
mod fastwebsockets;
mod gatepost;
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
    /// What it can be measured with.
    pub speaks: Speaks,
    /// Starts a task that echoes on a connection whose handshake is done.
    pub start: fn(TcpStream, Deflate),
}

/// Whether a peer is measured with permessage-deflate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    Plain,
    Both,
    /// Differs from another only in how it compresses.
    Deflate,
}

/// All of them, in the order in which they are shown.
pub const ALL: &[Peer] = &[
    Peer { name: "ceiling", speaks: Speaks::Plain, start: ceiling::start },
    Peer { name: "gatepost", speaks: Speaks::Both, start: gatepost::start },
    Peer { name: "gatepost+level6", speaks: Speaks::Deflate, start: gatepost::start_level6 },
    Peer { name: "tungstenite", speaks: Speaks::Plain, start: tungstenite::start },
    Peer { name: "tungstenite+batched", speaks: Speaks::Plain, start: tungstenite::start_batched },
    Peer { name: "fastwebsockets", speaks: Speaks::Plain, start: fastwebsockets::start },
    Peer { name: "fastwebsockets+batched", speaks: Speaks::Plain, start: fastwebsockets::start_batched },
    Peer { name: "tokio-websockets", speaks: Speaks::Plain, start: tokio_websockets::start },
    Peer { name: "tokio-websockets+batched", speaks: Speaks::Plain, start: tokio_websockets::start_batched },
    Peer { name: "yawc", speaks: Speaks::Both, start: yawc::start },
    Peer { name: "yawc+batched", speaks: Speaks::Both, start: yawc::start_tuned },
    Peer { name: "yawc+level1", speaks: Speaks::Deflate, start: yawc::start_level1 },
    Peer { name: "sockudo", speaks: Speaks::Both, start: sockudo::start },
    Peer { name: "sockudo+batched", speaks: Speaks::Both, start: sockudo::start_batched },
    Peer { name: "sockudo+level1", speaks: Speaks::Deflate, start: sockudo::start_level1 },
];
