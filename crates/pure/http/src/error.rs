//! What can be wrong with a message, as plain data that knows no other module of this crate.

use gatepost_model::fault::{Blame, Fault, Retry};
use http::StatusCode;
use thiserror::Error;

/// Why a message is refused. The text names the fault and never repeats what the peer sent.
///
/// After any of these the end of the message is no longer certain: answer with
/// [`status`](Self::status), then close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The request line or status line breaks its grammar.
    #[error("malformed start line: {0}")]
    StartLine(&'static str),
    /// A version other than HTTP/1.0 and HTTP/1.1.
    #[error("the HTTP version is not supported")]
    Version,
    /// The request line is longer than its bound.
    #[error("the request target is too long")]
    TargetTooLong,
    /// The request target does not suit the method, or breaks its grammar (RFC 9112 §3.2).
    #[error("malformed request target: {0}")]
    Target(&'static str),
    /// The path can be read in more than one way.
    #[error("ambiguous path: {0}")]
    Path(&'static str),
    /// Host, or the authority in the target, is missing, doubled, malformed or contradictory.
    #[error("bad host: {0}")]
    Host(&'static str),
    /// A field line breaks its grammar (RFC 9112 §5).
    #[error("malformed header field: {0}")]
    Field(&'static str),
    /// The head is longer than its bound.
    #[error("the header section is too large")]
    HeadTooLarge,
    /// The head has more fields than its bound.
    #[error("too many header fields")]
    TooManyFields,
    /// Two readers could see the end of the body at different places (RFC 9112 §6).
    #[error("ambiguous framing: {0}")]
    Framing(&'static str),
    /// A transfer coding other than one `chunked` (RFC 9112 §6.1).
    #[error("the transfer coding is not supported")]
    Coding,
    /// An expectation other than `100-continue` (RFC 9110 §10.1.1).
    #[error("the expectation cannot be met")]
    Expectation,
    /// The body is longer than its bound.
    #[error("the body is too large")]
    BodyTooLarge,
    /// The chunked coding is broken (RFC 9112 §7.1).
    #[error("malformed chunk: {0}")]
    Chunk(&'static str),
    /// The trailer section is broken, too large, or holds a field that may not stand there.
    #[error("malformed trailer section: {0}")]
    Trailer(&'static str),
    /// The connection ended inside a message: what arrived is not the whole.
    #[error("the message was cut short")]
    Truncated,
    /// We were asked to write something that is not a message.
    #[error("cannot be written as HTTP/1.1: {0}")]
    Unwritable(&'static str),
}

impl HttpError {
    /// The status that suits a server's refusal.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::StartLine(_)
            | Self::Target(_)
            | Self::Path(_)
            | Self::Host(_)
            | Self::Field(_)
            | Self::Framing(_)
            | Self::Chunk(_)
            | Self::Trailer(_)
            | Self::Truncated => StatusCode::BAD_REQUEST,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            Self::HeadTooLarge | Self::TooManyFields => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Unwritable(_) => StatusCode::INTERNAL_SERVER_ERROR,
            // RFC 9112 §6.1: a server that does not understand a transfer coding answers 501.
            Self::Coding => StatusCode::NOT_IMPLEMENTED,
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
        }
    }
}

impl Fault for HttpError {
    fn blame(&self) -> Blame {
        match self {
            Self::Unwritable(_) => Blame::Caller,
            _ => Blame::Peer,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::StartLine(_) => "GP-HTTP-001",
            Self::Version => "GP-HTTP-002",
            Self::TargetTooLong => "GP-HTTP-003",
            Self::Target(_) => "GP-HTTP-004",
            Self::Path(_) => "GP-HTTP-005",
            Self::Host(_) => "GP-HTTP-006",
            Self::Field(_) => "GP-HTTP-007",
            Self::HeadTooLarge => "GP-HTTP-008",
            Self::TooManyFields => "GP-HTTP-009",
            Self::Framing(_) => "GP-HTTP-010",
            Self::Coding => "GP-HTTP-011",
            Self::Expectation => "GP-HTTP-012",
            Self::BodyTooLarge => "GP-HTTP-013",
            Self::Chunk(_) => "GP-HTTP-014",
            Self::Trailer(_) => "GP-HTTP-015",
            Self::Truncated => "GP-HTTP-016",
            Self::Unwritable(_) => "GP-HTTP-017",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Truncated => Retry::Fresh,
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Path(_) => Some("send the path in its plain form, without dot segments or escaped separators".into()),
            Self::HeadTooLarge | Self::TooManyFields | Self::BodyTooLarge => {
                Some("raise the bound in the limits of this listener if the peer is right".into())
            }
            _ => None,
        }
    }
}
