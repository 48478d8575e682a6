//! What is wrong with a record, and which alert says so.

use rustls::AlertDescription;
use thiserror::Error;

/// Why a connection's records cannot go on. Each is final: the keys are not to be used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RecordFault {
    /// The tag does not fit: the record was altered, cut, repeated or is another connection's.
    #[error("cannot decrypt peer's message")]
    BadRecordMac,
    /// The record, or what is in it, is longer than allowed (RFC 8446 §5.1, §5.2).
    #[error("peer sent excess record size")]
    Overflow,
    /// A record or message that has no place here.
    #[error("the peer sent {0} where it does not belong")]
    Unexpected(&'static str),
    /// A record or message that cannot be read.
    #[error("the peer sent {0} that cannot be read")]
    Malformed(&'static str),
    /// A value that the RFC forbids.
    #[error("the peer sent {0} with a forbidden value")]
    Illegal(&'static str),
    /// Records that carry nothing, one after the other.
    #[error("the peer sent too many records without data")]
    Fruitless,
    /// The peer ended the connection with an alert (RFC 8446 §6.2).
    #[error("received fatal alert: {0:?}")]
    Alert(AlertDescription),
    /// A key has protected as much as it may, or our own cryptography failed.
    #[error("no more records can be protected on this connection")]
    Exhausted,
}

impl RecordFault {
    /// The alert that tells the peer (RFC 8446 §6.2); an alert is not answered.
    #[must_use]
    pub fn alert(&self) -> Option<AlertDescription> {
        Some(match self {
            Self::BadRecordMac => AlertDescription::BadRecordMac,
            Self::Overflow => AlertDescription::RecordOverflow,
            Self::Unexpected(_) | Self::Fruitless => AlertDescription::UnexpectedMessage,
            Self::Malformed(_) => AlertDescription::DecodeError,
            Self::Illegal(_) => AlertDescription::IllegalParameter,
            Self::Exhausted => AlertDescription::InternalError,
            Self::Alert(_) => return None,
        })
    }
}
