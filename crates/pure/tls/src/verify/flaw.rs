//! What can be wrong with a chain of certificates, each with a name, a severity and its number elsewhere.

use std::fmt;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing is wrong.
    None,
    /// A caller may ignore it, by name and for a call.
    Ignorable,
    /// Nobody may ignore it.
    Fatal,
}

/// One thing that is wrong with a chain, or with its fit to the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Flaw {
    /// The chain ends in a root that is not trusted.
    Untrusted,
    /// The chain does not lead to any root: an issuer is missing.
    IncompleteChain,
    /// A certificate is past its end.
    Expired,
    /// A certificate has not begun yet.
    NotYetValid,
    /// The certificate is for other names (RFC 9525).
    WrongName,
    /// The certificate is for other purposes (RFC 5280 §4.2.1.12).
    WrongUsage,
    /// Nobody could say whether it was revoked.
    RevocationUnknown,
    /// Who could say whether it was revoked cannot be believed: a list or a stapled response that is too old, or badly
    /// signed.
    RevocationFailed,
    /// It demands that the server staples what its authority says of it (RFC 7633), and nothing that counts came.
    MustStaple,
    /// It was revoked.
    Revoked,
    /// A signature in the chain does not fit.
    BadSignature,
    /// A certificate breaks the name constraints of an authority above it (RFC 5280 §4.2.1.10).
    NameConstraint,
    /// Who issued a certificate may not, or not that deep (RFC 5280 §4.2.1.9).
    BasicConstraints,
    /// An extension that must be understood is not.
    CriticalExtension,
    /// A key is too short: RSA below 2048 bits.
    WeakKey,
    /// A signature rests on MD5 or SHA-1, or on an algorithm that nobody uses here.
    WeakSignature,
    /// A certificate cannot be read.
    Malformed,
    /// No pin of the endpoint is in the path.
    Pin,
    /// Anything else.
    Other,
}

impl Flaw {
    /// All of them, the mildest first.
    pub const ALL: [Self; 19] = [
        Self::Untrusted,
        Self::IncompleteChain,
        Self::Expired,
        Self::NotYetValid,
        Self::WrongName,
        Self::WrongUsage,
        Self::RevocationUnknown,
        Self::RevocationFailed,
        Self::MustStaple,
        Self::Revoked,
        Self::BadSignature,
        Self::NameConstraint,
        Self::BasicConstraints,
        Self::CriticalExtension,
        Self::WeakKey,
        Self::WeakSignature,
        Self::Malformed,
        Self::Pin,
        Self::Other,
    ];

    /// Its name in commands, configuration and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Untrusted => "untrusted",
            Self::IncompleteChain => "incomplete-chain",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::WrongName => "wrong-name",
            Self::WrongUsage => "wrong-usage",
            Self::RevocationUnknown => "revocation-unknown",
            Self::RevocationFailed => "revocation-failed",
            Self::MustStaple => "must-staple",
            Self::Revoked => "revoked",
            Self::BadSignature => "bad-signature",
            Self::NameConstraint => "name-constraint",
            Self::BasicConstraints => "basic-constraints",
            Self::CriticalExtension => "critical-extension",
            Self::WeakKey => "weak-key",
            Self::WeakSignature => "weak-signature",
            Self::Malformed => "malformed",
            Self::Pin => "pin",
            Self::Other => "other",
        }
    }

    /// The flaw of this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flaw| flaw.name() == name)
    }

    /// How bad it is. Who it is can be known by other means, and clocks go wrong; a signature that does not fit,
    /// or a key that was revoked, is a reason to go.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::Untrusted
            | Self::IncompleteChain
            | Self::Expired
            | Self::NotYetValid
            | Self::WrongName
            | Self::WrongUsage
            | Self::RevocationUnknown
            | Self::RevocationFailed
            | Self::MustStaple => Severity::Ignorable,
            Self::Revoked
            | Self::BadSignature
            | Self::NameConstraint
            | Self::BasicConstraints
            | Self::CriticalExtension
            | Self::WeakKey
            | Self::WeakSignature
            | Self::Malformed
            | Self::Pin
            | Self::Other => Severity::Fatal,
        }
    }

    /// Its number among the values of WinRT's `ChainValidationResult`.
    #[must_use]
    pub fn chain_validation_result(self) -> u32 {
        match self {
            Self::Untrusted => 1,
            Self::Revoked => 2,
            Self::Expired | Self::NotYetValid => 3,
            Self::IncompleteChain => 4,
            Self::BadSignature => 5,
            Self::WrongUsage => 6,
            Self::WrongName => 7,
            Self::NameConstraint => 8,
            Self::BasicConstraints => 9,
            Self::CriticalExtension => 10,
            Self::RevocationUnknown | Self::MustStaple => 11,
            Self::RevocationFailed => 12,
            Self::WeakKey | Self::WeakSignature | Self::Malformed | Self::Pin | Self::Other => 13,
        }
    }

    fn bit(self) -> u32 {
        let at = Self::ALL.iter().position(|flaw| *flaw == self).unwrap_or_default();
        1 << at
    }
}

