//! Whether an OCSP response can be believed, and what it says of a certificate then (RFC 6960 §3.2).

use std::fmt;
use std::time::Duration;

use aws_lc_rs::digest::{self, Algorithm};
use gatepost_model::time::Timestamp;
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs as provider};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::der::Reader;
use super::response::{Answer, Basic, Named, NoAnswer, Responder, Word, read};
use super::signed::Signed;

/// So much may the clock of an authority be ahead of ours.
const AHEAD: Duration = Duration::from_secs(300);
/// So long counts what does not say when there will be news (RFC 6960 §4.2.2.1 leaves it open).
const UNDATED: Duration = Duration::from_secs(24 * 3600);

/// What an authority says of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It was not taken back.
    Good {
        /// Until when that counts.
        until: Timestamp,
    },
    /// It was taken back.
    Revoked {
        /// Since when.
        since: Timestamp,
    },
    /// The authority does not know it.
    Unknown,
}

/// Why a response says nothing of a certificate that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unbelievable {
    /// It cannot be read.
    Malformed,
    /// The responder gives no answer, by the number of its reason (RFC 6960 §4.2.1).
    Refused(u8),
    /// It is about other certificates.
    OtherCertificate,
    /// Neither the issuer nor somebody whom the issuer appointed has signed it (RFC 6960 §4.2.2.2).
    Signer,
    /// Its time is over.
    Expired {
        /// Since when.
        since: Timestamp,
    },
    /// Its time has not come.
    NotYetValid {
        /// When it begins.
        from: Timestamp,
    },
}

/// What `response` says at `now` of the certificate `leaf` (DER), which `issuer` (DER) has issued.
///
/// It counts if the key of `issuer` signed it, or that of a certificate in it which `issuer` itself has signed for
/// that purpose (id-kp-OCSPSigning) and which is valid. Whether that one was taken back is not asked: nobody could
/// say so but itself.
///
/// # Errors
/// [`Unbelievable`] with the reason why it does not count.
pub fn judge(response: &[u8], leaf: &[u8], issuer: &[u8], now: Timestamp) -> Result<Status, Unbelievable> {
    let basic = read(response).map_err(|error| match error {
        NoAnswer::Malformed => Unbelievable::Malformed,
        NoAnswer::Status(number) => Unbelievable::Refused(number),
    })?;
    let leaf = certificate(leaf).ok_or(Unbelievable::OtherCertificate)?;
    let issuer = Issuer::read(issuer).filter(|issuer| issuer.vouches_for(&basic, now)).ok_or(Unbelievable::Signer)?;
    let is_meant = |answer: &&Answer<'_>| is_named(&answer.of, &leaf, &issuer.parsed);
    let mut outcome = Err(Unbelievable::OtherCertificate);
    for answer in basic.answers.iter().filter(is_meant) {
        let said = timely(answer, now);
        // What was once taken back stays so, whatever else is said of it, and however long ago.
        if let Word::Revoked(since) = answer.word {
            return Ok(Status::Revoked { since });
        }
        if outcome.is_err() {
            outcome = said;
        }
    }
    outcome
}

fn timely(answer: &Answer<'_>, now: Timestamp) -> Result<Status, Unbelievable> {
    if answer.this_update > now + AHEAD {
        return Err(Unbelievable::NotYetValid { from: answer.this_update });
    }
    let until = answer.next_update.unwrap_or(answer.this_update + UNDATED);
    if until < now || until < answer.this_update {
        return Err(Unbelievable::Expired { since: until });
    }
    Ok(match answer.word {
        Word::Good => Status::Good { until },
        Word::Revoked(since) => Status::Revoked { since },
        Word::Unknown => Status::Unknown,
    })
}

