//! Why a client's proof is not taken, as plain data: for our own eyes.

use thiserror::Error;

use crate::ntlm::broken::Broken;

/// The reason for which an AUTHENTICATE message was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refused {
    /// It cannot be read.
    #[error("{0}")]
    Broken(#[from] Broken),
    /// It names no user.
    #[error("an anonymous user")]
    Anonymous,
    /// Its answer is one of LM or of NTLM version 1.
    #[error("an answer of NTLM version 1 or of LM")]
    VersionOne,
    /// Unknown user or wrong password; never told apart.
    #[error("unknown user or wrong password")]
    WrongSecret,
    /// The server's time is missing in the proof, or another: who sits between kept it from the client, so
    /// that no integrity code is made; or the proof is for another challenge.
    #[error("the proof does not repeat what the challenge said")]
    ChallengeAltered,
    /// The proof announces an integrity code and there is none, or a wrong one; or one is demanded.
    #[error("the message integrity code is missing or wrong")]
    Integrity,
    /// The session key that the client chose is not what was agreed.
    #[error("the session key is not as agreed")]
    SessionKey,
    /// The proof was made for another TLS channel.
    #[error("the proof is bound to another TLS channel")]
    WrongBindings,
    /// The proof is bound to no TLS channel, and that is demanded here.
    #[error("the proof is bound to no TLS channel")]
    NoBindings,
}
