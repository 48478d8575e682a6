//! A certificate authority of one's own, for names that no public one vouches for.

use std::net::IpAddr;
use std::time::Duration;

use gatepost_model::secret::Secret;
use gatepost_model::time::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, SerialNumber,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use crate::certificate::Certificate;
use crate::error::TlsError;
use crate::ocsp::der::Reader;
use crate::ocsp::signed::Signed;

/// How long before `now` a new certificate begins, so that a peer with a slow clock takes it.
const BACKDATE: Duration = Duration::from_secs(5 * 60);

/// A local certificate authority: an ECDSA P-256 key and its self-signed certificate.
///
/// It issues certificates for servers and clients only (`pathLenConstraint` 0, RFC 5280 §4.2.1.9).
///
/// ```
/// use std::time::Duration;
///
/// use gatepost_model::time::Timestamp;
/// use gatepost_tls::certificate::Certificate;
/// use gatepost_tls::issue::Authority;
///
/// let (now, year) = (Timestamp::from_secs(1_700_000_000), Duration::from_secs(365 * 86_400));
/// let authority = Authority::create("Gatepost local CA", now, 10 * year)?;
/// let issued = authority.issue_server(&["localhost".to_owned(), "127.0.0.1".to_owned()], now, year)?;
/// let leaf = Certificate::parse(&issued.chain[0])?;
/// assert!(leaf.covers("localhost") && leaf.covers("127.0.0.1"));
/// # Ok::<(), gatepost_tls::error::TlsError>(())
/// ```
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
        crate::server_certificate::ServerCertificate::new(vec![certificate.clone()], key)?;
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

    /// Whether its key has signed that certificate (DER), which names it as its issuer.
    #[must_use]
    pub fn has_issued(&self, certificate: &[u8]) -> bool {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        let signed = Reader::new(certificate).sequence().and_then(|mut inside| Signed::read(&mut inside));
        let is_signed = signed.is_some_and(|signed| signed.is_by(&self.certificate, &algorithms));
        let name = |der: &[u8]| Certificate::parse(der).ok();
        is_signed && name(certificate).map(|facts| facts.issuer) == name(&self.certificate).map(|own| own.subject)
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
        self.issue(first, names, ExtendedKeyUsagePurpose::ServerAuth, now, lifetime)
    }

    /// Issues a certificate for a client (ECDSA P-256, clientAuth) with these DNS names, IP addresses and mail
    /// addresses; the first is its common name. Its span is as for [`issue_server`](Self::issue_server).
    ///
    /// # Errors
    /// [`TlsError::Issue`] if there is no name, one is none of these, or the authority itself has ended.
    pub fn issue_client(&self, names: &[String], now: Timestamp, lifetime: Duration) -> Result<Issued, TlsError> {
        let Some(first) = names.first() else {
            return Err(cannot_issue("a client", "it has no name"));
        };
        let is_good = |name: &String| !name.starts_with("*.") && (is_server_name(name) || is_mail_address(name));
        if let Some(bad) = names.iter().find(|name| !is_good(name)) {
            return Err(cannot_issue(bad, "it is neither a DNS name nor an IP address nor a mail address"));
        }
        self.issue(first, names, ExtendedKeyUsagePurpose::ClientAuth, now, lifetime)
    }

    fn issue(
        &self,
        first: &str,
        names: &[String],
        purpose: ExtendedKeyUsagePurpose,
        now: Timestamp,
        lifetime: Duration,
    ) -> Result<Issued, TlsError> {
        let wrong = |error: rcgen::Error| cannot_issue(first, &error.to_string());
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(wrong)?;
        let end = Certificate::parse(&self.certificate)?.not_after;
        if end <= now {
            return Err(cannot_issue(first, &format!("the authority itself ended at {end}")));
        }
        let mut params = parameters(first, now, lifetime.min(end.since(now)))?;
        let (mails, hosts): (Vec<String>, Vec<String>) = names.iter().cloned().partition(|name| is_mail_address(name));
        params.subject_alt_names = CertificateParams::new(hosts).map_err(wrong)?.subject_alt_names;
        for mail in mails {
            params.subject_alt_names.push(SanType::Rfc822Name(mail.try_into().map_err(wrong)?));
        }
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![purpose];
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

/// Whether it can be a server's: a DNS name, perhaps with a wildcard for its first label, or an IP address.
pub(crate) fn is_server_name(name: &str) -> bool {
    let host = name.strip_prefix("*.").unwrap_or(name);
    name.parse::<IpAddr>().is_ok() || rustls::pki_types::DnsName::try_from(host).is_ok()
}

fn is_mail_address(name: &str) -> bool {
    let good = |local: &str| local.bytes().all(|b| b.is_ascii_graphic() && !b"@<>,;:\\\"()[]".contains(&b));
    name.split_once('@').is_some_and(|(local, host)| !local.is_empty() && good(local) && is_server_name(host))
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
    ::aws_lc_rs::rand::fill(&mut serial).map_err(|_| cannot_issue(name, "the system gives no randomness"))?;
    if let Some(first) = serial.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn now() -> Timestamp {
        Timestamp::from_secs(1_700_000_000)
    }

    #[test]
    fn what_is_issued_says_what_was_asked() {
        let authority = Authority::create("Home", now(), 10 * DAY).unwrap();
        let own = Certificate::parse(authority.certificate_der()).unwrap();
        assert_eq!((own.subject.as_str(), own.issuer.as_str(), own.is_ca), ("CN=Home", "CN=Home", true));
        assert_eq!((own.not_before, own.not_after), (now() - BACKDATE, now() + 10 * DAY));

        let names = ["Host.test", "*.w.test", "127.0.0.1", "::1"].map(str::to_owned);
        let issued = authority.issue_server(&names, now(), 2 * DAY).unwrap();
        assert_eq!(issued.chain[1], authority.certificate_der());
        let leaf = Certificate::parse(&issued.chain[0]).unwrap();
        assert_eq!((leaf.subject.as_str(), leaf.issuer.as_str(), leaf.is_ca), ("CN=Host.test", "CN=Home", false));
        assert_eq!(leaf.names(), ["host.test", "*.w.test", "127.0.0.1", "::1"]);
        assert_eq!((leaf.not_before, leaf.not_after), (now() - BACKDATE, now() + 2 * DAY));
        assert_eq!((leaf.key_kind, leaf.key_bits), ("ECDSA", 256));
        let again = authority.issue_server(&names, now(), 2 * DAY).unwrap();
        assert_ne!(issued.chain[0], again.chain[0]);
    }

    #[test]
    fn an_authority_knows_what_it_has_issued() {
        let (one, other) =
            (Authority::create("Home", now(), DAY).unwrap(), Authority::create("Home", now(), DAY).unwrap());
        let issued = one.issue_server(&["host.test".to_owned()], now(), DAY).unwrap();
        assert_eq!((one.has_issued(&issued.chain[0]), other.has_issued(&issued.chain[0])), (true, false));
        let mut changed = issued.chain[0].clone();
        changed[100] ^= 1;
        assert!(!one.has_issued(&changed) && !one.has_issued(b"junk"));
    }

    #[test]
    fn nothing_outlives_its_authority() {
        let authority = Authority::create("Home", now(), DAY).unwrap();
        let name = ["host.test".to_owned()];
        let issued = authority.issue_server(&name, now(), 10 * DAY).unwrap();
        assert_eq!(Certificate::parse(&issued.chain[0]).unwrap().not_after, now() + DAY);
        let error = authority.issue_server(&name, now() + DAY, DAY).unwrap_err();
        assert_eq!(error, cannot_issue("host.test", "the authority itself ended at 2023-11-15T22:13:20Z"));
    }

    #[test]
    fn names_that_are_none_are_refused() {
        let authority = Authority::create("Home", now(), DAY).unwrap();
        for name in ["", "a b", "https://x", "x:443", "*.", "*", "a..b", "x\r\ny"] {
            assert!(authority.issue_server(&[name.to_owned()], now(), DAY).is_err(), "{name:?}");
        }
        assert_eq!(authority.issue_server(&[], now(), DAY), Err(cannot_issue("a server", "it has no name")));
    }

    #[test]
    fn clients_have_names_of_their_own() {
        let authority = Authority::create("Home", now(), DAY).unwrap();
        let names = ["ali@example.com", "laptop.test"].map(str::to_owned);
        let issued = authority.issue_client(&names, now(), DAY).unwrap();
        let leaf = Certificate::parse(&issued.chain[0]).unwrap();
        assert_eq!((leaf.subject.as_str(), leaf.names()), ("CN=ali@example.com", vec!["laptop.test".to_owned()]));
        for name in ["", "*.a.test", "@b", "a@", "a b@c", "a@b@c", "a\n@b"] {
            assert!(authority.issue_client(&[name.to_owned()], now(), DAY).is_err(), "{name:?}");
        }
        assert!(authority.issue_client(&[], now(), DAY).is_err());
    }

    #[test]
    fn an_authority_is_taken_up_again_only_with_its_key() {
        let authority = Authority::create("Home", now(), DAY).unwrap();
        let again = Authority::from_parts(authority.certificate_der().to_vec(), &authority.key()).unwrap();
        let names = ["host.test".to_owned()];
        assert_eq!(again.issue_server(&names, now(), DAY).unwrap().chain[1], authority.certificate_der());

        let other = Authority::create("Other", now(), DAY).unwrap();
        let mixed = Authority::from_parts(authority.certificate_der().to_vec(), &other.key()).map(|_| ());
        assert_eq!(mixed, Err(TlsError::KeyMismatch { subject: "CN=Home".into() }));
        let leaf = authority.issue_server(&names, now(), DAY).unwrap();
        let error = Authority::from_parts(leaf.chain[0].clone(), &leaf.key).map(|_| ()).unwrap_err();
        assert!(matches!(error, TlsError::Malformed { what: "certificate", .. }), "{error}");
        assert_eq!(format!("{authority:?}"), "Authority { .. }");
    }
}
