//! A server's nonces: made and judged with a key, and kept nowhere.
//!
//! A nonce says until when it is good, holds random octets, and is signed for its realm. Every node that has the key can
//! judge the nonces of every other one; whoever has it not can make none. Its end stands in it and nowhere else, so that
//! no change of a setting gives new life to one whose uses have been forgotten.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost_model::secret::{Secret, same};
use gatepost_model::time::Timestamp;

use crate::keyed::keyed_digest;

/// How far another node's clock may be ahead of ours.
const AHEAD: Duration = Duration::from_secs(60);

/// Octets of the parts: the time in milliseconds, random octets, the signature. Together they make base64 without
/// padding.
const TIME: usize = 8;
const RANDOM: usize = 12;
const SIGNATURE: usize = 16;

/// The key of a server's nonces. Its `Debug` shows nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NonceKey(Secret);

/// What a nonce is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It was made here, or by a node with our key, and is good until then.
    Good {
        /// Its end.
        end: Timestamp,
    },
    /// It was made with our key, but is not good any more; or for longer than nonces are made for now.
    Old,
    /// Nobody with our key made it for this realm.
    Foreign,
}

impl NonceKey {
    /// A key of 32 octets that nobody else knows.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self(Secret::new(key.to_vec()))
    }

    /// A new nonce for this realm, good until `end`.
    #[must_use]
    pub fn make(&self, realm: &str, end: Timestamp, entropy: &[u8; 32]) -> String {
        let mut octets = end.as_millis().to_be_bytes().to_vec();
        octets.extend(entropy.iter().take(RANDOM));
        octets.extend(self.signature(realm, &octets));
        URL_SAFE_NO_PAD.encode(octets)
    }

    /// What this nonce is worth now, in this realm, where nonces are made for `lifetime`.
    #[must_use]
    pub fn judge(&self, nonce: &str, realm: &str, now: Timestamp, lifetime: Duration) -> Standing {
        let Ok(octets) = URL_SAFE_NO_PAD.decode(nonce) else { return Standing::Foreign };
        let Some((signed, signature)) = octets.split_at_checked(TIME + RANDOM) else { return Standing::Foreign };
        if !same(&self.signature(realm, signed), signature) {
            return Standing::Foreign;
        }
        let Some(time) = signed.first_chunk::<TIME>() else { return Standing::Foreign };
        let end = Timestamp::from_millis(i64::from_be_bytes(*time));
        if now <= end && end <= now + lifetime + AHEAD { Standing::Good { end } } else { Standing::Old }
    }

    /// What comes back with every answer to a challenge for this realm.
    #[must_use]
    pub fn opaque(&self, realm: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.sign(&[b"digest opaque", realm.as_bytes()]))
    }

    fn signature(&self, realm: &str, octets: &[u8]) -> Vec<u8> {
        self.sign(&[b"digest nonce", realm.as_bytes(), octets])
    }

    fn sign(&self, parts: &[&[u8]]) -> Vec<u8> {
        let key = self.0.reveal().first_chunk().copied().unwrap_or_default();
        keyed_digest(&key, parts).into_iter().take(SIGNATURE).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(300);

    #[test]
    fn a_nonce_is_good_with_its_key_in_its_realm_for_its_time() {
        let key = NonceKey::new([7; 32]);
        let made = Timestamp::from_secs(1_800_000_000);
        let end = made + LIFETIME;
        let nonce = key.make("r", end, &[9; 32]);
        assert_eq!((nonce.len(), nonce.contains('=')), (48, false));
        assert_ne!(nonce, key.make("r", end, &[8; 32]));
        let judge = |key: &NonceKey, nonce: &str, realm: &str, now| key.judge(nonce, realm, now, LIFETIME);
        let good = Standing::Good { end };
        let later = end + Duration::from_millis(1);
        let table = [
            (made, good),
            (end, good),
            (later, Standing::Old),
            (made - AHEAD, good),
            (made - AHEAD - Duration::from_millis(1), Standing::Old),
        ];
        for (now, expected) in table {
            assert_eq!(judge(&key, &nonce, "r", now), expected, "{now}");
        }
        // Made for longer than nonces live now; and that they live longer now makes it no younger.
        assert_eq!(key.judge(&nonce, "r", made, LIFETIME - Duration::from_secs(61)), Standing::Old);
        assert_eq!(key.judge(&nonce, "r", later, LIFETIME * 100), Standing::Old);
        assert_eq!(judge(&key, &nonce, "s", made), Standing::Foreign);
        assert_eq!(judge(&NonceKey::new([8; 32]), &nonce, "r", made), Standing::Foreign);
        for at in 0..nonce.len() {
            let mut forged = nonce.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert_eq!(judge(&key, &forged, "r", made), Standing::Foreign, "{at}");
        }
        for text in ["", "A", "AAAA", &nonce[..40], &format!("{nonce}AAAA"), "===="] {
            assert_eq!(judge(&key, text, "r", made), Standing::Foreign, "{text}");
        }
    }

    #[test]
    fn the_key_is_not_shown() {
        assert_eq!(format!("{:?}", NonceKey::new([0x41; 32])), "NonceKey(****)");
    }
}