/// A set of flaws.
///
/// ```
/// use gatepost_tls::verify::flaw::{Flaw, Flaws, Severity};
///
/// let found: Flaws = [Flaw::Expired, Flaw::WrongName].into_iter().collect();
/// assert_eq!(found.to_string(), "expired, wrong-name");
/// assert_eq!(found.severity(), Severity::Ignorable);
/// assert!(!found.is_within(Flaws::from(Flaw::Expired)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flaws(u32);

impl Flaws {
    /// No flaw.
    pub const NONE: Self = Self(0);

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether this one is in it.
    #[must_use]
    pub fn contains(self, flaw: Flaw) -> bool {
        self.0 & flaw.bit() != 0
    }

    /// Whether all of them are among `others`.
    #[must_use]
    pub fn is_within(self, others: Self) -> bool {
        self.0 & !others.0 == 0
    }

    /// The gravest of them.
    #[must_use]
    pub fn severity(self) -> Severity {
        self.iter().map(Flaw::severity).max().unwrap_or(Severity::None)
    }

    /// Those that may be ignored.
    #[must_use]
    pub fn ignorable(self) -> Self {
        self.iter().filter(|flaw| flaw.severity() == Severity::Ignorable).collect()
    }

    /// Each of them, the mildest first.
    pub fn iter(self) -> impl Iterator<Item = Flaw> {
        Flaw::ALL.into_iter().filter(move |flaw| self.contains(*flaw))
    }
}

impl From<Flaw> for Flaws {
    fn from(flaw: Flaw) -> Self {
        Self(flaw.bit())
    }
}

impl FromIterator<Flaw> for Flaws {
    fn from_iter<I: IntoIterator<Item = Flaw>>(flaws: I) -> Self {
        Self(flaws.into_iter().fold(0, |bits, flaw| bits | flaw.bit()))
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Flaws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.iter().map(Flaw::name).collect();
        f.write_str(if names.is_empty() { "none".to_owned() } else { names.join(", ") }.as_str())
    }
}

impl fmt::Debug for Flaws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flaws({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_and_a_place_of_its_own() {
        for (at, flaw) in Flaw::ALL.into_iter().enumerate() {
            assert_eq!(Flaw::by_name(flaw.name()), Some(flaw));
            assert_eq!(flaw.bit(), 1 << at, "{flaw}");
            assert_ne!(flaw.severity(), Severity::None);
            assert!((1..=13).contains(&flaw.chain_validation_result()), "{flaw}");
        }
        assert_eq!(Flaw::by_name("Expired"), None);
    }

    #[test]
    fn what_is_fatal_is_never_ignorable() {
        let all: Flaws = Flaw::ALL.into_iter().collect();
        let never = [Flaw::Revoked, Flaw::BadSignature, Flaw::Pin, Flaw::WeakKey, Flaw::Malformed, Flaw::Other];
        assert!(never.into_iter().all(|flaw| !all.ignorable().contains(flaw)));
        assert_eq!(all.ignorable().severity(), Severity::Ignorable);
        assert_eq!((all.severity(), Flaws::NONE.severity()), (Severity::Fatal, Severity::None));
    }

    #[test]
    fn sets_are_sets() {
        let two: Flaws = [Flaw::Expired, Flaw::Untrusted].into_iter().collect();
        assert!(Flaws::NONE.is_within(two) && Flaws::from(Flaw::Expired).is_within(two) && two.is_within(two));
        assert!(!two.is_within(Flaw::Expired.into()) && !two.is_within(Flaws::NONE));
        assert_eq!(two.iter().collect::<Vec<_>>(), [Flaw::Untrusted, Flaw::Expired]);
        assert_eq!((two.to_string(), Flaws::NONE.to_string()), ("untrusted, expired".into(), "none".into()));
    }
}
