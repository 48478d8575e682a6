//! What a header says, and how far it goes.

use std::net::SocketAddr;

/// A connection as a proxy tells of it. The default says nothing: the proxy speaks for itself (`LOCAL`), or does not know
/// (`UNKNOWN`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Announced {
    /// Who connected, and where to.
    pub route: Option<Route>,
    /// The host name that the client asked for (`PP2_TYPE_AUTHORITY`), as its proxy has read it.
    pub authority: Option<String>,
    /// The application protocol that was agreed on with the client (`PP2_TYPE_ALPN`).
    pub alpn: Option<Vec<u8>>,
    /// How the client spoke TLS with the proxy (`PP2_TYPE_SSL`), if it did.
    pub tls: Option<AnnouncedTls>,
}

/// The two ends of a connection; both of one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Route {
    /// Who connected.
    pub source: SocketAddr,
    /// Where to.
    pub destination: SocketAddr,
}

/// TLS between the client and the proxy. It ended there: what comes from the proxy is as safe as the way from it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AnnouncedTls {
    /// The version in the proxy's words, such as `TLSv1.3`.
    pub version: Option<String>,
    /// Whether the client showed a certificate that the proxy took.
    pub verified: bool,
}

/// How far a header goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// It has more octets than have come, so that all that have come belong to it.
    NotYet,
    /// It has so many octets.
    Whole(usize),
}
