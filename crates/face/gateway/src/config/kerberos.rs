//! What the gateway judges Kerberos with: `[auth.kerberos]`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use gatepost::kerberos::service::Service;
use serde::Deserialize;

use crate::config::document::Document;
use crate::config::layers::Layers;
use crate::config::spec::KerberosSpec;
use crate::error::GatewayError;

/// The keys of the gateway's service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keytab {
    /// The file.
    pub file: PathBuf,
    /// The service. Default `HTTP`, on every host that the file has keys of.
    pub service: Service,
}

/// A service as it is written: `HTTP` or `HTTP/www.example.com`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Named(Service);

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |_| format!("expected a service such as `HTTP/www.example.com`, found `{text}`");
        text.parse().map(Self).map_err(wrong)
    }
}

impl TryFrom<String> for Named {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The keytab, if one is set: without, nobody comes in by Kerberos.
pub(crate) fn keytab(
    spec: KerberosSpec,
    document: Option<&Document>,
    layers: &mut Layers<'_>,
) -> Result<Option<Keytab>, GatewayError> {
    let file: Option<String> = layers.pick_any("auth.kerberos.keytab", spec.keytab)?;
    let every = "HTTP".parse::<Named>().map_err(|problem| GatewayError::Setting {
        place: "built-in default".into(),
        problem,
        hint: None,
    })?;
    let service = layers.pick("auth.kerberos.service", spec.service, every)?.0;
    Ok(file.map(|file| {
        let file = document.map_or_else(|| PathBuf::from(&file), |document| document.beside(Path::new(&file)));
        Keytab { file, service }
    }))
}
