//! A request for a certificate, as an authority takes it (PKCS #10, RFC 2986).

use gatepost_model::secret::Secret;
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256};

use crate::error::TlsError;
use crate::issue::is_server_name;

/// A request, with the fresh key that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRequest {
    /// The request as DER.
    pub der: Vec<u8>,
    /// The private key (ECDSA P-256) as PKCS #8 DER.
    pub key: Secret,
}

impl CertificateRequest {
    /// Asks for a server's certificate with these DNS names and IP addresses, under a new key. The subject is empty:
    /// names stand in the alternative name (RFC 8555 §7.4).
    ///
    /// # Errors
    /// [`TlsError::Issue`] if one is neither, or no key can be made.
    pub fn create(names: &[String]) -> Result<Self, TlsError> {
        let wrong = |error: rcgen::Error| TlsError::Issue { name: names.join(", "), detail: error.to_string() };
        if let Some(bad) = names.iter().find(|name| !is_server_name(name)) {
            let detail = "it is neither a DNS name nor an IP address".to_owned();
            return Err(TlsError::Issue { name: bad.clone(), detail });
        }
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(wrong)?;
        let mut params = CertificateParams::new(names).map_err(wrong)?;
        params.distinguished_name = DistinguishedName::new();
        let request = params.serialize_request(&key).map_err(wrong)?;
        Ok(Self { der: request.der().to_vec(), key: Secret::new(key.serialize_der()) })
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateSigningRequestParams, SanType};
    use rustls::pki_types::CertificateSigningRequestDer;

    use super::*;

    #[test]
    fn it_asks_for_its_names_and_nothing_else() {
        let names = ["a.test", "192.0.2.1"].map(str::to_owned);
        let request = CertificateRequest::create(&names).unwrap();
        let read = CertificateSigningRequestDer::from(request.der.as_slice());
        let read = CertificateSigningRequestParams::from_der(&read).unwrap();
        let [name, address] = names;
        let expected = [SanType::DnsName(name.try_into().unwrap()), SanType::IpAddress(address.parse().unwrap())];
        assert_eq!(read.params.subject_alt_names, expected);
        assert_eq!(read.params.distinguished_name.iter().count(), 0);
        assert_ne!(CertificateRequest::create(&["a.test".into()]).unwrap().key, request.key);
        assert!(CertificateRequest::create(&["a b".into()]).is_err());
    }
}
