//! The hash functions that proofs of requests are made with.

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
