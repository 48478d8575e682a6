//! Why octets are no token of SPNEGO, as plain data without any of their content.

use thiserror::Error;

/// What is wrong with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Broken {
    /// Not DER: cut short, a length not in its shortest form, or more after the end.
    #[error("not DER")]
    Der,
    /// Another element than can stand there.
    #[error("the {0} is not what stands there in SPNEGO")]
    Element(&'static str),
    /// Neither SPNEGO nor a mechanism that may come without it.
    #[error("neither SPNEGO, NTLM nor Kerberos")]
    Unknown,
    /// A list of mechanisms without any, or with too many.
    #[error("a list of mechanisms without any, or with too many")]
    Mechanisms,
}
