//! What can go wrong on the wire, as plain data that knows no other module of this crate.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use gatepost_model::fault::{Blame, Fault, Retry};
use gatepost_tls::error::TlsError;
use gatepost_tls::starttls::error::StartTlsError;
use gatepost_ws::error::WsError;
use thiserror::Error;

/// What took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Wait {
    /// Resolving a name and connecting.
    Connect,
    /// A TLS handshake.
    Handshake,
    /// The header in which a proxy says whose connection it passes on.
    Announcement,
    /// The head of a request.
    Head,
    /// An answer's first octet.
    Answer,
    /// The next part of a body.
    Body,
    /// Room to write: the other end does not read.
    Write,
    /// A sign of life on a WebSocket.
    Pong,
    /// The answer to a WebSocket's Close.
    Close,
    /// An octet that goes either way.
    Idle,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting",
            Self::Handshake => "the TLS handshake",
            Self::Announcement => "the PROXY header",
            Self::Head => "the head of the request",
            Self::Answer => "the answer",
            Self::Body => "the next part of the body",
            Self::Write => "the other end to read",
            Self::Pong => "a sign of life",
            Self::Close => "the answer to a Close",
            Self::Idle => "either end to say something",
        })
    }
}

/// An error of the network. Comparable; names the address or host; holds no header field and no body.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NetError {
    /// The host name has no address.
    #[error("the name {host} does not resolve: {detail}")]
    Resolve {
        /// The name.
        host: String,
        /// What the system said.
        detail: String,
    },
    /// Nobody listens there, or it cannot be reached.
    #[error("no connection to {address}: {detail}")]
    Connect {
        /// The address tried last.
        address: SocketAddr,
        /// What the system said.
        detail: String,
    },
    /// Something took longer than its limit.
    #[error("waited {}.{:03} s for {what}, not longer", limit.as_secs(), limit.subsec_millis())]
    Timeout {
        /// What for.
        what: Wait,
        /// The limit.
        limit: Duration,
    },
    /// TLS failed.
    #[error("TLS with {peer}: {reason}")]
    Tls {
        /// The host, or the peer's address.
        peer: String,
        /// Why.
        reason: TlsError,
    },
    /// The other end broke HTTP.
    #[error("the other end broke {protocol}: {detail}")]
    Protocol {
        /// `http/1.1` or `h2`.
        protocol: &'static str,
        /// How.
        detail: String,
    },
    /// A head is larger than [`Limits::head_bytes`](gatepost_model::limits::Limits::head_bytes), or has too many fields.
    #[error("the head is larger than its limit")]
    HeadTooLarge,
    /// A body is larger than its limit.
    #[error("the body is larger than the limit of {limit} octets")]
    BodyTooLarge {
        /// The limit.
        limit: u64,
    },
    /// The connection ended before a message did.
    #[error("the connection closed before {what} was complete")]
    ClosedEarly {
        /// `the request`, `the answer`, `the body` or `the upgrade`.
        what: &'static str,
    },
    /// The connection was closed before anything of the request went out: it is safe to send it again.
    #[error("the connection was closed before the request was sent")]
    Unsent,
    /// Our own side failed to give the rest of a body.
    #[error("the body cannot be produced: {detail}")]
    BodySource {
        /// Why.
        detail: String,
    },
    /// The request cannot be sent as it is.
    #[error("the request cannot be sent: {detail}")]
    Request {
        /// Why.
        detail: String,
    },
    /// The other end did not switch protocols.
    #[error("the connection was not upgraded: {detail}")]
    Upgrade {
        /// Why.
        detail: String,
    },
    /// Somebody else listens there.
    #[error("{address} is in use by another program")]
    PortInUse {
        /// Where.
        address: SocketAddr,
    },
    /// A listener cannot be opened.
    #[error("cannot listen on {address}: {detail}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        detail: String,
    },
    /// The threads that serve cannot be started.
    #[error("the worker threads cannot be started: {detail}")]
    Workers {
        /// What the system said.
        detail: String,
    },
    /// A handshake was ended to make room for newer ones: it was the oldest of too many.
    #[error("the TLS handshake gave way to newer ones")]
    Crowded,
    /// The proxy on the way gave no way to the origin.
    #[error("the proxy gives no way to {origin}: {detail}")]
    Proxy {
        /// Where to.
        origin: String,
        /// What it answered, or why it was not told who asks.
        detail: String,
    },
    /// A connection has to be announced (PROXY protocol), and is not, or by somebody who may not.
    #[error("the connection from {peer} is not announced: {detail}")]
    NotAnnounced {
        /// Whoever connected.
        peer: SocketAddr,
        /// What is wrong.
        detail: String,
    },
    /// The caller's own look at a connection had something against it; no request was sent.
    #[error("the connection was rejected before anything was sent: {detail}")]
    Rejected {
        /// What the caller said.
        detail: String,
    },
    /// This machine has no file descriptor, or no memory, left for one more connection.
    #[error("no descriptor or memory is left to connect: {detail}")]
    Exhausted {
        /// What the system said.
        detail: String,
    },
    /// Memory is short: nothing more is taken in, of this connection or at all.
    #[error("memory is short")]
    Memory,
    /// A stream broke.
    #[error("the connection broke: {detail}")]
    Broken {
        /// What the system said.
        detail: String,
    },
    /// A WebSocket ended without a Close frame: what was received may not be all (1006 in RFC 6455 §7.1.5).
    #[error("the WebSocket ended without a Close")]
    Abrupt,
    /// A WebSocket broke the rules, or its bounds.
    #[error(transparent)]
    WebSocket(#[from] WsError),
    /// The generator of random octets failed, so nothing that has to be unpredictable can be sent.
    #[error("this machine gives no random octets")]
    Entropy,
    /// The TLS settings of a dialer or listener cannot be used.
    #[error(transparent)]
    TlsSettings(#[from] TlsError),
    /// A socket cannot be what was asked of it.
    #[error("a socket cannot have {option} that was asked for: {detail}")]
    SocketOption {
        /// Which option.
        option: &'static str,
        /// What the system said.
        detail: String,
    },
    /// A text that is no host and port.
    #[error("`{text}` is no host and port: {detail}")]
    Endpoint {
        /// The text.
        text: String,
        /// Why.
        detail: String,
    },
    /// Two ends did not come from the clear to TLS.
    #[error(transparent)]
    StartTls(#[from] StartTlsError),
}

impl Fault for NetError {
    fn blame(&self) -> Blame {
        match self {
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::PortInUse { .. }
            | Self::Listen { .. }
            | Self::Workers { .. }
            | Self::Crowded
            | Self::Memory
            | Self::Exhausted { .. }
            | Self::Unsent
            | Self::Entropy
            | Self::Broken { .. } => Blame::Environment,
            Self::Timeout { .. }
            | Self::Protocol { .. }
            | Self::HeadTooLarge
            | Self::BodyTooLarge { .. }
            | Self::ClosedEarly { .. }
            | Self::Abrupt
            | Self::Rejected { .. }
            | Self::NotAnnounced { .. }
            | Self::Proxy { .. }
            | Self::Upgrade { .. } => Blame::Peer,
            Self::BodySource { .. } | Self::Request { .. } | Self::SocketOption { .. } | Self::Endpoint { .. } => {
                Blame::Caller
            }
            Self::StartTls(reason) => reason.blame(),
            Self::Tls { reason, .. } | Self::TlsSettings(reason) => reason.blame(),
            Self::WebSocket(reason) => reason.blame(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Resolve { .. } => "GP-NET-001",
            Self::Connect { .. } => "GP-NET-002",
            Self::Timeout { .. } => "GP-NET-003",
            Self::Protocol { .. } => "GP-NET-004",
            Self::HeadTooLarge => "GP-NET-005",
            Self::BodyTooLarge { .. } => "GP-NET-006",
            Self::ClosedEarly { .. } => "GP-NET-007",
            Self::Unsent => "GP-NET-008",
            Self::BodySource { .. } => "GP-NET-009",
            Self::Request { .. } => "GP-NET-010",
            Self::Upgrade { .. } => "GP-NET-011",
            Self::PortInUse { .. } => "GP-NET-012",
            Self::Listen { .. } => "GP-NET-013",
            Self::Broken { .. } => "GP-NET-014",
            Self::Workers { .. } => "GP-NET-015",
            Self::Crowded => "GP-NET-016",
            Self::Abrupt => "GP-NET-017",
            Self::Entropy => "GP-NET-018",
            Self::WebSocket(reason) => reason.code(),
            Self::Rejected { .. } => "GP-NET-021",
            Self::Proxy { .. } => "GP-NET-022",
            Self::NotAnnounced { .. } => "GP-NET-030",
            Self::Memory => "GP-NET-019",
            Self::Exhausted { .. } => "GP-NET-020",
            Self::SocketOption { .. } => "GP-SOCKET-001",
            Self::Endpoint { .. } => "GP-SOCKET-002",
            Self::StartTls(reason) => reason.code(),
            Self::Tls { reason, .. } | Self::TlsSettings(reason) => reason.code(),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Connect { .. } | Self::Timeout { .. } | Self::ClosedEarly { .. } | Self::Unsent | Self::Abrupt => {
                Retry::Fresh
            }
            Self::Resolve { .. } | Self::Memory | Self::Exhausted { .. } => Retry::After(Duration::from_secs(5)),
            Self::Broken { .. } => Retry::Fresh,
            Self::StartTls(reason) => reason.retry(),
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Resolve { .. } => Some("check the spelling of the host and the name service of this machine".into()),
            Self::Connect { address, .. } => Some(format!("check that a server listens on {address}")),
            Self::Proxy { .. } => Some("check the address of the proxy, and who you are to it (`--proxy-user`)".into()),
            Self::NotAnnounced { .. } => Some(
                "check that the proxy sends the PROXY protocol (`send-proxy-v2` in HAProxy), and that `proxy_protocol_from` \
                 names its address"
                    .into(),
            ),
            Self::Exhausted { .. } => {
                Some("raise the limit of descriptors (`ulimit -n`), or take in fewer at once".into())
            }
            Self::PortInUse { address } => Some(format!(
                "stop the program on port {}, or choose another port (0 takes a free one)",
                address.port()
            )),
            Self::Listen { address, .. } if address.port() != 0 && address.port() < 1024 => {
                Some("ports below 1024 need a privilege: choose another port, or grant CAP_NET_BIND_SERVICE".into())
            }
            Self::Tls { reason, .. } | Self::TlsSettings(reason) => reason.hint(),
            Self::WebSocket(reason) => reason.hint(),
            Self::StartTls(reason) => reason.hint(),
            Self::Endpoint { .. } => {
                Some("write it like `mail.example.com:25`, `mail.example.com:smtp` or `[2001:db8::1]:443`".into())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Retry = Retry::After(Duration::from_secs(5));

    #[test]
    fn each_error_names_the_guilty_and_what_to_do() {
        let address: SocketAddr = "127.0.0.1:443".parse().unwrap();
        let tls = NetError::Tls { peer: "h".into(), reason: TlsError::UnknownIssuer };
        let table = [
            (NetError::PortInUse { address }, Blame::Environment, "GP-NET-012", Retry::Never, true),
            (NetError::Listen { address, detail: "x".into() }, Blame::Environment, "GP-NET-013", Retry::Never, true),
            (NetError::Connect { address, detail: "x".into() }, Blame::Environment, "GP-NET-002", Retry::Fresh, true),
            (NetError::ClosedEarly { what: "the answer" }, Blame::Peer, "GP-NET-007", Retry::Fresh, false),
            (NetError::Unsent, Blame::Environment, "GP-NET-008", Retry::Fresh, false),
            (NetError::Abrupt, Blame::Peer, "GP-NET-017", Retry::Fresh, false),
            (NetError::Exhausted { detail: "x".into() }, Blame::Environment, "GP-NET-020", LATER, true),
            (NetError::Memory, Blame::Environment, "GP-NET-019", LATER, false),
            (NetError::BodyTooLarge { limit: 1 }, Blame::Peer, "GP-NET-006", Retry::Never, false),
            (tls, Blame::Peer, "GP-TLS-003", Retry::Never, true),
        ];
        for (error, blame, code, retry, hinted) in table {
            let got = (error.blame(), error.code(), error.retry(), error.hint().is_some());
            assert_eq!(got, (blame, code, retry, hinted), "{error}");
        }
    }
}
