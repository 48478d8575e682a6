//! Revocation lists (RFC 5280 §5) that can be read, known by their digest: they may have megabytes.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use gatepost_model::time::Timestamp;

use crate::error::TlsError;
use crate::verify::judge::Judge;
use crate::verify::trust;

/// Lists of one or several authorities. Two are the same if they hold the same lists in the same order.
#[derive(Clone)]
pub struct RevocationLists {
    lists: Arc<[Vec<u8>]>,
    digest: [u8; 32],
}

impl RevocationLists {
    /// Takes lists as DER; none is fine.
    ///
    /// # Errors
    /// [`TlsError::Malformed`] for what is no list.
    pub fn new(lists: Vec<Vec<u8>>) -> Result<Self, TlsError> {
        // Who can judge by them can read them.
        Judge::new(&[])?.with_revocation(&lists, true)?;
        Ok(Self::of(lists))
    }

    /// Lists that have been read before, or will be when a verifier is made of them.
    fn of(lists: Vec<Vec<u8>>) -> Self {
        let mut context = Context::new(&SHA256);
        for list in &lists {
            // DER says where it ends.
            context.update(list);
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        Self { lists: lists.into(), digest }
    }

    /// When the first of them is too old; `None` if none says so, or there is none.
    #[must_use]
    pub fn fresh_until(&self) -> Option<Timestamp> {
        self.lists.iter().filter_map(|list| trust::next_update(list)).min()
    }

    /// Each of them as DER.
    #[must_use]
    pub fn as_der(&self) -> &[Vec<u8>] {
        &self.lists
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }
}

impl Default for RevocationLists {
    /// No list at all.
    fn default() -> Self {
        Self::of(Vec::new())
    }
}

impl PartialEq for RevocationLists {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for RevocationLists {}

impl Hash for RevocationLists {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}

impl fmt::Debug for RevocationLists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationLists").field("count", &self.lists.len()).finish_non_exhaustive()
    }
}
