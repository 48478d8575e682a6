//! Why a token is not taken, as plain data without any of the token's content.

use thiserror::Error;

use crate::jose::json::NotStrict;

/// The reason for which a token was refused. A verdict for our own eyes, not an error of ours.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refused {
    /// More than [`SIZE`](crate::jose::jws::SIZE) octets.
    #[error("the token is too long")]
    TooLong,
    /// Not three base64url parts with dots between (RFC 7515 §3.1), or no signature.
    #[error("not a signed token in compact form")]
    NotCompact,
    /// The header or the claims are not strict JSON.
    #[error("{part}: {why}")]
    NotStrict {
        /// `header` or `claims`.
        part: &'static str,
        /// What is wrong.
        why: NotStrict,
    },
    /// `alg` is missing, `none`, or unknown to us.
    #[error("the header names no signature algorithm that is taken")]
    Algorithm,
    /// A header parameter that we do not follow, and that changes what the signature means or says
    /// which key to trust: `crit`, `b64`, `zip`, `jwk`, `jku`, `x5u`, `x5c`.
    #[error("the header holds `{0}`, which is not taken")]
    Header(&'static str),
    /// A header parameter or claim has a JSON type or a value that it cannot have.
    #[error("`{0}` is malformed")]
    Malformed(&'static str),
    /// No key has the identifier that the token names, or none fits a token that names none.
    #[error("no key for this token")]
    NoKey,
    /// The token's algorithm is not one that its key is for.
    #[error("the key is not for the token's algorithm")]
    KeyMismatch,
    /// More than one key fits.
    #[error("more than one key fits this token")]
    AmbiguousKey,
    /// The signature does not verify.
    #[error("the signature does not verify")]
    Signature,
    /// `typ` is not among those that are taken here (RFC 8725 §3.11).
    #[error("a token of another type")]
    Type,
    /// A required claim is missing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// At or past `exp`.
    #[error("the token has expired")]
    Expired,
    /// Before `nbf`.
    #[error("the token is not valid yet")]
    Early,
    /// `iat` lies in the future.
    #[error("the token was issued in the future")]
    IssuedInFuture,
    /// `iss` is not the configured issuer.
    #[error("another issuer")]
    Issuer,
    /// `aud` does not hold the configured audience.
    #[error("for another audience")]
    Audience,
    /// `cnf` binds the token to a key (RFC 7800), whose proof a bearer does not give.
    #[error("the token is bound to a key and no bearer token")]
    Bound,
}
