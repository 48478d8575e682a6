//! What is wrong with a header of the PROXY protocol.

use thiserror::Error;

/// Why a header is not believed. Whoever sends it is trusted by configuration: something is set up wrongly, or it is
/// somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum Fault {
    /// What came is none.
    #[error("what came first is no PROXY header")]
    Absent,
    /// Its first line or its fixed part breaks the rules.
    #[error("the PROXY header is malformed: {0}")]
    Malformed(&'static str),
    /// It is longer than it may be.
    #[error("the PROXY header is longer than it may be")]
    TooLong,
    /// Its checksum is another.
    #[error("the checksum of the PROXY header is wrong")]
    Checksum,
    /// It speaks of datagrams.
    #[error("the PROXY header speaks of datagrams, and this is a stream")]
    Datagram,
}
