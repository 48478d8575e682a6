//! What a dialer demands: versions, roots, protocols; and its verdict in words.

use std::sync::Arc;
use std::time::Duration;

use gatepost_model::time::Timestamp;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, ClientConfig, RootCertStore};

use crate::error::TlsError;
use crate::schedule::suites::with_schedule;
use crate::version::{TlsVersion, between};

/// How a client speaks TLS. There is no way to skip verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientRules {
    /// The authorities that are trusted, as DER. With none, every server is refused.
    pub roots: Vec<Vec<u8>>,
    /// The oldest version accepted. Default TLS 1.2.
    pub min: TlsVersion,
    /// The newest version accepted. Default TLS 1.3.
    pub max: TlsVersion,
    /// Application protocols on offer, preferred first (RFC 7301). Default `h2`, `http/1.1`.
    pub alpn: Vec<Vec<u8>>,
}

impl Default for ClientRules {
    fn default() -> Self {
        let alpn = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self { roots: Vec::new(), min: TlsVersion::V1_2, max: TlsVersion::V1_3, alpn }
    }
}

/// Turns rules into a rustls configuration. Chain and name are verified by webpki.
///
/// # Errors
/// [`TlsError::Setting`] if the rules leave no version; [`TlsError::Malformed`] for a root that is no certificate.
pub fn client_config(rules: &ClientRules) -> Result<ClientConfig, TlsError> {
    let wrong = |detail: String| TlsError::Setting { detail };
    let versions = between(rules.min, rules.max);
    if versions.is_empty() {
        return Err(wrong(format!("no version from {} to {}", rules.min.name(), rules.max.name())));
    }
    let mut roots = RootCertStore::empty();
    for root in &rules.roots {
        let refused =
            |error: rustls::Error| TlsError::Malformed { what: "root certificate", detail: error.to_string() };
        roots.add(CertificateDer::from(root.as_slice())).map_err(refused)?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(with_schedule(aws_lc_rs::default_provider())))
        .with_protocol_versions(&versions)
        .map_err(|error| wrong(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols.clone_from(&rules.alpn);
    Ok(config)
}

/// What a failed handshake means, either end.
#[must_use]
pub fn explain(error: &rustls::Error) -> TlsError {
    match error {
        rustls::Error::InvalidCertificate(error) => explain_certificate(error),
        rustls::Error::AlertReceived(alert) => TlsError::Refused { alert: format!("{alert:?}") },
        // rustls has no variant of its own for a resolver that finds nothing.
        rustls::Error::General(text) if text == "no server certificate chain resolved" => TlsError::NotBound,
        rustls::Error::InvalidMessage(_) => {
            TlsError::Handshake { detail: format!("what came back is not TLS ({error})") }
        }
        other => TlsError::Handshake { detail: other.to_string() },
    }
}

fn explain_certificate(error: &CertificateError) -> TlsError {
    match error {
        CertificateError::Expired => TlsError::Expired { not_after: None },
        CertificateError::ExpiredContext { not_after, .. } => TlsError::Expired { not_after: Some(moment(*not_after)) },
        CertificateError::NotValidYet => TlsError::NotYetValid { not_before: None },
        CertificateError::NotValidYetContext { not_before, .. } => {
            TlsError::NotYetValid { not_before: Some(moment(*not_before)) }
        }
        CertificateError::UnknownIssuer => TlsError::UnknownIssuer,
        CertificateError::BadSignature => TlsError::BadSignature,
        CertificateError::NotValidForNameContext { expected, presented } => TlsError::WrongName {
            expected: expected.to_str().into_owned(),
            presented: presented.iter().map(|name| plain_name(name)).collect(),
        },
        other => TlsError::Unacceptable { detail: other.to_string() },
    }
}

fn moment(time: UnixTime) -> Timestamp {
    Timestamp::default() + Duration::from_secs(time.as_secs())
}

/// webpki gives presented names as `DnsName("x")`; people read `x`.
fn plain_name(presented: &str) -> String {
    let inner = presented.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(presented).trim_matches('"').to_owned()
}
