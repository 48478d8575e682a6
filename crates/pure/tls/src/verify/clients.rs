//! The judge at work at the server: what rustls asks when a client shows its certificates.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use super::flaw::{Flaw, Flaws};
use super::judge::Judge;
use super::purpose::Purpose;
use super::verifier::{moment, note_judged, verdict};
use crate::error::TlsError;
use crate::lists::RevocationLists;

/// Judges clients.
#[derive(Debug)]
pub(crate) struct ClientVerifier {
    judge: Judge,
    /// Whether a client without a certificate is sent away.
    required: bool,
    /// What is let pass: nothing, or that a certificate is not for clients.
    ignored: Flaws,
    hints: Vec<DistinguishedName>,
}

impl ClientVerifier {
    /// Takes clients whose certificate one of these authorities stands behind. With `hints` they are told which.
    ///
    /// # Errors
    /// [`TlsError::Setting`] if there is no authority; [`TlsError::Malformed`] if one is no certificate.
    pub(crate) fn new(authorities: &[Vec<u8>], required: bool, usage: bool, hints: bool) -> Result<Self, TlsError> {
        let wrong = |detail: String| TlsError::Setting { detail };
        if authorities.is_empty() {
            return Err(wrong("no authority is named for the certificates of clients".to_owned()));
        }
        let mut roots = RootCertStore::empty();
        for der in authorities.iter().filter(|_| hints) {
            roots
                .add(CertificateDer::from(der.clone()))
                .map_err(|error| wrong(format!("client authority: {error}")))?;
        }
        let ignored = if usage { Flaws::NONE } else { Flaws::from(Flaw::WrongUsage) };
        Ok(Self { judge: Judge::new(authorities)?, required, ignored, hints: roots.subjects() })
    }

    /// The same, but takes only whom a list speaks about, none of which is too old, and whom none names.
    ///
    /// # Errors
    /// [`TlsError::Malformed`] for what is no list.
    pub(crate) fn with_revocation(self, lists: &RevocationLists) -> Result<Self, TlsError> {
        Ok(Self { judge: self.judge.with_revocation(lists.as_der(), true)?, ..self })
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let judgement = self.judge.judge(end_entity, intermediates, None, Purpose::Client, moment(now));
        let verdict = verdict(&judgement, self.ignored);
        note_judged(Arc::new(judgement));
        verdict.map(|()| ClientCertVerified::assertion()).map_err(Error::InvalidCertificate)
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
