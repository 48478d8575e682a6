//! A keyed digest: how caches name what must not be readable in them.

use std::fmt;

use aws_lc_rs::hmac;

/// A key, made ready for many digests.
pub struct DigestKey(hmac::Key);

impl DigestKey {
    /// From 32 octets that nobody else knows.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// Begins a digest.
    #[must_use]
    pub fn begin(&self) -> Parts {
        Parts(hmac::Context::with_key(&self.0))
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestKey(****)")
    }
}

/// A digest in the making.
pub struct Parts(hmac::Context);

impl Parts {
    /// Adds a part: its length, then its octets, so that no two lists of parts are one.
    pub fn add(&mut self, part: &[u8]) {
        self.0.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        self.0.update(part);
    }

    /// HMAC-SHA-256 over all parts.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        let mut digest = [0; 32];
        for (to, from) in digest.iter_mut().zip(self.0.sign().as_ref()) {
            *to = *from;
        }
        digest
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parts(****)")
    }
}

/// HMAC-SHA-256 over the parts, each one prefixed with its length so that no two lists collide.
///
/// Caches of verified credentials use it with a key that lives as long as the process: what is in
/// memory then tells neither a password nor whether two users share one.
#[must_use]
pub fn keyed_digest(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = DigestKey::new(key).begin();
    for part in parts {
        digest.add(part);
    }
    digest.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        let key = [7; 32];
        assert_ne!(keyed_digest(&key, &[b"ab", b"c"]), keyed_digest(&key, &[b"a", b"bc"]));
        assert_ne!(keyed_digest(&key, &[b"a"]), keyed_digest(&[8; 32], &[b"a"]));
        assert_eq!(keyed_digest(&key, &[b"a"]), keyed_digest(&key, &[b"a"]));
    }

    #[test]
    fn it_is_hmac_over_lengths_and_octets() {
        let whole = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]), b"\0\0\0\0\0\0\0\x02ab\0\0\0\0\0\0\0\0");
        assert_eq!(keyed_digest(&[7; 32], &[b"ab", b""]), whole.as_ref());
    }
}
