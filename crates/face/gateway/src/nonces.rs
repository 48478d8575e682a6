//! The key that Digest's nonces are signed with: one for all who share the store, and the same after a restart.

use gatepost::auth::digest::nonce::NonceKey;
use gatepost::clock;
use gatepost::model::secret::Secret;
use gatepost::store::error::StoreError;
use gatepost::store::store::Store;

use crate::error::GatewayError;

/// Under which name it is kept.
const KEY: &str = "digest.nonces";

/// Takes the key out of the store, and makes it on the first call.
///
/// # Errors
/// Whatever the store says, or that the system has no randomness.
pub(crate) async fn key(store: &dyn Store) -> Result<NonceKey, GatewayError> {
    let failed = |error: StoreError| GatewayError::engine(&error);
    if store.secret(KEY).await.map_err(failed)?.is_none() {
        let made = clock::entropy().map_err(|error| GatewayError::engine(&error))?;
        store.put_secret(KEY, Secret::new(made.to_vec())).await.map_err(failed)?;
    }
    // Another process may have made one at the same time: what is kept counts.
    let kept = store.secret(KEY).await.map_err(failed)?;
    let octets = kept.as_ref().and_then(|kept| <[u8; 32]>::try_from(kept.reveal()).ok());
    let unfit = || gatepost::Error::environment(format!("the secret `{KEY}` of the store is not 32 octets"));
    octets.map(NonceKey::new).ok_or_else(|| GatewayError::engine(&unfit()))
}

#[cfg(test)]
mod tests {
    use gatepost::store::memory::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn it_is_made_once() {
        let store = MemoryStore::new();
        let key = key(&store).await.unwrap();
        assert_eq!(super::key(&store).await.unwrap(), key);
        assert_ne!(super::key(&MemoryStore::new()).await.unwrap(), key);
        store.put_secret(KEY, Secret::from("short")).await.unwrap();
        assert!(super::key(&store).await.is_err());
    }
}
