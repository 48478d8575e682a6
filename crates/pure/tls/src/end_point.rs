//! The hash by which a server's certificate binds a channel: `tls-server-end-point` (RFC 5929 §4).

use std::sync::Arc;

use aws_lc_rs::digest;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::signature_algorithm::RsaSsaPssParams;

/// The hash functions of signature algorithms by object identifier, and of the hash functions themselves, which
/// RSASSA-PSS names in its parameters (RFC 4055 §2.1).
const HASHES: [(&str, &digest::Algorithm); 22] = [
    // RFC 5929 §4.1: MD5 and SHA-1 give way to SHA-256.
    ("1.2.840.113549.1.1.4", &digest::SHA256),
    ("1.2.840.113549.1.1.5", &digest::SHA256),
    ("1.2.840.10045.4.1", &digest::SHA256),
    ("1.2.840.10040.4.3", &digest::SHA256),
    ("1.3.14.3.2.26", &digest::SHA256),
    ("1.2.840.113549.1.1.14", &digest::SHA224),
    ("1.2.840.113549.1.1.11", &digest::SHA256),
    ("1.2.840.113549.1.1.12", &digest::SHA384),
    ("1.2.840.113549.1.1.13", &digest::SHA512),
    ("1.2.840.113549.1.1.16", &digest::SHA512_256),
    ("1.2.840.10045.4.3.1", &digest::SHA224),
    ("1.2.840.10045.4.3.2", &digest::SHA256),
    ("1.2.840.10045.4.3.3", &digest::SHA384),
    ("1.2.840.10045.4.3.4", &digest::SHA512),
    ("2.16.840.1.101.3.4.3.1", &digest::SHA224),
    ("2.16.840.1.101.3.4.3.2", &digest::SHA256),
    ("2.16.840.1.101.3.4.2.4", &digest::SHA224),
    ("2.16.840.1.101.3.4.2.1", &digest::SHA256),
    ("2.16.840.1.101.3.4.2.2", &digest::SHA384),
    ("2.16.840.1.101.3.4.2.3", &digest::SHA512),
    ("2.16.840.1.101.3.4.2.6", &digest::SHA512_256),
    ("1.2.840.113549.2.5", &digest::SHA256),
];
const RSASSA_PSS: &str = "1.2.840.113549.1.1.10";

/// The hash of a server's certificate, given as DER. `None` for what is no certificate, and where the signature has no
/// hash function of its own, as Ed25519: then the binding is not defined (RFC 5929 §4.1).
#[must_use]
pub fn server_end_point(der: &[u8]) -> Option<Arc<[u8]>> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    let signature = &parsed.signature_algorithm;
    let named = signature.algorithm.to_id_string();
    let hash = match (named.as_str(), &signature.parameters) {
        (RSASSA_PSS, Some(parameters)) => {
            RsaSsaPssParams::try_from(parameters).ok()?.hash_algorithm_oid().to_id_string()
        }
        _ => named,
    };
    let (_, algorithm) = HASHES.iter().find(|(known, _)| *known == hash)?;
    Some(Arc::from(digest::digest(algorithm, der).as_ref()))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, RsaKeySize, SignatureAlgorithm};

    use super::*;
    use crate::pem;

    #[test]
    fn it_follows_the_hash_of_the_signature() {
        let signed = |kind: &'static SignatureAlgorithm| {
            let rsa = [&rcgen::PKCS_RSA_SHA256, &rcgen::PKCS_RSA_SHA384, &rcgen::PKCS_RSA_SHA512];
            let key = match rsa.contains(&kind) {
                true => KeyPair::generate_rsa_for(kind, RsaKeySize::_2048).unwrap(),
                false => KeyPair::generate_for(kind).unwrap(),
            };
            CertificateParams::default().self_signed(&key).unwrap().der().to_vec()
        };
        let table: [(&SignatureAlgorithm, Option<&digest::Algorithm>); 6] = [
            (&rcgen::PKCS_RSA_SHA256, Some(&digest::SHA256)),
            (&rcgen::PKCS_RSA_SHA384, Some(&digest::SHA384)),
            (&rcgen::PKCS_RSA_SHA512, Some(&digest::SHA512)),
            (&rcgen::PKCS_ECDSA_P256_SHA256, Some(&digest::SHA256)),
            (&rcgen::PKCS_ECDSA_P384_SHA384, Some(&digest::SHA384)),
            (&rcgen::PKCS_ED25519, None),
        ];
        for (kind, hash) in table {
            let der = signed(kind);
            let expected = hash.map(|hash| digest::digest(hash, &der));
            assert_eq!(server_end_point(&der).as_deref(), expected.as_ref().map(AsRef::as_ref), "{kind:?}");
        }
    }

    #[test]
    fn a_weak_hash_gives_way_and_parameters_count() {
        let table: [(&[u8], &digest::Algorithm); 2] = [
            (include_bytes!("../tests/vectors/weak/sha1.pem"), &digest::SHA256),
            (include_bytes!("../tests/vectors/end-point/pss-sha384.pem"), &digest::SHA384),
        ];
        for (pem, hash) in table {
            let der = pem::parse_chain_pem(pem).unwrap().remove(0);
            assert_eq!(server_end_point(&der).as_deref(), Some(digest::digest(hash, &der).as_ref()));
        }
        assert_eq!(server_end_point(b"junk"), None);
    }

    /// The certificate with which `ntlm-transcripts.json` was recorded. The MD5 of a GSS channel binding over just this
    /// hash stands in the NTLM messages of three other programs there.
    #[test]
    fn it_is_what_others_bind_to() {
        let pem = include_bytes!("../tests/vectors/end-point/ntlm.pem");
        let der = pem::parse_chain_pem(pem).unwrap().remove(0);
        let expected = b"\x91\x2e\xfa\xdb\x5a\xaf\x6c\x9b\x6f\x9b\x0f\x23\xc5\x33\xac\xcc\
                         \xef\x34\x50\xee\x2a\xa1\xee\xa6\x0b\x48\xfd\xe8\x1c\x36\x9d\x66";
        assert_eq!(server_end_point(&der).as_deref(), Some(expected.as_slice()));
    }
}
