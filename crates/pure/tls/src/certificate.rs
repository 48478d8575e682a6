//! What a certificate says: for people, for bindings, and for the question whether it covers a name.

use std::net::IpAddr;

use aws_lc_rs::digest;
use gatepost_model::time::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;

use crate::error::TlsError;

/// The facts of one X.509 certificate (RFC 5280).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The subject's distinguished name.
    pub subject: String,
    /// The issuer's distinguished name.
    pub issuer: String,
    /// DNS names in the subject alternative name, lower case; wildcards as they stand.
    pub dns_names: Vec<String>,
    /// IP addresses in the subject alternative name.
    pub addresses: Vec<IpAddr>,
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid until, inclusive.
    pub not_after: Timestamp,
    /// SHA-256 of the DER: its identity in Gatepost.
    pub fingerprint: [u8; 32],
    /// SHA-1 of the DER: only to find it in tools that show nothing better.
    pub thumbprint: [u8; 20],
    /// SHA-256 of the SubjectPublicKeyInfo: what a pin compares (RFC 7469 §2.4).
    pub spki: [u8; 32],
    /// The public key's kind: `RSA`, `ECDSA`, `Ed25519`, or `unknown`.
    pub key_kind: &'static str,
    /// The public key's size in bits; 0 if unknown.
    pub key_bits: usize,
    /// Whether it may issue others (basicConstraints CA:TRUE).
    pub is_ca: bool,
}

impl Certificate {
    /// Reads one certificate from DER.
    ///
    /// # Errors
    /// [`TlsError::Malformed`] if it is not one, or octets follow it.
    pub fn parse(der: &[u8]) -> Result<Self, TlsError> {
        let wrong = |detail: String| TlsError::Malformed { what: "certificate", detail };
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|error| wrong(error.to_string()))?;
        if !rest.is_empty() {
            return Err(wrong("octets follow the certificate".to_owned()));
        }
        let (dns_names, addresses) = alternative_names(&parsed)?;
        let (key_kind, key_bits) = key_kind(&parsed);
        Ok(Self {
            subject: parsed.subject().to_string(),
            issuer: parsed.issuer().to_string(),
            dns_names,
            addresses,
            not_before: Timestamp::from_secs(parsed.validity().not_before.timestamp()),
            not_after: Timestamp::from_secs(parsed.validity().not_after.timestamp()),
            fingerprint: fingerprint(der),
            thumbprint: sha1(der),
            spki: fingerprint(parsed.public_key().raw),
            key_kind,
            key_bits,
            is_ca: parsed.is_ca(),
        })
    }

    /// Whether the certificate covers this DNS name or IP address (RFC 9525 §6).
    ///
    /// A wildcard stands for exactly one label. The subject's common name counts for nothing.
    #[must_use]
    pub fn covers(&self, name: &str) -> bool {
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return self.addresses.contains(&address.to_canonical());
        }
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let parent = name.split_once('.').filter(|(label, _)| !label.is_empty()).map(|(_, parent)| parent);
        self.dns_names.iter().any(|own| match own.strip_prefix("*.") {
            Some(domain) => parent == Some(domain),
            None => *own == name,
        })
    }

    /// Whether `now` lies between its beginning and its end.
    #[must_use]
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }

    /// DNS names, then addresses, as text.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.dns_names.iter().cloned().chain(self.addresses.iter().map(IpAddr::to_string)).collect()
    }
}

/// SHA-256 of DER: a certificate's identity in Gatepost.
#[must_use]
pub fn fingerprint(der: &[u8]) -> [u8; 32] {
    let mut octets = [0; 32];
    octets.copy_from_slice(digest::digest(&digest::SHA256, der).as_ref());
    octets
}

fn sha1(der: &[u8]) -> [u8; 20] {
    let mut octets = [0; 20];
    octets.copy_from_slice(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, der).as_ref());
    octets
}

fn alternative_names(parsed: &X509Certificate<'_>) -> Result<(Vec<String>, Vec<IpAddr>), TlsError> {
    let wrong = |detail: String| TlsError::Malformed { what: "certificate", detail };
    let mut dns_names = Vec::new();
    let mut addresses = Vec::new();
    let extension = parsed.subject_alternative_name().map_err(|error| wrong(error.to_string()))?;
    for name in extension.iter().flat_map(|extension| &extension.value.general_names) {
        match name {
            GeneralName::DNSName(name) => dns_names.push(name.to_ascii_lowercase()),
            GeneralName::IPAddress(octets) => addresses.push(
                address(octets).ok_or_else(|| wrong("an IP address in it has neither 4 nor 16 octets".to_owned()))?,
            ),
            _ => {}
        }
    }
    Ok((dns_names, addresses))
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}

