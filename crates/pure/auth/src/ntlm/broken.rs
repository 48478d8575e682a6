//! Why octets are no message of NTLM, as plain data without any of their content.

use thiserror::Error;

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Broken {
    /// More octets than any message needs.
    #[error("the message is too long")]
    TooLong,
    /// It ends before its fixed part does.
    #[error("the message is too short")]
    TooShort,
    /// It does not begin with `NTLMSSP` and a zero.
    #[error("not an NTLM message")]
    Signature,
    /// One of the three messages, but not the one that is due.
    #[error("not the message of type {due}")]
    Kind {
        /// The type that was due: 1, 2 or 3.
        due: u32,
    },
    /// A field points outside the message or into its fixed part.
    #[error("the {0} lies outside the message")]
    Bounds(&'static str),
    /// A field has another length than it can have.
    #[error("the {0} has a length that it cannot have")]
    Length(&'static str),
    /// A field is not text in the encoding that was agreed, or holds control characters.
    #[error("the {0} is not text")]
    Text(&'static str),
    /// The target information has no end, too many pairs, or one of them twice.
    #[error("malformed target information")]
    TargetInfo,
    /// The other end does not do without what we do not do: no text encoding, no extended session security, not NTLM.
    #[error("the other end asks for what is not spoken here: {0}")]
    Flags(&'static str),
    /// What is to be sent does not fit into its field.
    #[error("too long for an NTLM message")]
    Overflow,
}
