//! A certificate that a server can show: the chain, with its key.

use std::fmt;
use std::sync::Arc;

use gatepost_model::secret::Secret;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::certificate::Certificate;
use crate::end_point::server_end_point;
use crate::error::TlsError;

/// A chain and its key, proved to belong together, ready to answer handshakes.
pub struct ServerCertificate {
    facts: Certificate,
    certified: Arc<CertifiedKey>,
    end_point: Option<Arc<[u8]>>,
}

impl ServerCertificate {
    /// Puts a chain (DER, leaf first) and its key (DER: PKCS #8, PKCS #1 or SEC 1) together.
    ///
    /// # Errors
    /// [`TlsError::Malformed`] if either cannot be read; [`TlsError::KeyMismatch`] if the key is another's.
    pub fn new(chain: Vec<Vec<u8>>, key: &Secret) -> Result<Self, TlsError> {
        let unreadable = |detail: String| TlsError::Malformed { what: "private key", detail };
        let Some(leaf) = chain.first() else {
            return Err(TlsError::Malformed { what: "certificate chain", detail: "it is empty".to_owned() });
        };
        let facts = Certificate::parse(leaf)?;
        let end_point = server_end_point(leaf);
        let der = PrivateKeyDer::try_from(key.reveal()).map_err(|detail| unreadable(detail.to_owned()))?;
        let signer = any_supported_type(&der).map_err(|error| unreadable(error.to_string()))?;
        let certified = CertifiedKey::new(chain.into_iter().map(CertificateDer::from).collect(), signer);
        if certified.keys_match().is_err() {
            return Err(TlsError::KeyMismatch { subject: facts.subject });
        }
        Ok(Self { facts, certified: Arc::new(certified), end_point })
    }

    /// The same with an OCSP response (DER) that is stapled to it for clients that ask (RFC 6066 §8). It is not looked
    /// at here: [`fitness::staple`](crate::fitness::staple) does.
    #[must_use]
    pub fn with_staple(&self, response: Vec<u8>) -> Self {
        let certified = CertifiedKey { ocsp: Some(response), ..CertifiedKey::clone(&self.certified) };
        Self { facts: self.facts.clone(), end_point: self.end_point.clone(), certified: Arc::new(certified) }
    }

    /// The leaf's facts.
    #[must_use]
    pub fn facts(&self) -> &Certificate {
        &self.facts
    }

    /// What binds channels to it (RFC 5929 §4).
    #[must_use]
    pub fn end_point(&self) -> Option<&Arc<[u8]>> {
        self.end_point.as_ref()
    }

    pub(crate) fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified)
    }
}

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerCertificate").field("facts", &self.facts).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gatepost_model::time::Timestamp;

    use super::*;
    use crate::issue::Authority;

    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn only_the_right_key_makes_a_pair() {
        let authority = Authority::create("CA", Timestamp::from_secs(1_000_000_000), DAY).unwrap();
        let issue = |name: &str| authority.issue_server(&[name.to_owned()], Timestamp::from_secs(1_000_000_000), DAY);
        let (one, two) = (issue("one.test").unwrap(), issue("two.test").unwrap());
        let mixed = ServerCertificate::new(one.chain.clone(), &two.key).map(|_| ());
        assert_eq!(mixed, Err(TlsError::KeyMismatch { subject: "CN=one.test".into() }));
        let pair = ServerCertificate::new(one.chain, &one.key).unwrap();
        assert_eq!(pair.facts().names(), ["one.test"]);
        assert!(ServerCertificate::new(Vec::new(), &one.key).is_err());
        assert!(ServerCertificate::new(two.chain, &Secret::from("junk")).is_err());
    }
}
