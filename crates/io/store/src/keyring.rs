//! The sealing key of an open store, which may change under it: another process may seal the store anew.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use crate::chosen_key::next_to;
use crate::seal::SealingKey;

/// The key in use, and the file where its successor will be found.
pub(crate) struct Keyring {
    current: RwLock<Arc<SealingKey>>,
    file: Option<PathBuf>,
}

impl Keyring {
    /// This key; with a file, the key in it takes over when this one does not open any more.
    pub(crate) fn new(key: SealingKey, file: Option<PathBuf>) -> Self {
        Self { current: RwLock::new(Arc::new(key)), file }
    }

    pub(crate) fn current(&self) -> Arc<SealingKey> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The key that has taken the place of `failed`, if there is one. It is only believed as far as it opens things.
    pub(crate) fn after(&self, failed: &SealingKey) -> Option<Arc<SealingKey>> {
        let current = self.current();
        if !current.is(failed) {
            return Some(current);
        }
        let file = self.file.as_ref()?;
        let found = [next_to(file), file.clone()].iter().find_map(|path| {
            let key = SealingKey::load(path).ok().flatten()?;
            (!key.is(failed)).then(|| Arc::new(key))
        })?;
        Some(found)
    }

    /// This key has opened or sealed something.
    pub(crate) fn proved(&self, key: Arc<SealingKey>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = key;
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring(****)")
    }
}
