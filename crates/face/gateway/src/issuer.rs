//! The local issuer: bearer tokens for machines that have no other issuer.

use std::time::Duration;

use gatepost::auth::jose::algorithm::Algorithm;
use gatepost::auth::jose::jwk::KeySet;
use gatepost::auth::jose::jwt::{self, Claims};
use gatepost::auth::jose::signing::SigningKey;
use gatepost::clock;
use gatepost::model::time::Timestamp;
use gatepost::model::token::Token;
use gatepost::store::store::Store;
use gatepost::tls::issue::Authority;

use crate::error::GatewayError;

/// What its tokens carry as `iss`.
pub const NAME: &str = "gatepost-local";
/// What its tokens carry as `aud` unless another audience is asked for.
pub const AUDIENCE: &str = "gatepost-local";
/// Under which name its key is kept.
const KEY: &str = "issuer.key";

/// An issuer whose ES256 key lies sealed in the store.
#[derive(Debug)]
pub struct Issuer {
    key: SigningKey,
}

impl Issuer {
    /// Takes the key out of the store, and makes it on the first call.
    ///
    /// # Errors
    /// Whatever the store says, or that no key can be made.
    pub async fn open(store: &dyn Store, now: Timestamp) -> Result<Self, GatewayError> {
        let failed = |error: gatepost::store::error::StoreError| GatewayError::engine(&error);
        let kept = match store.secret(KEY).await.map_err(failed)? {
            Some(key) => key,
            None => {
                // An authority's key is a fresh ECDSA P-256 key, which is what ES256 signs with
                // (RFC 7518 §3.4). Its certificate is not used.
                let made = Authority::create("Gatepost token issuer", now, Duration::from_secs(60));
                let made = made.map_err(|error| GatewayError::engine(&error))?.key();
                store.put_secret(KEY, made.clone()).await.map_err(failed)?;
                made
            }
        };
        let key = SigningKey::from_pkcs8(Algorithm::Es256, Some(NAME.into()), &kept);
        Ok(Self { key: key.map_err(|error| GatewayError::engine(&error))? })
    }

    /// The keys that its tokens are verified with.
    #[must_use]
    pub fn keys(&self) -> KeySet {
        KeySet::new(vec![self.key.verification_key().clone()])
    }

    /// Issues a token for `user`, good from `now` for `lifetime`, meant for `audience` or for us.
    ///
    /// # Errors
    /// If the user has no name, or the system no randomness for the token's identifier.
    pub fn issue(
        &self,
        user: &str,
        audience: Option<&str>,
        now: Timestamp,
        lifetime: Duration,
    ) -> Result<Token, GatewayError> {
        let entropy = clock::entropy().map_err(|error| GatewayError::engine(&error))?;
        let id: String = entropy.iter().take(16).map(|octet| format!("{octet:02x}")).collect();
        let claims =
            Claims::new(user, now, lifetime).issued_by(NAME).meant_for(audience.unwrap_or(AUDIENCE)).identified(id);
        jwt::issue(&self.key, &claims).map_err(|error| GatewayError::engine(&error))
    }
}
