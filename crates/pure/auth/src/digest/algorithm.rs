//! Which digest is meant by `algorithm` (RFC 7616 §3.3, §6.1).

use std::fmt;

use crate::hash::Hash;

/// A hash function, and whether the password's digest is mixed with both nonces (`-sess`, RFC 7616 §3.4.2).
///
/// A session's key is computed anew for each nonce and client nonce: that is what every peer does, although the
/// RFC lets one stand for a whole session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Algorithm {
    /// The function.
    pub hash: Hash,
    /// `-sess`.
    pub session: bool,
}

impl Algorithm {
    /// All of them, the strongest first.
    pub const ALL: [Self; 6] = [
        Self { hash: Hash::Sha512_256, session: true },
        Self { hash: Hash::Sha512_256, session: false },
        Self { hash: Hash::Sha256, session: true },
        Self { hash: Hash::Sha256, session: false },
        Self { hash: Hash::Md5, session: true },
        Self { hash: Hash::Md5, session: false },
    ];

    /// What a challenge without `algorithm` means (RFC 7616 §3.3).
    pub const DEFAULT: Self = Self { hash: Hash::Md5, session: false };

    /// The function alone.
    #[must_use]
    pub const fn of(hash: Hash) -> Self {
        Self { hash, session: false }
    }

    /// The registered name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match (self.hash, self.session) {
            (Hash::Md5, false) => "MD5",
            (Hash::Md5, true) => "MD5-sess",
            (Hash::Sha256, false) => "SHA-256",
            (Hash::Sha256, true) => "SHA-256-sess",
            (Hash::Sha512_256, false) => "SHA-512-256",
            (Hash::Sha512_256, true) => "SHA-512-256-sess",
        }
    }

    /// The algorithm of that name; names compare without case, since peers write `md5` and `sha-256`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// The higher the stronger.
    #[must_use]
    pub fn rank(self) -> u8 {
        let function = match self.hash {
            Hash::Md5 => 1,
            Hash::Sha256 => 3,
            Hash::Sha512_256 => 5,
        };
        function + u8::from(self.session)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_whatever_their_case_and_ranks_fall() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::by_name(&algorithm.name().to_lowercase()), Some(algorithm));
        }
        // httpbin's: plain SHA-512 is not in the registry of RFC 7616.
        assert_eq!((Algorithm::by_name("SHA-512"), Algorithm::by_name("")), (None, None));
        assert!(Algorithm::ALL.windows(2).all(|pair| pair[0].rank() > pair[1].rank()));
    }
}