fn key_kind(parsed: &X509Certificate<'_>) -> (&'static str, usize) {
    // id-Ed25519 (RFC 8410 §3) has no parameters and is unknown to the parser as a key.
    if parsed.public_key().algorithm.algorithm.to_id_string() == "1.3.101.112" {
        return ("Ed25519", 256);
    }
    match parsed.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => ("RSA", key.key_size()),
        Ok(PublicKey::EC(point)) => ("ECDSA", point.key_size()),
        _ => ("unknown", 0),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, RsaKeySize, SignatureAlgorithm};

    use super::*;

    fn certificate(names: &[&str]) -> Certificate {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        Certificate::parse(CertificateParams::new(names).unwrap().self_signed(&key).unwrap().der()).unwrap()
    }

    #[test]
    fn a_name_is_covered_exactly_or_by_one_label() {
        let certificate = certificate(&["Host.test", "*.w.test", "10.0.0.1", "2001:db8::1"]);
        let table = [
            ("host.test", true),
            ("HOST.TEST.", true),
            ("a.w.test", true),
            ("a.b.w.test", false),
            ("w.test", false),
            (".w.test", false),
            ("x.host.test", false),
            ("10.0.0.1", true),
            ("::ffff:10.0.0.1", true),
            ("10.0.0.2", false),
            ("[2001:db8::1]", true),
            ("2001:db8:0::1", true),
            ("rcgen self signed cert", false),
            ("", false),
        ];
        for (name, covered) in table {
            assert_eq!(certificate.covers(name), covered, "{name:?}");
        }
        assert_eq!(certificate.names(), ["host.test", "*.w.test", "10.0.0.1", "2001:db8::1"]);
    }

    #[test]
    fn keys_are_named() {
        let table: [(&SignatureAlgorithm, &str, usize); 3] = [
            (&rcgen::PKCS_ECDSA_P256_SHA256, "ECDSA", 256),
            (&rcgen::PKCS_ECDSA_P384_SHA384, "ECDSA", 384),
            (&rcgen::PKCS_ED25519, "Ed25519", 256),
        ];
        let mut keys: Vec<_> =
            table.map(|(kind, name, bits)| (KeyPair::generate_for(kind).unwrap(), name, bits)).into();
        let rsa = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        keys.push((rsa, "RSA", 2048));
        for (key, name, bits) in keys {
            let der = CertificateParams::default().self_signed(&key).unwrap().der().to_vec();
            let facts = Certificate::parse(&der).unwrap();
            assert_eq!((facts.key_kind, facts.key_bits), (name, bits));
        }
    }

    #[test]
    fn only_one_whole_certificate_is_one() {
        let key = KeyPair::generate().unwrap();
        let der = CertificateParams::default().self_signed(&key).unwrap().der().to_vec();
        assert_eq!(Certificate::parse(&der).unwrap().fingerprint, fingerprint(&der));
        let longer = [der.as_slice(), &[0]].concat();
        let error = Certificate::parse(&longer).unwrap_err();
        assert_eq!(error.to_string(), "certificate cannot be read: octets follow the certificate");
        for end in [0, 1, der.len() / 2, der.len() - 1] {
            assert!(Certificate::parse(&der[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn a_span_has_two_ends() {
        let facts = certificate(&["x.test"]);
        let second = std::time::Duration::from_secs(1);
        let table = [
            (facts.not_before - second, false),
            (facts.not_before, true),
            (facts.not_after, true),
            (facts.not_after + second, false),
        ];
        for (now, valid) in table {
            assert_eq!(facts.is_valid_at(now), valid, "{now}");
        }
    }

    proptest::proptest! {
        #[test]
        fn junk_never_panics(octets: Vec<u8>, at: usize, with: u8) {
            let _ = Certificate::parse(&octets);
            let key = KeyPair::generate().unwrap();
            let mut der = CertificateParams::default().self_signed(&key).unwrap().der().to_vec();
            let at = at % der.len();
            der[at] = with;
            let _ = Certificate::parse(&der);
        }
    }
}
