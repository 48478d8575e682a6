//! What of a binding's terms shapes the TLS configuration: bindings of one manner share one.

use std::sync::Arc;

use gatepost_model::terms::{ClientCertificate, Terms, TlsBound};
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ProducesTickets, ResolvesServerCert};

use crate::error::TlsError;
use crate::lists::RevocationLists;
use crate::schedule::suites::with_schedule;
use crate::verify::clients::{ClientVerifier, Clients};
use crate::version::{TlsVersion, between};

/// A way of shaking hands: what of a binding's terms shapes it. The default one is the listener's own.
///
/// A connection keeps the one that it was made in, whatever is bound by now; see
/// [`BindingTable::admits`](crate::bindings::BindingTable::admits).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Manner {
    min: Option<TlsBound>,
    max: Option<TlsBound>,
    http2: Option<bool>,
    no_tickets: bool,
    clients: Option<Clients>,
}

/// What a manner comes to: a configuration, and who judges clients by it.
#[derive(Debug, Clone)]
pub(crate) struct Ready {
    pub(crate) config: ServerConfig,
    pub(crate) clients: Option<Arc<ClientVerifier>>,
}

impl Manner {
    /// The manner of these terms.
    #[must_use]
    pub fn of(terms: &Terms) -> Self {
        let clients = |required| Clients {
            required,
            authorities: terms.client_authorities.clone(),
            hints: terms.client_hints,
            usage_check: terms.usage_check,
            revocation: terms.checks_revocation().then(RevocationLists::default),
        };
        let clients = match terms.client_certificate {
            ClientCertificate::Off => None,
            ClientCertificate::Request => Some(clients(false)),
            ClientCertificate::Require => Some(clients(true)),
        };
        // A certificate is judged when it is shown. A session that is resumed shows none, so that one that ends or is
        // taken back would be good for as long as its ticket: only who says so wants that.
        let no_tickets = terms.tickets == Some(false) || clients.is_some() && terms.tickets.is_none();
        Self { min: terms.min_tls, max: terms.max_tls, http2: terms.http2, no_tickets, clients }
    }

    /// The same with the lists that the terms name, if they want clients' certificates to be held against any. Without
    /// them each is refused then.
    #[must_use]
    pub(crate) fn with_revocation_lists(mut self, lists: RevocationLists) -> Self {
        if let Some(held) = self.clients.as_mut().and_then(|clients| clients.revocation.as_mut()) {
            *held = lists;
        }
        self
    }

    /// The manner of connections that nobody takes up again.
    pub(crate) fn passing() -> Self {
        Self { no_tickets: true, ..Self::default() }
    }

    /// The configuration for it, within the versions of the listener, who has these protocols on offer.
    ///
    /// Each has ticket keys of its own: a session that was begun in one manner is never taken up in another.
    ///
    /// # Errors
    /// [`TlsError::Setting`] if no version is left, or clients are to come from authorities that are none.
    pub(crate) fn config(
        &self,
        oldest: TlsVersion,
        newest: TlsVersion,
        offered: &[Vec<u8>],
        resolver: Arc<dyn ResolvesServerCert>,
    ) -> Result<Ready, TlsError> {
        let wrong = |detail: String| TlsError::Setting { detail };
        let min = self.min.map_or(oldest, |min| oldest.max(version(min)));
        let max = self.max.map_or(newest, |max| newest.min(version(max)));
        let versions = between(min, max);
        if versions.is_empty() {
            return Err(wrong(format!("no version from {} to {}", min.name(), max.name())));
        }
        let builder = ServerConfig::builder_with_provider(Arc::new(server_provider()))
            .with_protocol_versions(&versions)
            .map_err(|error| wrong(error.to_string()))?;
        let clients = self.clients.as_ref().map(ClientVerifier::new).transpose()?.map(Arc::new);
        let builder = match &clients {
            None => builder.with_no_client_auth(),
            Some(verifier) => {
                let asked: Arc<dyn ClientCertVerifier> = verifier.clone();
                builder.with_client_cert_verifier(asked)
            }
        };
        let mut config = builder.with_cert_resolver(resolver);
        config.alpn_protocols = self.protocols(offered);
        // AES-128-GCM costs a fifth less in a full handshake than AES-256-GCM with SHA-384, so our order rules.
        config.ignore_client_order = true;
        config.ticketer = tickets(self.no_tickets)?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.max_early_data_size = 0;
        if self.no_tickets {
            config.send_tls13_tickets = 0;
        }
        Ok(Ready { config, clients })
    }

    /// Whether clients are asked for a certificate.
    pub(crate) fn asks(&self) -> bool {
        self.clients.is_some()
    }

    fn protocols(&self, offered: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let others = offered.iter().filter(|one| one.as_slice() != b"h2").cloned();
        match self.http2 {
            None => offered.to_vec(),
            Some(true) => std::iter::once(b"h2".to_vec()).chain(others).collect(),
            Some(false) => others.collect(),
        }
    }
}

fn version(bound: TlsBound) -> TlsVersion {
    match bound {
        TlsBound::V1_2 => TlsVersion::V1_2,
        TlsBound::V1_3 => TlsVersion::V1_3,
    }
}

fn tickets(none: bool) -> Result<Arc<dyn ProducesTickets>, TlsError> {
    if none {
        return Ok(Arc::new(NoTickets));
    }
    aws_lc_rs::Ticketer::new().map_err(|error| TlsError::Setting { detail: error.to_string() })
}

/// Produces none, and takes none.
#[derive(Debug)]
struct NoTickets;

impl ProducesTickets for NoTickets {
    fn enabled(&self) -> bool {
        false
    }

    fn lifetime(&self) -> u32 {
        0
    }

    fn encrypt(&self, _plain: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn decrypt(&self, _cipher: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

/// The default provider with AES-128-GCM before the others of its version.
fn server_provider() -> CryptoProvider {
    use aws_lc_rs::cipher_suite::{
        TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS13_AES_128_GCM_SHA256,
    };
    let preferred =
        [TLS13_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256];
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.sort_by_key(|suite| !preferred.contains(suite));
    with_schedule(provider)
}
