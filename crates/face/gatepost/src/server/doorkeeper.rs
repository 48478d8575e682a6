//! What a server knows of its visitors: users, keys, and the record of what was used once.

use std::sync::Arc;

use gatepost_model::credential::Credential;
use gatepost_model::secret::Secret;
use gatepost_store::store::Store;

use crate::error::Error;
use crate::server::keys::Keys;
use crate::server::passwords::Passwords;

/// The server's world. One for all routes that share users and keys; cheap to share in an `Arc`.
#[derive(Debug)]
pub struct Doorkeeper {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) passwords: Passwords,
    pub(crate) keys: Keys,
}

impl Doorkeeper {
    /// A doorkeeper over these users and these token keys.
    ///
    /// # Errors
    /// If the system has no randomness for the key of the password cache.
    pub fn new(store: Arc<dyn Store>, keys: Keys) -> Result<Self, Error> {
        Ok(Self { store, passwords: Passwords::new()?, keys })
    }

    /// The user's recoverable secret, for schemes that compute with it.
    pub(crate) async fn login(&self, user: Option<&str>) -> Result<Option<Credential>, Error> {
        let Some(name) = user else {
            return Ok(None);
        };
        let user = self.store.user(name).await?;
        Ok(user.and_then(|user| Some(Credential::login(user.name, user.secret?))))
    }

    /// Whether this is the user's password; an unknown user costs the same.
    pub(crate) async fn password_is_right(&self, name: &str, password: &Secret) -> Result<bool, Error> {
        let user = self.store.user(name).await?;
        self.passwords.verify(name, user.map(|user| user.password_hash), password).await
    }
}
