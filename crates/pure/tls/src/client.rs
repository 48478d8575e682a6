//! What a dialer demands: versions, roots, protocols; and its verdict in words.

use std::sync::Arc;
use std::time::Duration;

use gatepost_model::time::Timestamp;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::UnixTime;
use rustls::{CertificateError, ClientConfig, OtherError};

use crate::error::TlsError;
use crate::identity::Identity;
use crate::refusal::Refusal;
use crate::schedule::suites::with_schedule;
use crate::settings::ClientSettings;
use crate::verify::flaw::Flaws;
use crate::verify::judge::{Judge, plain_name};
use crate::verify::judgement::Judgement;
use crate::verify::pin::Pins;
use crate::verify::verifier::{Rejected, Verifier};
use crate::version::{TlsVersion, between};

/// How a client speaks TLS. There is no way to skip verification; what may be ignored is ignored by name.
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
    /// What may be wrong with a server's chain all the same. Default nothing. What is fatal stays fatal.
    pub ignored: Flaws,
    /// Which keys or certificates must be in the path, on top of all the rest. Default none.
    pub pins: Pins,
    /// Revocation lists (RFC 5280 §5), as DER. Default none.
    pub revocation_lists: Vec<Vec<u8>>,
    /// Whether a certificate that no list speaks about is refused. Default `false`.
    pub demands_revocation_status: bool,
    /// Who the client is to a server that asks. Default nobody: it shows no certificate.
    pub identity: Option<Identity>,
}

impl Default for ClientRules {
    fn default() -> Self {
        let alpn = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self {
            roots: Vec::new(),
            min: TlsVersion::V1_2,
            max: TlsVersion::V1_3,
            alpn,
            ignored: Flaws::NONE,
            pins: Pins::default(),
            revocation_lists: Vec::new(),
            demands_revocation_status: false,
            identity: None,
        }
    }
}

/// Turns rules into settings for handshakes of ours. Chain and name are judged by [`Judge`], whose eyes are webpki.
///
/// # Errors
/// [`TlsError::Setting`] if the rules leave no version; [`TlsError::Malformed`] for a root that is no certificate, or a
/// list that is none.
pub fn client_settings(rules: &ClientRules) -> Result<ClientSettings, TlsError> {
    let (config, verifier) = configuration(rules)?;
    Ok(ClientSettings::judged_by(config, verifier))
}

/// Turns rules into a rustls configuration, for handshakes that rustls drives: its errors name one flaw only, and a
/// resumed session is not judged again.
///
/// # Errors
/// As [`client_settings`].
pub fn client_config(rules: &ClientRules) -> Result<ClientConfig, TlsError> {
    configuration(rules).map(|(config, _)| config)
}

fn configuration(rules: &ClientRules) -> Result<(ClientConfig, Arc<Verifier>), TlsError> {
    let wrong = |detail: String| TlsError::Setting { detail };
    let versions = between(rules.min, rules.max);
    if versions.is_empty() {
        return Err(wrong(format!("no version from {} to {}", rules.min.name(), rules.max.name())));
    }
    let judge = Judge::new(&rules.roots)?;
    let judge = judge.with_revocation(&rules.revocation_lists, rules.demands_revocation_status)?;
    let verifier = Arc::new(Verifier::new(judge, rules.ignored, rules.pins.clone()));
    let asked: Arc<dyn ServerCertVerifier> = verifier.clone();
    let builder = ClientConfig::builder_with_provider(Arc::new(with_schedule(aws_lc_rs::default_provider())))
        .with_protocol_versions(&versions)
        .map_err(|error| wrong(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(asked);
    let mut config = match &rules.identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let (chain, key) = identity.parts()?;
            builder.with_client_auth_cert(chain, key).map_err(|error| wrong(error.to_string()))?
        }
    };
    config.alpn_protocols.clone_from(&rules.alpn);
    Ok((config, verifier))
}

/// What a failed handshake means, either end.
#[must_use]
pub fn explain(error: &rustls::Error) -> TlsError {
    match error {
        rustls::Error::InvalidCertificate(error) => explain_certificate(error),
        rustls::Error::AlertReceived(alert) => TlsError::Refused { alert: format!("{alert:?}") },
        // rustls has no variant of its own for a resolver that finds nothing.
        rustls::Error::General(text) if text == "no server certificate chain resolved" => TlsError::NotBound,
        rustls::Error::Other(OtherError(inner)) if inner.downcast_ref() == Some(&Refusal::Rejected) => {
            TlsError::Rejected
        }
        rustls::Error::InvalidMessage(_) => {
            TlsError::Handshake { detail: format!("what came back is not TLS ({error})") }
        }
        other => TlsError::Handshake { detail: other.to_string() },
    }
}

fn explain_certificate(error: &CertificateError) -> TlsError {
    if let CertificateError::Other(OtherError(inner)) = error
        && let Some(Rejected(judgement)) = inner.downcast_ref()
    {
        return TlsError::Certificate(Box::new(Judgement::clone(judgement)));
    }
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
