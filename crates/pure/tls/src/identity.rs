//! Who a client is, by a certificate.

use gatepost_model::secret::Secret;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::certificate::Certificate;
use crate::error::TlsError;
use crate::server_certificate::ServerCertificate;

/// A client's chain and its key, proved to belong together. Its `Debug` shows no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    chain: Vec<Vec<u8>>,
    key: Secret,
}

impl Identity {
    /// Puts a chain (DER, the client's own first) and its key (DER: PKCS #8, PKCS #1 or SEC 1) together.
    ///
    /// # Errors
    /// [`TlsError::Malformed`] if either cannot be read; [`TlsError::KeyMismatch`] if the key is another's.
    pub fn new(chain: Vec<Vec<u8>>, key: Secret) -> Result<Self, TlsError> {
        // What a server's pair has to be, a client's has to be, too.
        ServerCertificate::new(chain.clone(), &key)?;
        Ok(Self { chain, key })
    }

    /// The facts of its own certificate.
    ///
    /// # Errors
    /// None in practice: it was read before.
    pub fn facts(&self) -> Result<Certificate, TlsError> {
        Certificate::parse(self.chain.first().map_or(&[], Vec::as_slice))
    }

    /// As rustls wants it.
    pub(crate) fn parts(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
        let unreadable = |detail: &str| TlsError::Malformed { what: "private key", detail: detail.to_owned() };
        let key = PrivateKeyDer::try_from(self.key.reveal().to_vec()).map_err(unreadable)?;
        Ok((self.chain.iter().cloned().map(CertificateDer::from).collect(), key))
    }
}
