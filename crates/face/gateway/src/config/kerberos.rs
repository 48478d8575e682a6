//! What the gateway judges Kerberos with: `[auth.kerberos]`.

use std::path::{Path, PathBuf};

use gatepost::kerberos::service::Service;

use crate::config::document::Document;
use crate::config::layers::Layers;
use crate::config::spec::KerberosSpec;
use crate::config::value::ServiceName;
use crate::error::GatewayError;

/// The keys of the gateway's service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keytab {
    /// The file.
    pub file: PathBuf,
    /// The service. Default `HTTP`, on every host that the file has keys of.
    pub service: Service,
}

/// The keytab, if one is set: without, nobody comes in by Kerberos.
pub(crate) fn keytab(
    spec: KerberosSpec,
    document: Option<&Document>,
    layers: &mut Layers<'_>,
) -> Result<Option<Keytab>, GatewayError> {
    let file: Option<String> = layers.pick_any("auth.kerberos.keytab", spec.keytab)?;
    let every = "HTTP".parse::<ServiceName>().map_err(|problem| GatewayError::Setting {
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
