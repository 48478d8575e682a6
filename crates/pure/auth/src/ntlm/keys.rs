//! The arithmetic of version 2: from a password to the proof and the session's key (MS-NLMP 3.3.2, 3.4.5).

use std::fmt;

use gatepost_model::secret::same;
use hmac::{Hmac, KeyInit, Mac};
use md4::Md4;
use md5::{Digest, Md5};
use rc4::{Rc4, StreamCipher};
use zeroize::Zeroizing;

use crate::ntlm::text;

/// Sixteen octets that nobody else may know. Its `Debug` is `****`; wiped when dropped.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; 16]>);

impl Key {
    /// From its octets.
    #[must_use]
    pub fn new(octets: [u8; 16]) -> Self {
        Self(Zeroizing::new(octets))
    }

    /// The octets. Whoever calls this answers for where they go.
    #[must_use]
    pub fn reveal(&self) -> &[u8; 16] {
        &self.0
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        same(self.reveal(), other.reveal())
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}

/// The NT hash of a password, `NTOWFv1`: what a server keeps of it. It is as good as the password to
/// whoever has it.
#[must_use]
pub fn nt_hash(password: &str) -> Key {
    let password = Zeroizing::new(text::utf16(password));
    Key::new(Md4::digest(&*password).into())
}

/// `NTOWFv2`: the NT hash bound to a user and a domain.
#[must_use]
pub fn user_key(nt_hash: &Key, user: &str, domain: &str) -> Key {
    Key::new(hmac(nt_hash, &[&text::utf16(&text::upper(user)), &text::utf16(domain)]))
}

/// `NTProofStr`: that the user's key is known, over the server's nonce and the client's blob.
#[must_use]
pub fn proof(user_key: &Key, nonce: &[u8; 8], blob: &[u8]) -> [u8; 16] {
    hmac(user_key, &[nonce, blob])
}

/// The answer of LM version 2, without what it repeats of the client's nonce.
#[must_use]
pub fn lm_proof(user_key: &Key, nonce: &[u8; 8], client_nonce: &[u8; 8]) -> [u8; 16] {
    hmac(user_key, &[nonce, client_nonce])
}

/// The session's base key; in version 2 it is the key exchange key too.
#[must_use]
pub fn session_key(user_key: &Key, proof: &[u8; 16]) -> Key {
    Key::new(hmac(user_key, &[proof]))
}

/// Encrypts the key that the client chose, or decrypts it: RC4 does both.
#[must_use]
pub fn exchange(session_key: &Key, chosen: &[u8; 16]) -> [u8; 16] {
    let mut octets = *chosen;
    cipher(session_key).apply_keystream(&mut octets);
    octets
}

/// The message integrity code over the three messages; in the last, zeroes stand in its place.
#[must_use]
pub fn integrity(exported: &Key, negotiate: &[u8], challenge: &[u8], authenticate: &[u8]) -> [u8; 16] {
    hmac(exported, &[negotiate, challenge, authenticate])
}

/// HMAC-MD5 over the parts.
pub(crate) fn hmac(key: &Key, parts: &[&[u8]]) -> [u8; 16] {
    // A key as long as a block cannot be of a wrong length; zeroes behind a shorter one are HMAC's own padding (RFC 2104 §2).
    let mut block = Zeroizing::new([0; 64]);
    for (to, from) in block.iter_mut().zip(key.reveal()) {
        *to = *from;
    }
    let mut mac = Hmac::<Md5>::new((&*block).into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// RC4 with this key.
pub(crate) fn cipher(key: &Key) -> Rc4 {
    // The constructor that cannot fail takes 32 octets; RC4 repeats a key until it has 256 anyway.
    let mut twice = Zeroizing::new([0; 32]);
    for (to, from) in twice.iter_mut().zip(key.reveal().iter().cycle()) {
        *to = *from;
    }
    Rc4::new((&*twice).into())
}
