//! What a connection says of itself to whoever proves, or judges a proof, on it.

use std::sync::Arc;

use crate::presented::Presented;
use crate::secret::Secret;

/// A connection's facts, for proofs that are bound to it. The default is a connection in the clear, or one that is
/// not known yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Channel {
    /// Whether it is TLS to the party that is spoken to.
    pub tls: bool,
    /// Whether several requests share it at a time (HTTP/2): no proof can have legs on it.
    pub multiplexed: bool,
    /// What a proof is bound to it by.
    pub bindings: ChannelBindings,
    /// Server: what the certificate says that the client has shown, if it has.
    pub client: Option<Arc<Presented>>,
}

/// Octets that only the two ends of one TLS connection share, or that name its server (RFC 5056).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChannelBindings {
    /// `tls-server-end-point` (RFC 5929 §4): the hash of the server's certificate, without the prefix.
    pub end_point: Option<Arc<[u8]>>,
    /// `tls-exporter` (RFC 9266): 32 octets.
    pub exporter: Option<Secret>,
}
