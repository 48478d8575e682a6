//! What a context speaks. It is always named: a library that may choose takes what nobody here expects.

use crate::abi::{KERBEROS, SPNEGO};

/// The mechanism of a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// Kerberos 5 alone (RFC 4121).
    Kerberos,
    /// SPNEGO around Kerberos, and around nothing else (RFC 4178).
    Spnego,
}

impl Mechanism {
    /// The contents octets of its object identifier.
    pub(crate) fn octets(self) -> &'static [u8] {
        match self {
            Self::Kerberos => KERBEROS,
            Self::Spnego => SPNEGO,
        }
    }
}
