//! What a server keeps of a user's password for one scheme alone: enough to judge, and good for nothing else.

use crate::hash::Hash;

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
