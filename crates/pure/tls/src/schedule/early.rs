//! What the key schedule begins with where there is no earlier session, and what it leaves out.

use aws_lc_rs::{digest, hmac, rand};
use gatepost_model::secret::same;
use rustls::crypto::tls13::{HkdfExpander, OkmBlock, OutputLengthError};

use super::expand::{LONGEST, expand, first_block};

/// What every schedule begins with. None of it is secret without an earlier session.
pub(super) struct Early {
    /// The salt that stands for none: zeros (RFC 5869 §2.2).
    pub(super) no_salt: hmac::Key,
    /// The early secret of nothing (RFC 8446 §7.1).
    secret: hmac::Key,
    /// What `Derive-Secret(., "derived", "")` expands, the counter of HKDF's first block included.
    derived_label: Vec<u8>,
    /// And what it gives.
    pub(super) derived: hmac::Tag,
    /// The same as the salt of the handshake secret.
    pub(super) handshake_salt: hmac::Key,
    /// What stands for every secret of early data; `None` if the system had no randomness.
    pub(super) refused: Option<Refused>,
}

/// Early data is off in this house (RFC 8446 §8), at both ends. rustls derives its secret, key and IV all the same in each
/// handshake that resumes, and throws them away. These octets stand in their place: nobody knows them, and no peer has
/// the same, so that early data could not be read even if it were let in.
pub(super) struct Refused(OkmBlock);

impl Refused {
    fn new(length: usize) -> Option<Self> {
        let mut octets = [0; LONGEST];
        let octets = octets.get_mut(..length)?;
        rand::fill(octets).ok()?;
        Some(Self(OkmBlock::new(octets)))
    }

    /// Its octets, if `info` asks for the secret of early data.
    pub(super) fn instead_of(&self, info: &[&[u8]]) -> Option<OkmBlock> {
        (info.get(3) == Some(&&b"c e traffic"[..])).then(|| self.0.clone())
    }

    /// Whether this is it.
    pub(super) fn is(&self, okm: &[u8]) -> bool {
        same(self.0.as_ref(), okm)
    }
}

impl HkdfExpander for &'static Refused {
    fn expand_slice(&self, _info: &[&[u8]], output: &mut [u8]) -> Result<(), OutputLengthError> {
        let octets = self.0.as_ref().get(..output.len()).ok_or(OutputLengthError)?;
        output.copy_from_slice(octets);
        Ok(())
    }

    fn expand_block(&self, _info: &[&[u8]]) -> OkmBlock {
        self.0.clone()
    }

    fn hash_len(&self) -> usize {
        self.0.as_ref().len()
    }
}

impl Early {
    pub(super) fn new(algorithm: hmac::Algorithm) -> Self {
        let hash = algorithm.digest_algorithm();
        let zeros = [0; LONGEST];
        let zeros = zeros.get(..hash.output_len()).unwrap_or(&zeros);
        let no_salt = hmac::Key::new(algorithm, zeros);
        let secret = hmac::Key::new(algorithm, hmac::sign(&no_salt, zeros).as_ref());
        let empty = digest::digest(hash, b"");
        let length = u8::try_from(hash.output_len()).unwrap_or_default();
        // RFC 8446 §7.1: HkdfLabel is a length, a label and a context, each of the last two behind its length.
        let derived_label = [&[0, length, 13], &b"tls13 derived"[..], &[length], empty.as_ref(), &[1]].concat();
        let derived = hmac::sign(&secret, &derived_label);
        let handshake_salt = hmac::Key::new(algorithm, derived.as_ref());
        let refused = Refused::new(hash.output_len());
        Self { no_salt, secret, derived_label, derived, handshake_salt, refused }
    }
}

impl HkdfExpander for &'static Early {
    fn expand_slice(&self, info: &[&[u8]], output: &mut [u8]) -> Result<(), OutputLengthError> {
        expand(&self.secret, info, output)
    }

    fn expand_block(&self, info: &[&[u8]]) -> OkmBlock {
        let message = first_block(info);
        if message == self.derived_label {
            return OkmBlock::new(self.derived.as_ref());
        }
        OkmBlock::new(hmac::sign(&self.secret, &message).as_ref())
    }

    fn hash_len(&self) -> usize {
        self.secret.algorithm().tag_len()
    }
}
