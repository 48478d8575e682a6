//! The hash functions that proofs of requests are made with.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256, SHA512_256};
use md5::{Digest, Md5};

/// A hash function by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hash {
    /// RFC 1321. Broken for signatures; here only for peers that know nothing else.
    Md5,
    /// SHA-256 (FIPS 180-4).
    Sha256,
    /// SHA-512/256 (FIPS 180-4 §5.3.6): a function of its own, not SHA-512 cut short.
    Sha512_256,
}

impl Hash {
    /// How many octets come of it.
    #[must_use]
    pub fn octets(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha256 | Self::Sha512_256 => 32,
        }
    }

    /// Begins a digest, for octets that come in parts.
    #[must_use]
    pub fn begin(self) -> Hasher {
        Hasher(match self {
            Self::Md5 => State::Md5(Md5::new()),
            Self::Sha256 => State::Sha2(Context::new(&SHA256)),
            Self::Sha512_256 => State::Sha2(Context::new(&SHA512_256)),
        })
    }

    /// The digest of all parts, one behind the other.
    #[must_use]
    pub fn digest(self, parts: &[&[u8]]) -> Vec<u8> {
        let mut hasher = self.begin();
        for part in parts {
            hasher.update(part);
        }
        hasher.finish()
    }
}

/// A digest in the making.
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Md5(Md5),
    Sha2(Context),
}

impl Hasher {
    /// Adds octets.
    pub fn update(&mut self, octets: &[u8]) {
        match &mut self.0 {
            State::Md5(md5) => md5.update(octets),
            State::Sha2(sha2) => sha2.update(octets),
        }
    }

    /// The digest of all that was added.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        match self.0 {
            State::Md5(md5) => md5.finalize().to_vec(),
            State::Sha2(sha2) => sha2.finish().as_ref().to_vec(),
        }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher(****)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_the_function_that_it_is_called() {
        let table = [
            (Hash::Md5, "900150983cd24fb0d6963f7d28e17f72"),
            (Hash::Sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            // FIPS 180-4's example; SHA-512 cut short would begin with ddaf35a1.
            (Hash::Sha512_256, "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"),
        ];
        for (hash, expected) in table {
            let mut hasher = hash.begin();
            hasher.update(b"a");
            hasher.update(b"bc");
            let octets = hasher.finish();
            assert_eq!(octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>(), expected);
            assert_eq!((hash.digest(&[b"", b"abc"]), octets.len()), (octets.clone(), hash.octets()));
        }
    }
}
