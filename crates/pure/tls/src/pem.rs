//! Certificates and keys out of PEM (RFC 7468), with errors that say what was found instead.

use base64::Engine;
use gatepost_model::secret::Secret;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use crate::error::TlsError;

/// Reads every certificate in a PEM text, leaf first as the file has it. Never empty.
///
/// # Errors
/// [`TlsError::Malformed`] if there is none or one is damaged.
pub fn parse_chain_pem(pem: &[u8]) -> Result<Vec<Vec<u8>>, TlsError> {
    let wrong = |detail: String| TlsError::Malformed { what: "certificate chain", detail };
    let chain = CertificateDer::pem_slice_iter(pem)
        .map(|der| der.map(|der| der.as_ref().to_vec()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| wrong(error.to_string()))?;
    if chain.is_empty() {
        return Err(wrong(format!("there is no certificate in it{}", found(pem))));
    }
    for der in &chain {
        crate::certificate::Certificate::parse(der)?;
    }
    Ok(chain)
}

/// Reads the first private key in a PEM text as DER: PKCS #8, PKCS #1 or SEC 1.
///
/// # Errors
/// [`TlsError::Malformed`] if there is none, it is damaged, or it is encrypted.
pub fn parse_key_pem(pem: &[u8]) -> Result<Secret, TlsError> {
    let wrong = |detail: String| TlsError::Malformed { what: "private key", detail };
    match PrivateKeyDer::from_pem_slice(pem) {
        Ok(key) => Ok(Secret::new(key.secret_der().to_vec())),
        Err(rustls::pki_types::pem::Error::NoItemsFound) => {
            Err(wrong(format!("there is no unencrypted private key in it{}", found(pem))))
        }
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// Reads every revocation list in a PEM text as DER. Never empty.
///
/// # Errors
/// [`TlsError::Malformed`] if there is none or one is damaged.
pub fn parse_lists_pem(pem: &[u8]) -> Result<Vec<Vec<u8>>, TlsError> {
    let wrong = |detail: String| TlsError::Malformed { what: "revocation list", detail };
    let lists = CertificateRevocationListDer::pem_slice_iter(pem)
        .map(|list| list.map(|list| list.as_ref().to_vec()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| wrong(error.to_string()))?;
    if lists.is_empty() {
        return Err(wrong(format!("there is no revocation list in it{}", found(pem))));
    }
    Ok(lists)
}

/// Whether a PEM text has a private key that is not encrypted, damaged or not.
#[must_use]
pub fn has_key(pem: &[u8]) -> bool {
    !matches!(PrivateKeyDer::from_pem_slice(pem), Err(rustls::pki_types::pem::Error::NoItemsFound))
}

/// Writes a private key (PKCS #8 DER) as PEM. The text is the key: keep it where nobody else reads.
#[must_use]
pub fn key_pem(key: &Secret) -> Secret {
    Secret::from(write_block("PRIVATE KEY", key.reveal()))
}

/// Writes one certificate as PEM, lines of 64 characters.
#[must_use]
pub fn certificate_pem(der: &[u8]) -> String {
    write_block("CERTIFICATE", der)
}

fn write_block(label: &str, der: &[u8]) -> String {
    // It may be a key: what is left behind is wiped, and nothing moves because there was too little room.
    let body = Secret::from(base64::engine::general_purpose::STANDARD.encode(der));
    let mut rest = body.reveal_text().unwrap_or_default();
    let mut text = String::with_capacity(rest.len().saturating_mul(2).saturating_add(256));
    text.push_str(&format!("-----BEGIN {label}-----\n"));
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(64).unwrap_or((rest, ""));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

/// Which kinds of blocks a PEM text does hold, for an error about one that it does not.
fn found(pem: &[u8]) -> String {
    let text = String::from_utf8_lossy(pem);
    let kinds: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("-----BEGIN ")?.strip_suffix("-----"))
        .take(4)
        .collect();
    if kinds.is_empty() { ", nor any PEM block".to_owned() } else { format!(", only {}", kinds.join(", ")) }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    #[test]
    fn chains_and_keys_come_out_whole() {
        let key = KeyPair::generate().unwrap();
        let der = CertificateParams::default().self_signed(&key).unwrap().der().to_vec();
        let text = format!("a comment\n{}{}{}", certificate_pem(&der), key.serialize_pem(), certificate_pem(&der));
        assert_eq!(parse_chain_pem(text.as_bytes()).unwrap(), [der.clone(), der]);
        assert!(parse_key_pem(text.as_bytes()).unwrap().matches(key.serialized_der()));
        assert!(text.lines().all(|line| line.len() <= 64));
    }

    #[test]
    fn what_is_there_instead_is_named() {
        let key = KeyPair::generate().unwrap().serialize_pem();
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let chains = [
            (key.as_str(), "certificate chain cannot be read: there is no certificate in it, only PRIVATE KEY"),
            ("", "certificate chain cannot be read: there is no certificate in it, nor any PEM block"),
        ];
        for (pem, message) in chains {
            assert_eq!(parse_chain_pem(pem.as_bytes()).unwrap_err().to_string(), message);
        }
        assert!(parse_chain_pem(junk.as_bytes()).is_err());
        let keys = [
            (
                encrypted,
                "private key cannot be read: there is no unencrypted private key in it, only ENCRYPTED PRIVATE KEY",
            ),
            (junk, "private key cannot be read: there is no unencrypted private key in it, only CERTIFICATE"),
        ];
        for (pem, message) in keys {
            assert_eq!(parse_key_pem(pem.as_bytes()).unwrap_err().to_string(), message);
        }
        let cut = key.replace("-----END PRIVATE KEY-----", "");
        assert!(parse_key_pem(cut.as_bytes()).is_err());
    }
}
