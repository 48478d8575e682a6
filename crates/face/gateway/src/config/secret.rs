//! Where a secret lies that the configuration refers to.

use std::fmt;
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

impl SecretSource {
    /// Where a written secret lies.
    pub(crate) fn read(spec: Spanned<SecretSpec>, document: &Document) -> Result<Self, GatewayError> {
        let span = spec.span();
        match spec.into_inner() {
            SecretSpec { env: Some(name), file: None } => Ok(Self::Environment(name)),
            SecretSpec { env: None, file: Some(file) } => Ok(Self::File(document.beside(&file))),
            _ => Err(document
                .wrong(&span, "expected `{ env = \"NAME\" }` or `{ file = \"…\" }`: a secret is never written here")),
        }
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::File(file) => write!(f, "{}", file.display()),
        }
    }
}
