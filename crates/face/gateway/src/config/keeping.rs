//! `[store]` and `[log]`: what is kept where, and what seals it.

use std::path::{Path, PathBuf};

use gatepost::store::journal::USUAL_SIZE;

use crate::config::document::Document;
use crate::config::layers::Layers;
use crate::config::secret::SecretSource;
use crate::config::spec::{LogSpec, SecretSpec, StoreSpec, Written};
use crate::error::GatewayError;

/// Where the configuration says that the sealing key comes from; at most one of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sealing {
    /// The key, as base64 of 32 octets.
    pub key: Option<SecretSource>,
    /// A passphrase, of which Argon2id makes the key.
    pub passphrase: Option<SecretSource>,
}

/// Gives `[store]` its meaning.
pub(crate) fn keeping(
    spec: StoreSpec,
    document: Option<&Document>,
    layers: &mut Layers<'_>,
) -> Result<(Option<PathBuf>, Sealing), GatewayError> {
    let path = layers.pick_any("store.path", spec.path)?;
    let path =
        path.map(|path| document.map_or_else(|| PathBuf::from(&path), |document| document.beside(Path::new(&path))));
    let Some(document) = document else { return Ok((path, Sealing::default())) };
    if let (Some(_), Some(second)) = (&spec.seal_key, &spec.seal_passphrase) {
        return Err(document.wrong(&second.span(), "a store is sealed with a key or with a passphrase, not with both"));
    }
    let mut source = |name: &str, spec: Written<SecretSpec>| {
        let Some(spec) = spec else { return Ok(None) };
        let span = spec.span();
        let source = SecretSource::read(spec, document)?;
        layers.note(name, &source, document.source(&span));
        Ok::<_, GatewayError>(Some(source))
    };
    let key = source("store.seal_key", spec.seal_key)?;
    let passphrase = source("store.seal_passphrase", spec.seal_passphrase)?;
    Ok((path, Sealing { key, passphrase }))
}

/// Gives `[log]` its meaning: after how many octets the decision log gives way to a new one, if one is kept.
pub(crate) fn decision_bytes(spec: LogSpec, layers: &mut Layers<'_>) -> Result<Option<u64>, GatewayError> {
    let kept = layers.pick("log.decisions", spec.decisions, true)?;
    let range = 64 * 1024..=1024 * 1024 * 1024;
    let octets = layers.pick_within("log.decision_bytes", spec.decision_bytes, USUAL_SIZE, &range)?;
    Ok(kept.then_some(octets))
}
