//! The judge at work in a handshake: what rustls asks when a server shows its certificates.

use std::cell::RefCell;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use gatepost_model::time::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};

use super::flaw::{Flaw, Flaws};
use super::judge::Judge;
use super::judgement::Judgement;
use super::pin::Pins;
use super::purpose::Purpose;
use super::staple::{Stapled, Staples, note_staple};

/// Judges servers, with what a caller lets pass and what he pins.
#[derive(Debug)]
pub struct Verifier {
    judge: Judge,
    ignored: Flaws,
    pins: Pins,
    /// What came with certificates, for sessions that are resumed: then it does not come again.
    staples: Staples,
}

/// A chain that was not let pass, inside an error of rustls.
#[derive(Debug)]
pub(crate) struct Rejected(pub(crate) Arc<Judgement>);

thread_local! {
    /// What was found about the chain that this thread has just judged.
    static JUDGED: RefCell<Option<Arc<Judgement>>> = const { RefCell::new(None) };
}

impl Verifier {
    /// Lets pass what `judge` finds nothing wrong with, or only what is `ignored` and may be, and what has one of
    /// the `pins`.
    #[must_use]
    pub fn new(judge: Judge, ignored: Flaws, pins: Pins) -> Self {
        Self { judge, ignored, pins, staples: Staples::default() }
    }

    /// As [`verify`](Self::verify), for a chain that was shown in an earlier handshake.
    pub(crate) fn verify_again(
        &self,
        (leaf, sent): (&[u8], &[CertificateDer<'_>]),
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> (Arc<Judgement>, Result<(), CertificateError>) {
        self.verify((leaf, sent), Stapled::Before(&self.staples.of(leaf)), name, now)
    }

    /// All that is wrong with the chain of `leaf`, what was stapled to it and pins included; an error if it may not pass.
    ///
    /// # Errors
    /// What rustls should tell the server.
    pub(crate) fn verify(
        &self,
        (leaf, sent): (&[u8], &[CertificateDer<'_>]),
        stapled: Stapled<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> (Arc<Judgement>, Result<(), CertificateError>) {
        let now = moment(now);
        let mut judgement = self.judge.judge(leaf, sent, Some(name), Purpose::Server, now);
        note_staple(stapled, now, &mut judgement);
        // The leaf's key is proved by the handshake, the others' by signatures alone.
        let proven = if judgement.is_proven { judgement.path.len() } else { 1 };
        let pinned = self.pins.hold(judgement.path.get(..proven).unwrap_or_default(), now);
        if !pinned {
            judgement.pins_missed = true;
        }
        if !pinned && !self.pins.report_only {
            judgement.note(Flaw::Pin, "no certificate in its path has one of the pins of this endpoint");
        }
        let result = verdict(&judgement, self.ignored);
        (Arc::new(judgement), result)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let (judgement, result) =
            self.verify((end_entity, intermediates), Stapled::Now(ocsp_response), server_name, now);
        if result.is_ok() {
            self.staples.keep(end_entity, ocsp_response);
        }
        note_judged(judgement);
        result.map(|()| ServerCertVerified::assertion()).map_err(Error::InvalidCertificate)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, self.judge.algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, self.judge.algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.algorithms().supported_schemes()
    }
}

/// Notes what was found about a chain, in the middle of a step of rustls.
pub(crate) fn note_judged(judgement: Arc<Judgement>) {
    JUDGED.set(Some(judgement));
}

/// Takes what the step before found about a chain.
pub(crate) fn judged() -> Option<Arc<Judgement>> {
    JUDGED.take()
}

/// An error that carries all that was found.
pub(crate) fn rejection(judgement: Arc<Judgement>) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(Rejected(judgement)))))
}

/// A moment as rustls says it.
pub(crate) fn moment(at: UnixTime) -> Timestamp {
    Timestamp::from_secs(i64::try_from(at.as_secs()).unwrap_or(i64::MAX))
}

/// Whether the chain may pass with this ignored; if not, what the other end is told.
pub(crate) fn verdict(judgement: &Judgement, ignored: Flaws) -> Result<(), CertificateError> {
    if judgement.allows(ignored) { Ok(()) } else { Err(told(judgement.flaws(), ignored)) }
}

/// What the other end is told, by the alert that fits (RFC 8446 §6.2): the gravest that nobody ignores.
fn told(found: Flaws, ignored: Flaws) -> CertificateError {
    let counts = |flaw: &Flaw| !ignored.ignorable().contains(*flaw);
    let gravest = found.iter().filter(counts).max_by_key(|flaw| (flaw.severity(), std::cmp::Reverse(*flaw)));
    match gravest {
        Some(Flaw::Untrusted | Flaw::IncompleteChain) => CertificateError::UnknownIssuer,
        Some(Flaw::Expired) => CertificateError::Expired,
        Some(Flaw::NotYetValid) => CertificateError::NotValidYet,
        Some(Flaw::WrongName) => CertificateError::NotValidForName,
        Some(Flaw::WrongUsage) => CertificateError::InvalidPurpose,
        Some(Flaw::RevocationUnknown | Flaw::RevocationFailed) => CertificateError::UnknownRevocationStatus,
        Some(Flaw::MustStaple) => CertificateError::InvalidOcspResponse,
        Some(Flaw::Revoked) => CertificateError::Revoked,
        Some(Flaw::BadSignature) => CertificateError::BadSignature,
        Some(Flaw::Malformed) => CertificateError::BadEncoding,
        _ => CertificateError::ApplicationVerificationFailure,
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl StdError for Rejected {}