/// Who has issued the certificate that is asked about, and what counts.
struct Issuer<'a> {
    der: &'a [u8],
    parsed: X509Certificate<'a>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl<'a> Issuer<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let algorithms = provider::default_provider().signature_verification_algorithms;
        Some(Self { der, parsed: certificate(der)?, algorithms })
    }

    /// Whether it signed that itself, or whom it appointed.
    fn vouches_for(&self, basic: &Basic<'_>, now: Timestamp) -> bool {
        let is_by_delegate = |delegate: &&'_ [u8]| {
            self.has_appointed(delegate, basic.responder, now) && basic.signed.is_by(delegate, &self.algorithms)
        };
        basic.signed.is_by(self.der, &self.algorithms) || basic.certificates.iter().any(is_by_delegate)
    }

    /// Whether this is the certificate of that responder, issued for it and valid.
    fn has_appointed(&self, der: &[u8], responder: Responder<'_>, now: Timestamp) -> bool {
        let Some(delegate) = certificate(der) else { return false };
        let validity = delegate.validity();
        let is_valid = Timestamp::from_secs(validity.not_before.timestamp()) <= now
            && now <= Timestamp::from_secs(validity.not_after.timestamp());
        let signs = delegate.extended_key_usage().ok().flatten().is_some_and(|usage| usage.value.ocsp_signing);
        let signed = Reader::new(der).sequence().and_then(|mut inside| Signed::read(&mut inside));
        is_valid
            && signs
            && is_responder(&delegate, responder)
            && delegate.issuer().as_raw() == self.parsed.subject().as_raw()
            && signed.is_some_and(|signed| signed.is_by(self.der, &self.algorithms))
    }
}

fn is_responder(delegate: &X509Certificate<'_>, responder: Responder<'_>) -> bool {
    match responder {
        Responder::Name(name) => name == delegate.subject().as_raw(),
        Responder::Key(key) => key == hash(&digest::SHA1_FOR_LEGACY_USE_ONLY, key_of(delegate)),
    }
}

/// Whether this is the name of that certificate (RFC 6960 §4.1.1).
fn is_named(named: &Named<'_>, leaf: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> bool {
    let algorithm: &Algorithm = match named.hash {
        // id-sha1, then id-sha256, id-sha384 and id-sha512. SHA-1 only names here: it is no signature.
        [0x2b, 0x0e, 0x03, 0x02, 0x1a] => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01] => &digest::SHA256,
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02] => &digest::SHA384,
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03] => &digest::SHA512,
        _ => return false,
    };
    named.serial == leaf.raw_serial()
        && named.issuer_name == hash(algorithm, leaf.issuer().as_raw())
        && named.issuer_key == hash(algorithm, key_of(issuer))
}

fn certificate(der: &[u8]) -> Option<X509Certificate<'_>> {
    X509Certificate::from_der(der).ok().filter(|(rest, _)| rest.is_empty()).map(|(_, parsed)| parsed)
}

fn key_of<'a>(certificate: &'a X509Certificate<'_>) -> &'a [u8] {
    certificate.public_key().subject_public_key.data.as_ref()
}

fn hash(algorithm: &'static Algorithm, octets: &[u8]) -> Vec<u8> {
    digest::digest(algorithm, octets).as_ref().to_vec()
}

impl fmt::Display for Unbelievable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the OCSP response cannot be read"),
            Self::Refused(number) => {
                let reason = match number {
                    1 => "malformedRequest",
                    2 => "internalError",
                    3 => "tryLater",
                    5 => "sigRequired",
                    6 => "unauthorized",
                    _ => "a reason that is not known",
                };
                write!(f, "the OCSP responder gives no answer: {reason}")
            }
            Self::OtherCertificate => f.write_str("the OCSP response is about other certificates"),
            Self::Signer => f.write_str(
                "the OCSP response is signed neither by the issuer of the certificate nor by somebody whom it appointed",
            ),
            Self::Expired { since } => write!(f, "the OCSP response is too old, since {since}"),
            Self::NotYetValid { from } => write!(f, "the OCSP response counts only from {from}"),
        }
    }
}

impl std::error::Error for Unbelievable {}
