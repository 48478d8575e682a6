//! The facts of certificates, for people and for programs.

use std::path::Path;

use gatepost::tls::certificate::Certificate;
use gatepost::tls::pem;
use gatepost_gateway::small_file;
use serde_json::{Value, json};

use crate::error::CliError;

pub(crate) fn from_file(path: &Path) -> Result<Certificate, CliError> {
    let chain = chain(path)?;
    facts(chain.first().map_or(&[], Vec::as_slice))
}

/// The certificates of a PEM file.
pub(crate) fn chain(path: &Path) -> Result<Vec<Vec<u8>>, CliError> {
    Ok(pem::parse_chain_pem(&read(path)?).map_err(gatepost::Error::from)?)
}

/// A file of at most 1 MiB.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    small_file::read(path, small_file::LONGEST_PEM).map_err(|error| CliError::io(path.display().to_string(), &error))
}

pub(crate) fn facts(der: &[u8]) -> Result<Certificate, CliError> {
    Ok(Certificate::parse(der).map_err(gatepost::Error::from)?)
}

pub(crate) fn to_json(facts: &Certificate) -> Value {
    json!({
        "subject": facts.subject,
        "issuer": facts.issuer,
        "names": facts.names(),
        "not_before": facts.not_before.to_string(),
        "not_after": facts.not_after.to_string(),
        "key": facts.key_kind,
        "bits": facts.key_bits,
        "authority": facts.is_ca,
        "sha256": hex(&facts.fingerprint),
        "sha1": hex(&facts.thumbprint),
        "spki_sha256": hex(&facts.spki),
    })
}

pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
