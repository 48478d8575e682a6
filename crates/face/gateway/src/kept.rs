//! The door to the store: which file it is, and which key seals it.

use std::path::Path;
use std::sync::Arc;

use gatepost::model::secret::Secret;
use gatepost::store::key_source::KeySource;
use gatepost::store::open::{self, Options};
use gatepost::store::seal::SealingKey;
use gatepost::store::store::Store;

use crate::config::keeping::Sealing;
use crate::config::layers::Lookup;
use crate::config::secret::SecretSource;
use crate::error::GatewayError;
use crate::state::{State, read_secret};

/// The variable that may hold the sealing key instead of a file: base64 of 32 octets.
pub const SEAL_KEY: &str = "GATEPOST_SEAL_KEY";

/// The variable that may hold a passphrase instead, of which the key is made.
pub const SEAL_PASSPHRASE: &str = "GATEPOST_SEAL_PASSPHRASE";

/// Opens the store at `path` (the state directory's own if `None`), and makes it if it is not there. Blocks on the disk.
///
/// # Errors
/// As [`source`]; whatever the store says.
pub fn open(
    state: &State,
    path: Option<&Path>,
    sealing: &Sealing,
    environment: Lookup<'_>,
) -> Result<Arc<dyn Store>, GatewayError> {
    let usual = state.store();
    let source = source(state, sealing, environment)?;
    let opened = open::open(path.unwrap_or(&usual), source, &Options::default());
    opened.map_err(|error| GatewayError::engine(&error))
}

/// Where the key that seals the store comes from: what the configuration says, else [`SEAL_KEY`], else
/// [`SEAL_PASSPHRASE`], else the state directory's key file.
///
/// # Errors
/// [`GatewayError::Secret`] if the key is not where it should be, or is none.
pub fn source(state: &State, sealing: &Sealing, environment: Lookup<'_>) -> Result<KeySource, GatewayError> {
    let key = |text: Secret| {
        let text = text.reveal_text().unwrap_or_default();
        SealingKey::from_env_text(text).map(KeySource::Key).map_err(|error| GatewayError::engine(&error))
    };
    if let Some(source) = &sealing.key {
        return key(secret(source, environment)?);
    }
    if let Some(source) = &sealing.passphrase {
        return secret(source, environment).map(KeySource::Passphrase);
    }
    if let Some(text) = environment(SEAL_KEY) {
        return key(Secret::from(text));
    }
    match environment(SEAL_PASSPHRASE) {
        Some(passphrase) => Ok(KeySource::Passphrase(Secret::from(passphrase))),
        None => Ok(KeySource::File(state.seal_key_file())),
    }
}

/// Fetches a secret from where the configuration says that it lies.
pub(crate) fn secret(source: &SecretSource, environment: Lookup<'_>) -> Result<Secret, GatewayError> {
    let missing = |place: String, detail: &str| GatewayError::Secret { place, detail: detail.to_owned() };
    match source {
        SecretSource::Environment(name) => {
            let value = environment(name).filter(|value| !value.is_empty()).map(Secret::from);
            value.ok_or_else(|| missing(format!("environment {name}"), "it is not set, and a secret was to be there"))
        }
        SecretSource::File(path) => read_secret(path).map_err(|detail| missing(path.display().to_string(), &detail)),
    }
}
