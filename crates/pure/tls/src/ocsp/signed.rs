//! What is signed, by which algorithm: certificates and OCSP responses begin alike (RFC 5280 §4.1, RFC 6960 §4.2.1).

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;
use x509_parser::asn1_rs::Tag;

use super::der::{Element, Reader, whole_bits};

/// Something with a signature under it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signed<'a> {
    /// What is signed.
    pub(crate) body: Element<'a>,
    /// The content of the AlgorithmIdentifier.
    algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Reads the three parts; what follows is still to be read.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let body = reader.take(Tag::Sequence)?;
        let algorithm = reader.take(Tag::Sequence)?.content;
        let signature = whole_bits(reader.take(Tag::BitString)?.content)?;
        Some(Self { body, algorithm, signature })
    }

    /// Whether the key of this certificate made the signature, by an algorithm that counts.
    pub(crate) fn is_by(&self, certificate: &[u8], algorithms: &WebPkiSupportedAlgorithms) -> bool {
        let der = CertificateDer::from(certificate);
        let Ok(signer) = EndEntityCert::try_from(&der) else { return false };
        let fitting = algorithms.all.iter().filter(|one| one.signature_alg_id().as_ref() == self.algorithm);
        fitting.into_iter().any(|one| signer.verify_signature(*one, self.body.whole, self.signature).is_ok())
    }
}
