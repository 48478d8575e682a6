//! Contexts that belong to no connection: lent to one for one message.

use std::fmt;

use flate2::{Compress, Decompress};

/// What connections without context takeover share: one for each worker (or thread), lent to every call in turn. It owns
/// nothing before the first use.
#[derive(Default)]
pub struct Contexts {
    pub(crate) inflating: Vec<Decompress>,
    pub(crate) compressing: Vec<(u8, u8, Compress)>,
}

impl fmt::Debug for Contexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contexts").finish_non_exhaustive()
    }
}
