//! The negotiate flags (MS-NLMP 2.2.2.5).

use std::ops::{BitAnd, BitOr, Sub};

/// A set of negotiate flags; those without a name here are kept as they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u32);

impl Flags {
    /// Text is UTF-16.
    pub const UNICODE: Self = Self(0x0000_0001);
    /// Text is in the sender's code page: taken here as ASCII.
    pub const OEM: Self = Self(0x0000_0002);
    /// The server is to name itself.
    pub const REQUEST_TARGET: Self = Self(0x0000_0004);
    /// Messages can be signed.
    pub const SIGN: Self = Self(0x0000_0010);
    /// Messages can be sealed.
    pub const SEAL: Self = Self(0x0000_0020);
    /// NTLM, of whatever version.
    pub const NTLM: Self = Self(0x0000_0200);
    /// The client names no user.
    pub const ANONYMOUS: Self = Self(0x0000_0800);
    /// The NEGOTIATE message names a domain.
    pub const DOMAIN_SUPPLIED: Self = Self(0x0000_1000);
    /// The NEGOTIATE message names a workstation.
    pub const WORKSTATION_SUPPLIED: Self = Self(0x0000_2000);
    /// A key is made even if nothing is signed.
    pub const ALWAYS_SIGN: Self = Self(0x0000_8000);
    /// The target name is a domain.
    pub const TARGET_IS_DOMAIN: Self = Self(0x0001_0000);
    /// The target name is a server.
    pub const TARGET_IS_SERVER: Self = Self(0x0002_0000);
    /// Extended session security: the signatures of version 2.
    pub const EXTENDED_SECURITY: Self = Self(0x0008_0000);
    /// The CHALLENGE message holds target information.
    pub const TARGET_INFO: Self = Self(0x0080_0000);
    /// The version fields mean something.
    pub const VERSION: Self = Self(0x0200_0000);
    /// Keys of 128 bits.
    pub const KEY_128: Self = Self(0x2000_0000);
    /// The client chooses the session key.
    pub const KEY_EXCHANGE: Self = Self(0x4000_0000);
    /// Keys of 56 bits.
    pub const KEY_56: Self = Self(0x8000_0000);

    /// From the number on the wire.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The number on the wire.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether all of `others` are set.
    #[must_use]
    pub const fn has(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// Whether one of `others` is set.
    #[must_use]
    pub const fn has_any(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// Both sets.
    #[must_use]
    pub const fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, others: Self) -> Self {
        self.with(others)
    }
}

impl BitAnd for Flags {
    type Output = Self;

    fn bitand(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }
}

impl Sub for Flags {
    type Output = Self;

    fn sub(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }
}
