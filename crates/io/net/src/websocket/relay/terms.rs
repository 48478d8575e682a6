//! What is agreed and allowed on either side of a relay, and how it ended.

use std::time::Duration;

use gatepost_ws::close::CloseCode;
use gatepost_ws::deflate::agreed::Agreed;
use gatepost_ws::error::WsError;
use gatepost_ws::limits::Limits;

use crate::error::NetError;

/// How two WebSockets are made one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Towards the client, whose server we are.
    pub client: SideTerms,
    /// Towards the upstream, whose client we are.
    pub upstream: SideTerms,
    /// Who answers a Ping.
    pub pings: Pings,
    /// Octets that may wait to be written to one side before the other is read no further. A part that was read is
    /// taken whole, of at most 128 KiB, so that at most one stands above it. Default 64 KiB.
    pub high_water: usize,
    /// Time that a side may read nothing while there is something to send. Default 60 s.
    pub send_time: Duration,
    /// Time for the closing handshake of both sides, from the first sign of an end. Default 10 s.
    pub close_time: Duration,
}

/// One side.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SideTerms {
    /// How much it may ask of us. A message that is longer than [`Limits::message`] ends the relay, although
    /// nothing of it is kept.
    pub limits: Limits,
    /// The compression that its handshake agreed on.
    pub deflate: Option<Agreed>,
    /// After how long a silence it is sent a Ping, and after how long a silence since then it counts as gone.
    /// Default: never.
    pub keepalive: Option<(Duration, Duration)>,
}

/// Who answers a Ping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pings {
    /// We do: each side learns that the way to us is alive. Pongs end here. The default.
    #[default]
    Answer,
    /// The other side does: Pings and Pongs go on.
    Pass,
}

/// How a relay ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Octets of messages that went from the client to the upstream, and back.
    pub carried: (u64, u64),
    /// What ended it.
    pub why: Why,
}

/// What ended a relay.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// The client closed, with this code.
    Client(Option<CloseCode>),
    /// The upstream closed, with this code.
    Upstream(Option<CloseCode>),
    /// The client broke off, or does not read.
    ClientLost(NetError),
    /// The upstream broke off, or does not read.
    UpstreamLost(NetError),
    /// The client broke the protocol or a bound.
    ClientBroke(WsError),
    /// The upstream did.
    UpstreamBroke(WsError),
    /// Its time was over, such as that of the credential that opened it.
    Expired,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            client: SideTerms::default(),
            upstream: SideTerms::default(),
            pings: Pings::default(),
            high_water: 64 * 1024,
            send_time: Duration::from_secs(60),
            close_time: Duration::from_secs(10),
        }
    }
}
