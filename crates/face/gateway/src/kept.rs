//! The door to the store: which file it is, and which key seals it.

use std::path::Path;
use std::sync::Arc;

use gatepost::model::secret::Secret;
use gatepost::store::open::{self, KeySource, Options};
use gatepost::store::seal::SealingKey;
use gatepost::store::store::Store;

use crate::config::layers::Lookup;
use crate::config::secret::SecretSource;
use crate::error::GatewayError;
use crate::state::{State, read_secret};

/// The variable that may hold the sealing key instead of a file: base64 of 32 octets.
pub const SEAL_KEY: &str = "GATEPOST_SEAL_KEY";

/// Opens the store at `path` (the state directory's own if `None`), and makes it if it is not there.
///
/// The key that seals its secrets comes from `seal_key`, else from [`SEAL_KEY`], else from the state
/// directory's key file. Blocks on the disk.
///
/// # Errors
/// [`GatewayError::Secret`] if the key is not where it should be; whatever the store says.
pub fn open(
    state: &State,
    path: Option<&Path>,
    seal_key: Option<&SecretSource>,
    environment: Lookup<'_>,
) -> Result<Arc<dyn Store>, GatewayError> {
    let usual = state.store();
    let text = match seal_key {
        Some(source) => Some(secret(source, environment)?),
        None => environment(SEAL_KEY).map(Secret::from),
    };
    let key = match text {
        Some(text) => {
            let text = text.reveal_text().unwrap_or_default();
            KeySource::Key(SealingKey::from_env_text(text).map_err(|error| GatewayError::engine(&error))?)
        }
        None => KeySource::File(state.seal_key_file()),
    };
    let opened = open::open(path.unwrap_or(&usual), key, &Options::default());
    opened.map_err(|error| GatewayError::engine(&error))
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
