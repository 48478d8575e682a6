//! What a server keeps of a user's password for one scheme alone: enough to judge, and good for nothing else.

use gatepost_model::secret::Secret;

use crate::digest::computed;
use crate::hash::Hash;
use crate::ntlm::keys::nt_hash;

/// What a scheme computes with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// H(user:realm:password) (RFC 7616 §3.4.2). Whoever has it can prove with Digest in this realm.
    DigestHa1 {
        /// The hash function.
        hash: Hash,
        /// The realm.
        realm: String,
    },
    /// MD4 of the password in UTF-16 ([MS-NLMP] §3.3.1). Whoever has it can prove with NTLM anywhere.
    NtHash,
}

impl Kind {
    /// What it is kept under: the same text in every version.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::DigestHa1 { hash: Hash::Md5, realm } => format!("digest MD5 {realm}"),
            Self::DigestHa1 { hash: Hash::Sha256, realm } => format!("digest SHA-256 {realm}"),
            Self::DigestHa1 { hash: Hash::Sha512_256, realm } => format!("digest SHA-512-256 {realm}"),
            Self::NtHash => "nt".into(),
        }
    }

    /// What is computed of a user's password; `None` if the password is not text and has to be.
    #[must_use]
    pub fn compute(&self, user: &str, password: &Secret) -> Option<Secret> {
        match self {
            Self::DigestHa1 { hash, realm } => Some(computed::ha1(*hash, user, realm, password)),
            Self::NtHash => Some(Secret::new(nt_hash(password.reveal_text()?).reveal().to_vec())),
        }
    }

    /// What a user may be called in its place where only this is known of the name (RFC 7616 §3.4.4).
    #[must_use]
    pub fn alias(&self, user: &str) -> Option<String> {
        match self {
            Self::DigestHa1 { hash, realm } => Some(computed::userhash(*hash, user, realm)),
            Self::NtHash => None,
        }
    }
}
