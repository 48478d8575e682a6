//! Where the key comes from that seals a store.

use std::path::PathBuf;

use gatepost_model::secret::Secret;

use crate::seal::SealingKey;

/// Where the sealing key comes from.
#[derive(Debug)]
pub enum KeySource {
    /// The key itself.
    Key(SealingKey),
    /// A file, as [`SealingKey::load`] reads it. It is made together with a store that does not
    /// exist yet, and never for one that does.
    File(PathBuf),
    /// A passphrase, of which Argon2id makes the key; a store that is made with one remembers its salt.
    Passphrase(Secret),
}
