//! What is computed: H(A1), H(A2), the response, and the server's answer to it (RFC 7616 §3.4, §3.5).
//!
//! `H(…)` is written out in lower-case hexadecimal digits before it goes into the next digest, so all values here
//! are such digits.

use gatepost_model::secret::Secret;

use crate::digest::algorithm::Algorithm;
use crate::digest::qop::Qop;
use crate::hash::Hash;

/// The digits that stand for no user's H(A1): what an unknown user is computed with, so that it costs the same.
const NOBODY: &[u8] = b"0000000000000000000000000000000000000000000000000000000000000000";

/// H(user:realm:password) (RFC 7616 §3.4.2): what a server keeps. Whoever has it can prove with this function in this
/// realm.
#[must_use]
pub fn ha1(hash: Hash, user: &str, realm: &str, password: &Secret) -> Secret {
    hex(&hash.digest(&[user.as_bytes(), b":", realm.as_bytes(), b":", password.reveal()])).into()
}

/// What is computed with where there is no record.
#[must_use]
pub fn nobody(hash: Hash) -> Secret {
    Secret::new(NOBODY.iter().copied().take(hash.octets().saturating_mul(2)).collect())
}

/// The user's name as it goes over the wire with `userhash=true` (RFC 7616 §3.4.4): H(user:realm).
#[must_use]
pub fn userhash(hash: Hash, user: &str, realm: &str) -> String {
    hex(&hash.digest(&[user.as_bytes(), b":", realm.as_bytes()]))
}

/// What one proof is made of, beside the secret.
#[derive(Debug, Clone, Copy)]
pub struct Covered<'a> {
    /// How.
    pub algorithm: Algorithm,
    /// The server's nonce.
    pub nonce: &'a str,
    /// The counted form; `None` is RFC 2069's.
    pub counted: Option<Counted<'a>>,
    /// The request's method.
    pub method: &'a str,
    /// The request's target, octet for octet.
    pub uri: &'a str,
}

/// What RFC 2617 added: the client's own nonce, a count and what is covered.
#[derive(Debug, Clone, Copy)]
pub struct Counted<'a> {
    /// The client's nonce.
    pub cnonce: &'a str,
    /// How often the nonce has been used, as eight hexadecimal digits.
    pub nc: &'a str,
    /// What is covered.
    pub qop: Qop,
    /// The digest of the body, for [`Qop::AuthInt`]: of no octets, where there are none.
    pub body: &'a [u8],
}

impl Covered<'_> {
    /// The client's `response` (RFC 7616 §3.4.1), for the [`ha1`] of its user.
    #[must_use]
    pub fn response(&self, ha1: &Secret) -> String {
        self.digest(ha1, self.method)
    }

    /// The server's `rspauth` (RFC 7616 §3.5): the same without a method, so that it is no proof for a client.
    #[must_use]
    pub fn rspauth(&self, ha1: &Secret) -> String {
        self.digest(ha1, "")
    }

    fn digest(&self, ha1: &Secret, method: &str) -> String {
        let key = self.key(ha1);
        let ha2 = self.ha2(method);
        let hash = self.algorithm.hash;
        let (key, nonce, ha2) = (key.reveal(), self.nonce.as_bytes(), ha2.as_bytes());
        hex(&match self.counted {
            Some(Counted { cnonce, nc, qop, .. }) => {
                let (nc, cnonce, qop) = (nc.as_bytes(), cnonce.as_bytes(), qop.name().as_bytes());
                hash.digest(&[key, b":", nonce, b":", nc, b":", cnonce, b":", qop, b":", ha2])
            }
            // RFC 7616 §3.4.1 knows this form no more; RFC 2617 §3.2.2.1 does.
            None => hash.digest(&[key, b":", nonce, b":", ha2]),
        })
    }

    /// H(A1): the kept one, or that of the session (RFC 7616 §3.4.2).
    fn key(&self, ha1: &Secret) -> Secret {
        if !self.algorithm.session {
            return ha1.clone();
        }
        let cnonce = self.counted.map_or("", |counted| counted.cnonce);
        let parts: [&[u8]; 5] = [ha1.reveal(), b":", self.nonce.as_bytes(), b":", cnonce.as_bytes()];
        hex(&self.algorithm.hash.digest(&parts)).into()
    }

    /// H(A2) (RFC 7616 §3.4.3).
    fn ha2(&self, method: &str) -> String {
        let hash = self.algorithm.hash;
        let (method, uri) = (method.as_bytes(), self.uri.as_bytes());
        hex(&match self.counted {
            Some(Counted { qop: Qop::AuthInt, body, .. }) => {
                hash.digest(&[method, b":", uri, b":", hex(body).as_bytes()])
            }
            Some(Counted { qop: Qop::Auth, .. }) | None => hash.digest(&[method, b":", uri]),
        })
    }
}

/// Lower-case digits, as all of Digest is written in.
#[must_use]
pub fn hex(octets: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().map_or('0', char::from);
    octets.iter().flat_map(|octet| [digit(octet >> 4), digit(octet & 15)]).collect()
}
