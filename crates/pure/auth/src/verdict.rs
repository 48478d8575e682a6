//! What a server makes of a proof.

use gatepost_model::principal::Principal;
use http::{HeaderName, HeaderValue};

use crate::challenge::Challenge;
use crate::error::AuthError;
use crate::need::Need;

/// The server's judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The request carries no credentials of this scheme.
    Absent,
    /// Proved.
    Accept {
        /// Who it is.
        principal: Principal,
        /// What the answer says to the client, such as that we are who we say (RFC 9110 §11.6.3). Mostly nothing.
        fields: Vec<(HeaderName, HeaderValue)>,
    },
    /// So far so good: the client has to answer this challenge on the same connection. Only of a scheme that
    /// [binds the connection](crate::scheme::Scheme::binds_connection).
    Continue {
        /// What it has to answer. It stands alone in the 401.
        challenge: Challenge,
        /// What to hand back at the next leg.
        memory: Vec<u8>,
    },
    /// Fetch this and call again.
    Need(Need),
    /// Refused.
    Reject(Refusal),
}

impl Verdict {
    /// Proved, with nothing more to say.
    #[must_use]
    pub fn accept(principal: Principal) -> Self {
        Self::Accept { principal, fields: Vec::new() }
    }
}

/// Why a proof was refused. The peer learns at most [`is_malformed`](Self::is_malformed).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The credentials do not follow their grammar: answered with 400.
    Malformed(String),
    /// Unknown user or wrong secret; never told apart.
    WrongSecret,
    /// Used before.
    Replayed,
    /// Too old, or from the future.
    Stale,
    /// A token past its end.
    Expired,
    /// A token that is not acceptable, and why: for us, not for the peer.
    BadToken(String),
    /// The proof was made for another connection, or leaves out the channel bindings that are demanded.
    WrongChannel,
    /// What the scheme does not take, and why: for us, not for the peer.
    NotTaken(String),
}

impl From<AuthError> for Refusal {
    /// What a peer's malformed credentials are refused as.
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Malformed { detail, .. } => Self::Malformed(detail),
            other => Self::Malformed(other.to_string()),
        }
    }
}

impl Refusal {
    /// Whether the credentials could not be read at all: 400 instead of 401.
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        matches!(self, Self::Malformed(_))
    }

    /// The reason for our own eyes.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Malformed(detail) => format!("malformed credentials: {detail}"),
            // The last of the three is a user without `--recoverable` who tries WSSE.
            Self::WrongSecret => "unknown user, wrong secret, or none kept that this scheme can use".into(),
            Self::Replayed => "proof used before".into(),
            Self::Stale => "proof too old or from the future".into(),
            Self::Expired => "token expired".into(),
            Self::BadToken(detail) => format!("token refused: {detail}"),
            Self::WrongChannel => {
                "made for another connection, or without the channel bindings that are demanded".into()
            }
            Self::NotTaken(detail) => format!("not taken: {detail}"),
        }
    }
}
