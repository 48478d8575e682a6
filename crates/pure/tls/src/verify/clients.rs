//! The judge at work at the server: what rustls asks when a client shows its certificates.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use super::flaw::{Flaw, Flaws};
use super::judge::Judge;
use super::judgement::Judgement;
use super::purpose::Purpose;
use super::verifier::{moment, note_judged, verdict};
use crate::error::TlsError;
use crate::lists::RevocationLists;

/// Which clients are asked for a certificate, and whose they may be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Clients {
    /// Whether a client without a certificate is sent away.
    pub(crate) required: bool,
    /// Who may stand behind it, as DER.
    pub(crate) authorities: Vec<Vec<u8>>,
    /// What each certificate is held against: what none speaks about is refused. `None`: nobody asks.
    pub(crate) revocation: Option<RevocationLists>,
    /// Whether clients are told who the authorities are.
    pub(crate) hints: bool,
    /// Whether a certificate must be for clients.
    pub(crate) usage_check: bool,
}

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
    /// Takes those clients.
    ///
    /// # Errors
    /// [`TlsError::Setting`] if there is no authority; [`TlsError::Malformed`] if one is no certificate, or a list none.
    pub(crate) fn new(clients: &Clients) -> Result<Self, TlsError> {
        let Clients { required, authorities, revocation, hints, usage_check } = clients;
        let wrong = |detail: String| TlsError::Setting { detail };
        if authorities.is_empty() {
            return Err(wrong("no authority is named for the certificates of clients".to_owned()));
        }
        let mut roots = RootCertStore::empty();
        for der in authorities.iter().filter(|_| *hints) {
            roots
                .add(CertificateDer::from(der.clone()))
                .map_err(|error| wrong(format!("client authority: {error}")))?;
        }
        let ignored = if *usage_check { Flaws::NONE } else { Flaws::from(Flaw::WrongUsage) };
        let judge = Judge::new(authorities)?;
        let judge = match revocation {
            Some(lists) => judge.with_revocation(lists.as_der(), true)?,
            None => judge,
        };
        Ok(Self { judge, required: *required, ignored, hints: roots.subjects() })
    }

    /// All that is wrong with a chain at `now`; an error if it may not pass.
    ///
    /// # Errors
    /// What rustls should tell the client.
    pub(crate) fn verify(
        &self,
        leaf: &[u8],
        sent: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> (Arc<Judgement>, Result<(), CertificateError>) {
        let judgement = self.judge.judge(leaf, sent, None, Purpose::Client, moment(now));
        let verdict = verdict(&judgement, self.ignored);
        (Arc::new(judgement), verdict)
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
        let (judgement, verdict) = self.verify(end_entity, intermediates, now);
        note_judged(judgement);
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
