//! What a listener shows: versions, suites, protocols, and the certificate that is bound.

use std::collections::HashMap;
use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use gatepost_model::binding::BindingKey;
use gatepost_model::secret::Secret;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::bindings::{BindingTable, Bindings, ServerCertificate};
use crate::error::TlsError;
use crate::handshake::ServerSettings;
use crate::schedule::suites::with_schedule;
use crate::version::{TlsVersion, between};

/// Local addresses whose configuration is kept ready; a machine rarely has more.
const KEPT_CONFIGS: usize = 64;

/// How a listener speaks TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerRules {
    /// The oldest version accepted. Default TLS 1.2.
    pub min: TlsVersion,
    /// The newest version accepted. Default TLS 1.3.
    pub max: TlsVersion,
    /// Application protocols, preferred first (RFC 7301). Default `h2`, `http/1.1`.
    pub alpn: Vec<Vec<u8>>,
}

impl Default for ServerRules {
    fn default() -> Self {
        Self { min: TlsVersion::V1_2, max: TlsVersion::V1_3, alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()] }
    }
}

/// The same configuration for rustls' own connections and for ours.
#[derive(Clone)]
struct Configs {
    rustls: Arc<ServerConfig>,
    settings: ServerSettings,
}

/// The server's side of TLS: one set of rules over bindings that can be swapped.
pub struct ServerTls {
    template: ServerConfig,
    bindings: Arc<Bindings>,
    configs: Mutex<HashMap<SocketAddr, Configs>>,
}

impl ServerTls {
    /// TLS with the default rules and one certificate, at every address and for every name that it covers.
    ///
    /// # Errors
    /// As [`ServerCertificate::new`] and [`new`](Self::new).
    pub fn single(chain: &[Vec<u8>], key: &Secret) -> Result<Self, TlsError> {
        let certificate = Arc::new(ServerCertificate::new(chain.to_vec(), key)?);
        let anywhere = BindingKey::Address(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)));
        Self::new(&ServerRules::default(), Arc::new(Bindings::new(BindingTable::new([(anywhere, certificate)]))))
    }

    /// Turns rules into configurations.
    ///
    /// Session tickets are on, encrypted under a key that rotates; early data (0-RTT) is off, because it
    /// can be replayed (RFC 8446 §8).
    ///
    /// # Errors
    /// [`TlsError::Setting`] if the rules leave no version, or the provider has no randomness.
    pub fn new(rules: &ServerRules, bindings: Arc<Bindings>) -> Result<Self, TlsError> {
        let wrong = |detail: String| TlsError::Setting { detail };
        let versions = between(rules.min, rules.max);
        if versions.is_empty() {
            return Err(wrong(format!("no version from {} to {}", rules.min.name(), rules.max.name())));
        }
        let nowhere = Resolver { local: None, bindings: Arc::clone(&bindings) };
        let mut template = ServerConfig::builder_with_provider(Arc::new(server_provider()))
            .with_protocol_versions(&versions)
            .map_err(|error| wrong(error.to_string()))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(nowhere));
        template.alpn_protocols.clone_from(&rules.alpn);
        // AES-128-GCM costs a fifth less in a full handshake than AES-256-GCM with SHA-384, so our order rules.
        template.ignore_client_order = true;
        template.ticketer = aws_lc_rs::Ticketer::new().map_err(|error| wrong(error.to_string()))?;
        template.session_storage = Arc::new(NoServerSessionStorage {});
        template.max_early_data_size = 0;
        Ok(Self { template, bindings, configs: Mutex::default() })
    }

    /// The rustls configuration for connections that reached `local`.
    ///
    /// It looks certificates up in the bindings at each handshake, so a swap takes effect at once.
    #[must_use]
    pub fn config_for(&self, local: SocketAddr) -> Arc<ServerConfig> {
        self.configs_for(local).rustls
    }

    /// The same for a [`Handshake`](crate::handshake::Handshake).
    #[must_use]
    pub fn settings_for(&self, local: SocketAddr) -> ServerSettings {
        self.configs_for(local).settings
    }

    fn configs_for(&self, local: SocketAddr) -> Configs {
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = configs.get(&local) {
            return known.clone();
        }
        if configs.len() >= KEPT_CONFIGS {
            configs.clear();
        }
        let mut config = self.template.clone();
        config.cert_resolver = Arc::new(Resolver { local: Some(local), bindings: Arc::clone(&self.bindings) });
        let made = Configs { settings: ServerSettings::new(config.clone()), rustls: Arc::new(config) };
        configs.insert(local, made.clone());
        made
    }

    /// The bindings that it shows.
    #[must_use]
    pub fn bindings(&self) -> &Arc<Bindings> {
        &self.bindings
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").field("bindings", &self.bindings).finish_non_exhaustive()
    }
}

/// Looks the certificate up in the bindings in force. `None` makes rustls refuse the handshake.
#[derive(Debug)]
struct Resolver {
    local: Option<SocketAddr>,
    bindings: Arc<Bindings>,
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let table = self.bindings.current();
        Some(table.find(self.local?, hello.server_name())?.certified())
    }
}

/// The default provider with AES-128-GCM before the others of its version, and a key schedule that costs less.
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
