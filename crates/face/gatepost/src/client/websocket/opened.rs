//! What comes of a WebSocket that was opened.

use std::fmt;
use std::net::SocketAddr;

use gatepost_ws::deflate::agreed::Agreed;
use http::{HeaderMap, StatusCode};

/// A WebSocket, and how it came to be.
#[derive(Debug)]
pub struct Opened<S> {
    /// What is sent on and received from.
    pub socket: S,
    /// How it came to be.
    pub info: Info,
}

/// How a WebSocket came to be.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// The status that granted it: 101 over HTTP/1.1, 200 over HTTP/2.
    pub status: StatusCode,
    /// The fields of that answer.
    pub headers: HeaderMap,
    /// The subprotocol that the server chose, one of those on offer.
    pub subprotocol: Option<String>,
    /// How messages are compressed, if they are.
    pub deflate: Option<Agreed>,
    /// The address that was reached.
    pub address: SocketAddr,
    /// `TLSv1.3`, `TLSv1.2`, or `None` in the clear.
    pub tls: Option<&'static str>,
    /// `http/1.1` or `h2`.
    pub protocol: &'static str,
}

impl fmt::Debug for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the fields: a cookie may be among them.
        f.debug_struct("Info")
            .field("status", &self.status)
            .field("subprotocol", &self.subprotocol)
            .field("deflate", &self.deflate)
            .field("address", &self.address)
            .field("tls", &self.tls)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}
