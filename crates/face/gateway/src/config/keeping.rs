//! What is kept, where, and sealed with what: the store and the decision log.

use std::path::{Path, PathBuf};

use gatepost::store::journal::USUAL_SIZE;

use crate::config::document::Document;
use crate::config::layers::Layers;
use crate::config::secret::{Sealing, SecretSource};
use crate::config::spec::{LogSpec, SecretSpec, StoreSpec, Written};
use crate::error::GatewayError;

/// Where the store is, and where its key comes from.
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
    let key = secret_source("store.seal_key", spec.seal_key, document, layers)?;
    let passphrase = secret_source("store.seal_passphrase", spec.seal_passphrase, document, layers)?;
    Ok((path, Sealing { key, passphrase }))
}

fn secret_source(
    name: &str,
    spec: Written<SecretSpec>,
    document: &Document,
    layers: &mut Layers<'_>,
) -> Result<Option<SecretSource>, GatewayError> {
    let Some(spec) = spec else { return Ok(None) };
    let span = spec.span();
    let source = SecretSource::read(spec, document)?;
    layers.note(name, &source, document.source(&span));
    Ok(Some(source))
}

/// How large the decision log grows before it gives way to a new one; `None` if none is kept.
pub(crate) fn decision_bytes(spec: LogSpec, layers: &mut Layers<'_>) -> Result<Option<u64>, GatewayError> {
    let kept = layers.pick("log.decisions", spec.decisions, true)?;
    let range = 64 * 1024..=1024 * 1024 * 1024;
    let octets = layers.pick_within("log.decision_bytes", spec.decision_bytes, USUAL_SIZE, &range)?;
    Ok(kept.then_some(octets))
}
