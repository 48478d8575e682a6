//! A certificate authority of one's own, for names that no public one vouches for.

use std::net::IpAddr;
use std::time::Duration;

use gatepost_model::secret::Secret;
use gatepost_model::time::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SerialNumber,
};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use crate::certificate::Certificate;
use crate::error::TlsError;

/// How long before `now` a new certificate begins, so that a peer with a slow clock takes it.
const BACKDATE: Duration = Duration::from_secs(5 * 60);

/// A local certificate authority: an ECDSA P-256 key and its self-signed certificate.
///
/// It issues server certificates only (`pathLenConstraint` 0, RFC 5280 §4.2.1.9).
pub struct Authority {
    certificate: Vec<u8>,
    key: Secret,
}

/// A freshly issued certificate with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The leaf's DER, then its authority's.
    pub chain: Vec<Vec<u8>>,
    /// The private key as PKCS #8 DER.
    pub key: Secret,
}

impl Authority {
    /// Makes a new authority with common name `name`, valid from five minutes before `now` for `lifetime`.
    ///
    /// # Errors
    /// [`TlsError::Issue`] if `name` cannot stand in a certificate or no key can be made.
    pub fn create(name: &str, now: Timestamp, lifetime: Duration) -> Result<Self, TlsError> {
        let wrong = |error: rcgen::Error| cannot_issue(name, &error.to_string());
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(wrong)?;
        let mut params = parameters(name, now, lifetime)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(wrong)?;
        Ok(Self { certificate: certificate.der().to_vec(), key: Secret::new(key.serialize_der()) })
    }

    /// Takes up an authority that was made before. `key` is PKCS #8 DER.
    ///
    /// # Errors
    /// [`TlsError::Malformed`] if either cannot be read or the certificate may not issue;
    /// [`TlsError::KeyMismatch`] if they do not belong together.
    pub fn from_parts(certificate: Vec<u8>, key: &Secret) -> Result<Self, TlsError> {
        let facts = Certificate::parse(&certificate)?;
        if !facts.is_ca {
            let detail = "it is not the certificate of an authority (CA:TRUE is missing)".to_owned();
            return Err(TlsError::Malformed { what: "certificate", detail });
        }
        crate::bindings::ServerCertificate::new(vec![certificate.clone()], key)?;
        let authority = Self { certificate, key: key.clone() };
        authority.issuer()?;
        Ok(authority)
    }

    /// The certificate as PEM, for people who want to trust it.
    #[must_use]
    pub fn certificate_pem(&self) -> String {
        crate::pem::certificate_pem(&self.certificate)
    }

    /// The certificate as DER.
    #[must_use]
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate
    }

    /// The private key as PKCS #8 DER.
    #[must_use]
    pub fn key(&self) -> Secret {
        self.key.clone()
    }

    /// Issues a certificate for a server (ECDSA P-256, serverAuth) with these DNS names and IP addresses,
    /// valid from five minutes before `now` for `lifetime`, but never beyond the authority's own end.
    ///
    /// # Errors
    /// [`TlsError::Issue`] if there is no name, one is neither a DNS name nor an IP address, or the
    /// authority itself has ended.
    pub fn issue_server(&self, names: &[String], now: Timestamp, lifetime: Duration) -> Result<Issued, TlsError> {
        let Some(first) = names.first() else {
            return Err(cannot_issue("a server", "it has no name"));
        };
        if let Some(bad) = names.iter().find(|name| !is_server_name(name)) {
            return Err(cannot_issue(bad, "it is neither a DNS name nor an IP address"));
        }
        let wrong = |error: rcgen::Error| cannot_issue(first, &error.to_string());
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(wrong)?;
        let end = Certificate::parse(&self.certificate)?.not_after;
        if end <= now {
            return Err(cannot_issue(first, &format!("the authority itself ended at {end}")));
        }
        let mut params = parameters(first, now, lifetime.min(end.since(now)))?;
        let alternative = CertificateParams::new(names.to_vec()).map_err(wrong)?;
        params.subject_alt_names = alternative.subject_alt_names;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let leaf = params.signed_by(&key, &self.issuer()?).map_err(wrong)?;
        Ok(Issued { chain: vec![leaf.der().to_vec(), self.certificate.clone()], key: Secret::new(key.serialize_der()) })
    }

    fn issuer(&self) -> Result<Issuer<'static, KeyPair>, TlsError> {
        let unusable = |error: rcgen::Error| TlsError::Malformed { what: "private key", detail: error.to_string() };
        let pkcs8 = PrivatePkcs8KeyDer::from(self.key.reveal());
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8, &PKCS_ECDSA_P256_SHA256).map_err(unusable)?;
        Issuer::from_ca_cert_der(&CertificateDer::from(self.certificate.as_slice()), key).map_err(unusable)
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

fn cannot_issue(name: &str, detail: &str) -> TlsError {
    TlsError::Issue { name: name.to_owned(), detail: detail.to_owned() }
}

fn is_server_name(name: &str) -> bool {
    let host = name.strip_prefix("*.").unwrap_or(name);
    name.parse::<IpAddr>().is_ok() || rustls::pki_types::DnsName::try_from(host).is_ok()
}

/// What both kinds of certificates share: name, span and a random serial number.
fn parameters(name: &str, now: Timestamp, lifetime: Duration) -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + (now - BACKDATE).since(Timestamp::default());
    params.not_after = epoch + (now + lifetime).since(Timestamp::default());
    // RFC 5280 §4.1.2.2: positive, and of at most 20 octets.
    let mut serial = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut serial).map_err(|_| cannot_issue(name, "the system gives no randomness"))?;
    if let Some(first) = serial.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(params)
}
