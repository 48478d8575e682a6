//! A throwaway certificate authority and what it issues.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CustomExtension, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
    date_time_ymd,
};

use crate::ocsp::{self, Reply};

/// A certificate authority that lives as long as the test.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: Vec<u8>,
}

/// A certificate with its private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// The certificate, PEM.
    pub certificate_pem: String,
    /// The private key, PKCS#8 PEM.
    pub key_pem: String,
    /// The certificate, DER.
    pub certificate_der: Vec<u8>,
    /// The private key, PKCS#8 DER.
    pub key_der: Vec<u8>,
}

impl Authority {
    /// A new authority with a key of its own (ECDSA P-256).
    ///
    /// # Panics
    /// If the certificate cannot be made.
    #[must_use]
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key is generated");
        let mut params = CertificateParams::new([]).expect("no names are valid names");
        params.distinguished_name.push(DnType::CommonName, "Throwaway authority of a test");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).expect("an authority signs itself");
        let (pem, der) = (certificate.pem(), certificate.der().to_vec());
        Self { issuer: Issuer::new(params, key), pem, der }
    }

    /// Its own certificate, PEM: what a client is told to trust.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Its own certificate, DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Issues a server certificate for DNS names and IP addresses, valid from 1975 to 4095.
    ///
    /// # Panics
    /// If a name is neither.
    #[must_use]
    pub fn issue(&self, names: &[&str]) -> Leaf {
        self.sign(server(names))
    }

    /// Issues a server certificate that ended with the year 2000.
    ///
    /// # Panics
    /// As [`issue`](Self::issue).
    #[must_use]
    pub fn issue_ended(&self, names: &[&str]) -> Leaf {
        let mut params = server(names);
        params.not_after = date_time_ymd(2000, 12, 31);
        self.sign(params)
    }

    /// Issues a client certificate (RFC 5280 §4.2.1.12) whose common name is `user`.
    ///
    /// # Panics
    /// If the certificate cannot be made.
    #[must_use]
    pub fn issue_client(&self, user: &str) -> Leaf {
        let mut params = CertificateParams::new([]).expect("no names are valid names");
        params.distinguished_name.push(DnType::CommonName, user);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params)
    }

    /// Issues a server certificate that demands a stapled OCSP response (RFC 7633).
    ///
    /// # Panics
    /// As [`issue`](Self::issue).
    #[must_use]
    pub fn issue_must_staple(&self, names: &[&str]) -> Leaf {
        let mut params = server(names);
        // id-pe-tlsfeature: a SEQUENCE with the number of status_request in it.
        let feature = CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 24], vec![0x30, 3, 2, 1, 5]);
        params.custom_extensions.push(feature);
        self.sign(params)
    }

    /// Issues a certificate for whoever answers OCSP in its place (id-kp-OCSPSigning).
    ///
    /// # Panics
    /// If the certificate cannot be made.
    #[must_use]
    pub fn issue_responder(&self) -> Leaf {
        let mut params = CertificateParams::new([]).expect("no names are valid names");
        params.distinguished_name.push(DnType::CommonName, "Responder");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
        self.sign(params)
    }

    /// What it says of a certificate of its own, signed by itself.
    ///
    /// # Panics
    /// As [`Reply::sign`].
    #[must_use]
    pub fn ocsp(&self, leaf: &Leaf, reply: &Reply) -> Vec<u8> {
        reply.sign(&leaf.certificate_der, &self.der, &self.der, self.issuer.key())
    }

    /// A revocation list (RFC 5280 §5) with certificates of its own, as DER, from 2000 to the first day of a year.
    ///
    /// # Panics
    /// If the list cannot be made.
    #[must_use]
    pub fn revocation_list(&self, revoked: &[&Leaf], end: i32) -> Vec<u8> {
        let entry = |leaf: &&Leaf| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&ocsp::serial(&leaf.certificate_der)),
            revocation_time: date_time_ymd(2000, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2000, 1, 1),
            next_update: date_time_ymd(end, 1, 1),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).expect("the authority signs").der().to_vec()
    }

    fn sign(&self, mut params: CertificateParams) -> Leaf {
        params.use_authority_key_identifier_extension = true; // RFC 5280 §4.2.1.1 asks for it.
        let key = KeyPair::generate().expect("a key is generated");
        let certificate = params.signed_by(&key, &self.issuer).expect("the authority signs");
        Leaf {
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            certificate_der: certificate.der().to_vec(),
            key_der: key.serialize_der(),
        }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

fn server(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).expect("each name is a DNS name or an IP address");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(der: &[u8], octets: &[u8]) -> bool {
        der.windows(octets.len()).any(|window| window == octets)
    }

    #[test]
    fn leaves_carry_their_names_and_no_other() {
        let authority = Authority::new();
        let leaf = authority.issue(&["localhost", "127.0.0.1"]);
        assert!(holds(&leaf.certificate_der, b"localhost") && holds(&leaf.certificate_der, &[0x87, 4, 127, 0, 0, 1]));
        assert!(!holds(&authority.issue(&["a.test"]).certificate_der, b"localhost"));
        assert!(holds(&authority.issue_client("ada").certificate_der, b"ada"));
        // UTCTime 2000-12-31, the end of the validity period.
        assert!(holds(&authority.issue_ended(&["a.test"]).certificate_der, b"001231000000Z"));
        for (pem, label) in [
            (authority.pem(), "CERTIFICATE"),
            (leaf.certificate_pem.as_str(), "CERTIFICATE"),
            (leaf.key_pem.as_str(), "PRIVATE KEY"),
        ] {
            assert!(pem.starts_with(&format!("-----BEGIN {label}-----")), "{pem}");
        }
    }

    #[test]
    fn two_authorities_share_nothing() {
        let (one, other) = (Authority::new(), Authority::default());
        assert_ne!(one.der(), other.der());
        assert_ne!(one.issue(&["a.test"]), one.issue(&["a.test"]));
    }
}
