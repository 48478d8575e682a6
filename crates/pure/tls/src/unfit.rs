//! Why a certificate is not fit to be bound.

use thiserror::Error;

/// Why a certificate is not fit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}: {detail}", .cause.name())]
pub struct Unfit {
    /// What is wrong.
    pub cause: Cause,
    /// In words.
    pub detail: String,
}

/// What can be wrong with a certificate that is to be bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// There is no private key.
    KeyMissing,
    /// The private key is another's.
    KeyMismatch,
    /// It, or a certificate above it, is past its end.
    Expired,
    /// It, or a certificate above it, has not begun.
    NotYetValid,
    /// The certificates are no chain: one is not signed by the next.
    WrongChain,
    /// It is not for servers (id-kp-serverAuth is not among its extended key usages).
    WrongUsage,
    /// It is for other names than it is bound to.
    WrongName,
    /// The OCSP response that is to be stapled to it is not its own, or does not count now.
    WrongStaple,
    /// It cannot be read, or no client takes such a one.
    Unusable,
}

impl Cause {
    /// Its name in errors: `key-missing` and so on.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KeyMissing => "key-missing",
            Self::KeyMismatch => "key-mismatch",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::WrongChain => "wrong-chain",
            Self::WrongUsage => "wrong-usage",
            Self::WrongName => "wrong-name",
            Self::WrongStaple => "wrong-staple",
            Self::Unusable => "unusable",
        }
    }

    /// What to do about it.
    pub(crate) const fn hint(self) -> Option<&'static str> {
        Some(match self {
            Self::KeyMissing => "name the file with the unencrypted private key (PEM) with `--key FILE`",
            Self::KeyMismatch => "give the key that the certificate was requested with",
            Self::Expired => "renew the certificate, and check the clock of this machine",
            Self::NotYetValid => "check the clock of this machine",
            Self::WrongChain => "put the certificate first, and after each one the one that signed it",
            Self::WrongUsage => "have one issued for servers (extended key usage serverAuth)",
            Self::WrongName => "have it issued for that name, or bind it to one of its own",
            Self::WrongStaple => "give a current OCSP response (DER) of whoever issued it: good, and signed by them",
            Self::Unusable => return None,
        })
    }
}
