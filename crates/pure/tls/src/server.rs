//! What a listener shows: versions, suites, protocols, and the certificate that is bound.

use std::collections::HashMap;
use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use gatepost_model::binding::BindingKey;
use gatepost_model::secret::Secret;
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::bindings::{BindingTable, Bindings};
use crate::challenge::Challenges;
use crate::error::TlsError;
use crate::manner::{Manner, Ready};
use crate::refusal::{Refusal, refuse};
use crate::server_certificate::ServerCertificate;
use crate::settings::{Chooses, ServerSettings};
use crate::shown::note_shown;
use crate::version::TlsVersion;

/// Ways of shaking hands whose configuration is kept: with one more, all are made anew, with fresh ticket keys.
const KEPT_MANNERS: usize = 256;
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
    inner: Arc<Inner>,
}

struct Inner {
    rules: ServerRules,
    bindings: Arc<Bindings>,
    challenges: Arc<Challenges>,
    /// The listener's own configuration.
    own: Ready,
    /// The configuration of each other manner, with its ticket keys; `None` if there can be none.
    manners: Mutex<HashMap<Manner, Option<Ready>>>,
    /// The same for each local address.
    configs: Mutex<HashMap<(SocketAddr, Manner), Configs>>,
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
        Self::answering(rules, bindings, Arc::default())
    }

    /// As [`new`](Self::new), but an authority that asks whether a name is ours gets the answer that is shown then
    /// ([`settings_for`](Self::settings_for) alone knows of it).
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn answering(
        rules: &ServerRules,
        bindings: Arc<Bindings>,
        challenges: Arc<Challenges>,
    ) -> Result<Self, TlsError> {
        let own = made(&Manner::default(), rules, Arc::new(Resolver::nowhere(&bindings)))?;
        let (rules, manners, configs) = (rules.clone(), Mutex::default(), Mutex::default());
        Ok(Self { inner: Arc::new(Inner { rules, bindings, challenges, own, manners, configs }) })
    }

    /// The rustls configuration for connections that reached `local`.
    ///
    /// It looks certificates up in the bindings at each handshake, so a swap takes effect at once. It knows one way
    /// of shaking hands: where a binding has terms of its own, it shows nothing.
    #[must_use]
    pub fn config_for(&self, local: SocketAddr) -> Arc<ServerConfig> {
        self.inner.own(local).rustls
    }

    /// The same for a [`Handshake`](crate::handshake::Handshake), which goes by the terms of each binding.
    #[must_use]
    pub fn settings_for(&self, local: SocketAddr) -> ServerSettings {
        self.inner.own(local).settings.chosen_by(Arc::new(Chooser { local, inner: Arc::clone(&self.inner) }))
    }

    /// The bindings that it shows.
    #[must_use]
    pub fn bindings(&self) -> &Arc<Bindings> {
        &self.inner.bindings
    }
}

impl Inner {
    /// The listener's own manner.
    fn own(&self, local: SocketAddr) -> Configs {
        let key = (local, Manner::default());
        self.known(&key).unwrap_or_else(|| self.keep(key, self.own.clone()))
    }

    fn configs_for(&self, local: SocketAddr, manner: &Manner) -> Option<Configs> {
        let key = (local, manner.clone());
        match self.known(&key) {
            None if *manner == Manner::default() => Some(self.own(local)),
            None => self.template(manner).map(|template| self.keep(key, template)),
            known => known,
        }
    }

    fn known(&self, key: &(SocketAddr, Manner)) -> Option<Configs> {
        self.configs.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn keep(&self, key: (SocketAddr, Manner), ready: Ready) -> Configs {
        let Ready { mut config, clients } = ready;
        let bindings = Arc::clone(&self.bindings);
        config.cert_resolver = Arc::new(Resolver { local: Some(key.0), manner: key.1.clone(), bindings });
        let settings = ServerSettings::new(config.clone()).judging(clients).in_manner(key.1.clone());
        let made = Configs { settings, rustls: Arc::new(config) };
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        if configs.len() >= KEPT_CONFIGS {
            configs.clear();
        }
        // Of two at once the first stays, and both go by it.
        configs.entry(key).or_insert(made).clone()
    }

    fn template(&self, manner: &Manner) -> Option<Ready> {
        let mut manners = self.manners.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = manners.get(manner) {
            return known.clone();
        }
        if manners.len() >= KEPT_MANNERS {
            manners.clear();
        }
        let made = made(manner, &self.rules, Arc::new(Resolver::nowhere(&self.bindings))).ok();
        manners.insert(manner.clone(), made.clone());
        made
    }
}

fn made(manner: &Manner, rules: &ServerRules, resolver: Arc<Resolver>) -> Result<Ready, TlsError> {
    manner.config(rules.min, rules.max, &rules.alpn, resolver)
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").field("bindings", &self.inner.bindings).finish_non_exhaustive()
    }
}

/// Finds the configuration for the terms of the binding that a name leads to, or for an authority's question.
struct Chooser {
    local: SocketAddr,
    inner: Arc<Inner>,
}

impl fmt::Debug for Chooser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chooser").field("local", &self.local).finish_non_exhaustive()
    }
}

impl Chooses for Chooser {
    fn depends(&self) -> bool {
        self.inner.challenges.are_any() || !self.inner.bindings.current().is_uniform()
    }

    fn choose(&self, hello: &ClientHello<'_>) -> Option<ServerSettings> {
        if let Some(answer) = self.inner.challenges.settings_for(hello) {
            return Some(answer);
        }
        let table = self.inner.bindings.current();
        let pick = table.pick(self.local, hello.server_name())?;
        self.inner.configs_for(self.local, pick.manner).map(|configs| configs.settings)
    }
}

/// Looks the certificate up in the bindings in force. `None` makes rustls refuse the handshake.
#[derive(Debug)]
struct Resolver {
    local: Option<SocketAddr>,
    /// The way in which it shakes hands.
    manner: Manner,
    bindings: Arc<Bindings>,
}

impl Resolver {
    fn nowhere(bindings: &Arc<Bindings>) -> Self {
        Self { local: None, manner: Manner::default(), bindings: Arc::clone(bindings) }
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let table = self.bindings.current();
        let pick = table.pick(self.local?, hello.server_name())?;
        let Some(certificate) = pick.certificate else {
            refuse(Refusal::Rejected);
            return None;
        };
        // A binding whose terms would not be kept shows nothing: neither a name that was told twice differently
        // nor a swap at the wrong moment gets around them.
        if *pick.manner != self.manner {
            refuse(Refusal::OtherTerms);
            return None;
        }
        note_shown(certificate);
        Some(certificate.certified())
    }
}
