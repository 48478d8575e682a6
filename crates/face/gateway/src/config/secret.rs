//! Secrets: where they lie.

use std::path::PathBuf;

use toml::Spanned;

use crate::config::document::Document;
use crate::config::spec::SecretSpec;
use crate::error::GatewayError;

/// Where a secret lies. It is never written in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretSource {
    /// In an environment variable.
    Environment(String),
    /// In a file; a line end at its end does not belong to it.
    File(PathBuf),
}

/// Where a secret is said to lie.
pub(crate) fn secret_source(spec: Spanned<SecretSpec>, document: &Document) -> Result<SecretSource, GatewayError> {
    let span = spec.span();
    match spec.into_inner() {
        SecretSpec { env: Some(name), file: None } => Ok(SecretSource::Environment(name)),
        SecretSpec { env: None, file: Some(file) } => Ok(SecretSource::File(document.beside(&file))),
        _ => Err(document
            .wrong(&span, "expected `{ env = \"NAME\" }` or `{ file = \"…\" }`: a secret is never written here")),
    }
}
