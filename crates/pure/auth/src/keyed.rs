//! A keyed digest: how caches name what must not be readable in them.

use aws_lc_rs::hmac;

/// HMAC-SHA-256 over the parts, each one prefixed with its length so that no two lists collide.
///
/// Caches of verified credentials use it with a key that lives as long as the process: what is in
/// memory then tells neither a password nor whether two users share one.
#[must_use]
pub fn keyed_digest(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(part);
    }
    let mut digest = [0; 32];
    for (to, from) in digest.iter_mut().zip(context.sign().as_ref()) {
        *to = *from;
    }
    digest
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
}
