//! What the library lends: names, credentials, octets. Each is given back once, when its guard is dropped.

use std::slice;

use crate::abi::{BufferDesc, Handle, Release, ReleaseBuffer};
use crate::error::KerberosError;

/// How long a token or a text may be that the library makes, in octets. Tickets of Active Directory reach 48 KiB.
const MAX_LENGTH: usize = 64 << 10;

/// A name of somebody or something. Given back when dropped.
pub(crate) struct Name(pub(super) Held);

/// What somebody proves with. Given back when dropped.
pub(crate) struct Credential(pub(super) Held);

/// What the library lends us by a handle.
pub(super) struct Held {
    pub(super) raw: Handle,
    pub(super) release: Release,
}

// SAFETY: neither library ties names or credentials to a thread.
unsafe impl Send for Held {}
// SAFETY: a name never changes; a credential locks itself, and the one call that does not takes `&mut`.
unsafe impl Sync for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        if self.raw.is_null() {
            return;
        }
        let mut minor = 0;
        // SAFETY: the library made it for us, and it is not used again. A failure would leak it, and there is nobody to tell.
        let _major = unsafe { (self.release)(&raw mut minor, &raw mut self.raw) };
    }
}

/// Octets that the library made. Given back when dropped.
pub(super) struct Buffer {
    pub(super) raw: BufferDesc,
    pub(super) release: ReleaseBuffer,
}

impl Buffer {
    /// A copy.
    pub(super) fn octets(&self) -> Result<Vec<u8>, KerberosError> {
        if self.raw.value.is_null() || self.raw.length == 0 {
            return Ok(Vec::new());
        }
        if self.raw.length > MAX_LENGTH {
            return Err(KerberosError::Token("it is too long".to_owned()));
        }
        // SAFETY: not null, and RFC 2744 §3.2 has `value` point to `length` octets.
        Ok(unsafe { slice::from_raw_parts(self.raw.value.cast::<u8>(), self.raw.length) }.to_vec())
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut minor = 0;
        // SAFETY: empty, or made by the library; nothing borrows it now.
        let _major = unsafe { (self.release)(&raw mut minor, &raw mut self.raw) };
    }
}
