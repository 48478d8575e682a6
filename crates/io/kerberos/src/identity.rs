//! Who a client proves to be, and with what: chosen for each context, never by the environment.

use std::path::PathBuf;

use gatepost_model::secret::Secret;

/// What an initiator proves with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Whoever runs this process: the credential cache that the library finds for it.
    Ambient,
    /// The tickets in this file, which `kinit -c FILE` writes.
    Cache(PathBuf),
    /// The key of this principal, from this keytab. Tickets are kept in memory.
    Keytab {
        /// The file.
        file: PathBuf,
        /// `user@REALM`; without a realm, in the default one.
        principal: String,
    },
    /// The password of this principal. Tickets are kept in memory.
    Password {
        /// `user@REALM`; without a realm, in the default one.
        principal: String,
        /// The password.
        password: Secret,
    },
}
