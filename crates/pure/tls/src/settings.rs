//! What a handshake goes by, at either end: a configuration of rustls, and what we know besides.

use std::fmt;
use std::sync::Arc;

use rustls::client::{ClientSessionMemoryCache, ClientSessionStore, Resumption};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ClientHello;
use rustls::server::danger::ClientCertVerifier;
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, Error, ServerConfig};

use crate::client_chain::ClientChain;
use crate::conversation::Witness;
use crate::manner::Manner;
use crate::ticket;
use crate::verify::clients::ClientVerifier;
use crate::verify::judgement::Judgement;
use crate::verify::verifier::{Verifier, rejection};

/// Servers whose sessions a client keeps, as many as rustls does.
const SESSIONS: usize = 256;

/// Knows the settings for a client.
pub(crate) trait Chooses: fmt::Debug + Send + Sync {
    /// Whether they depend on what it asks for at all.
    fn depends(&self) -> bool;

    /// The settings for a client that begins with `hello`. `None`: those that it has.
    fn choose(&self, hello: &ClientHello<'_>) -> Option<ServerSettings>;
}

/// A server's configuration for [`Handshake::server`](crate::handshake::Handshake::server). What it lets out of rustls stays in this crate.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// For a client that comes anew.
    anew: Arc<ServerConfig>,
    /// For a client that shows a ticket.
    again: Arc<ServerConfig>,
    /// Who knows a better configuration for what a client asks for.
    chooser: Option<Arc<dyn Chooses>>,
    /// Who judges again what a client had shown when a resumed session was begun.
    clients: Option<Arc<ClientVerifier>>,
    /// What it was made of; `None` if that is not known.
    manner: Option<Arc<Manner>>,
}

/// A client's configuration for [`Handshake::client`](crate::handshake::Handshake::client). What it lets out of rustls stays in this crate.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    config: Arc<ClientConfig>,
    /// Who judges again what a resumed session was begun with.
    verifier: Option<Arc<Verifier>>,
    /// The sessions to resume, where they are judged again.
    sessions: Option<Arc<dyn ClientSessionStore>>,
}

impl ServerSettings {
    /// The settings of `config`, without early data (RFC 8446 §8).
    #[must_use]
    pub fn new(mut config: ServerConfig) -> Self {
        config.enable_secret_extraction = true;
        config.max_early_data_size = 0;
        config.cert_resolver = Arc::new(Witness(Arc::clone(&config.cert_resolver)));
        // A client that uses one up gets one back; whoever comes anew may open several connections with what they get
        // (RFC 8446 §4.6.1 leaves the count to the server; OpenSSL's do the same).
        let mut again = config.clone();
        again.send_tls13_tickets = again.send_tls13_tickets.min(1);
        Self { anew: Arc::new(config), again: Arc::new(again), chooser: None, clients: None, manner: None }
    }

    /// The same; clients are judged by `clients`, as its configuration says to rustls.
    pub(crate) fn judging(self, clients: Option<Arc<ClientVerifier>>) -> Self {
        Self { clients, ..self }
    }

    /// The same, but what a client asks for may lead to another configuration.
    pub(crate) fn chosen_by(self, chooser: Arc<dyn Chooses>) -> Self {
        Self { chooser: Some(chooser), ..self }
    }

    /// The same, known to be of this manner.
    pub(crate) fn in_manner(self, manner: Manner) -> Self {
        Self { manner: Some(Arc::new(manner)), ..self }
    }

    pub(crate) fn manner(&self) -> Option<Arc<Manner>> {
        self.manner.clone()
    }

    pub(crate) fn chooser(&self) -> Option<&Arc<dyn Chooses>> {
        self.chooser.as_ref()
    }

    /// Who judges the client of a session that was resumed.
    pub(crate) fn guard(&self) -> Guard {
        Guard { clients: self.clients.clone(), clock: Arc::clone(&self.anew.time_provider) }
    }

    /// The configuration for a client that begins with `first`.
    pub(crate) fn config_for(&self, first: &[u8]) -> Arc<ServerConfig> {
        Arc::clone(if ticket::is_shown(first) { &self.again } else { &self.anew })
    }
}

/// Judges the client of a connection once its handshake is over.
#[derive(Debug)]
pub(crate) struct Guard {
    clients: Option<Arc<ClientVerifier>>,
    clock: Arc<dyn TimeProvider>,
}

impl Guard {
    /// The chain of a client that has shown `shown`, and about which `judgement` was found if it was just judged. A
    /// session that is resumed was judged when it was begun: its certificates may have ended since, or been revoked.
    ///
    /// # Errors
    /// If the chain may not pass, or there is none and has to be.
    pub(crate) fn admit(
        &self,
        shown: &[CertificateDer<'_>],
        judgement: Option<Arc<Judgement>>,
    ) -> Result<Option<Arc<ClientChain>>, Error> {
        let Some(clients) = &self.clients else { return Ok(None) };
        let [leaf, sent @ ..] = shown else {
            let must = clients.client_auth_mandatory();
            return if must { Err(Error::NoCertificatesPresented) } else { Ok(None) };
        };
        if let Some(judgement) = judgement {
            return Ok(Some(Arc::new(ClientChain::new(judgement))));
        }
        let now = self.clock.current_time().ok_or(Error::FailedToGetCurrentTime)?;
        let (judgement, verdict) = clients.verify(leaf, sent, now);
        match verdict {
            Ok(()) => Ok(Some(Arc::new(ClientChain::new(judgement)))),
            Err(_) => Err(rejection(judgement)),
        }
    }
}

impl ClientSettings {
    /// The settings of `config`, without early data (RFC 8446 §8). A resumed session is not judged again.
    #[must_use]
    pub fn new(mut config: ClientConfig) -> Self {
        config.enable_secret_extraction = true;
        config.enable_early_data = false;
        Self { config: Arc::new(config), verifier: None, sessions: None }
    }

    /// The settings of `config`, whose verifier this is.
    pub(crate) fn judged_by(mut config: ClientConfig, verifier: Arc<Verifier>) -> Self {
        let sessions: Arc<dyn ClientSessionStore> = Arc::new(ClientSessionMemoryCache::new(SESSIONS));
        config.resumption = Resumption::store(Arc::clone(&sessions));
        Self { verifier: Some(verifier), sessions: Some(sessions), ..Self::new(config) }
    }

    /// The same with other application protocols on offer. They share the sessions to resume.
    #[must_use]
    pub fn with_alpn(&self, alpn: Vec<Vec<u8>>) -> Self {
        let mut config = ClientConfig::clone(&self.config);
        config.alpn_protocols = alpn;
        Self { config: Arc::new(config), ..self.clone() }
    }

    /// The same, sharing the sessions to resume, but judged as `other` judges: for rules that have changed.
    #[must_use]
    pub fn judged_like(&self, other: &Self) -> Self {
        let mut config = ClientConfig::clone(&other.config);
        config.resumption = self.config.resumption.clone();
        Self { config: Arc::new(config), verifier: other.verifier.clone(), sessions: self.sessions.clone() }
    }

    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }

    /// Judges what the server of a resumed session had shown: pins, lists and clocks may say otherwise by now.
    pub(crate) fn judge_again(
        &self,
        shown: &[CertificateDer<'_>],
        name: &ServerName<'_>,
    ) -> Result<Option<Arc<Judgement>>, Error> {
        let Some(verifier) = &self.verifier else { return Ok(None) };
        let [leaf, sent @ ..] = shown else { return Err(Error::NoCertificatesPresented) };
        let now = self.config.time_provider.current_time().ok_or(Error::FailedToGetCurrentTime)?;
        let (judgement, verdict) = verifier.verify_again((leaf, sent), name, now);
        match verdict {
            Ok(()) => Ok(Some(judgement)),
            Err(_) => {
                self.forget(name);
                Err(rejection(judgement))
            }
        }
    }

    /// Forgets the sessions with a server: what it shows anew may be good.
    fn forget(&self, name: &ServerName<'_>) {
        let Some(sessions) = &self.sessions else { return };
        let name = name.to_owned();
        sessions.remove_tls12_session(&name);
        while sessions.take_tls13_ticket(&name).is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use gatepost_model::secret::Secret;
    use gatepost_testkit::authority::Authority;
    use gatepost_testkit::ocsp::{Reply, Word};
    use rustls::pki_types::UnixTime;
    use rustls::time_provider::TimeProvider;

    use super::*;
    use crate::bindings::{BindingTable, Bindings};
    use crate::client::{ClientRules, client_settings};
    use crate::handshake::Handshake;
    use crate::server::{ServerRules, ServerTls};
    use crate::server_certificate::ServerCertificate;
    use crate::version::TlsVersion;

    /// A clock that is set.
    #[derive(Debug)]
    struct Clock(AtomicU64);

    impl TimeProvider for Clock {
        fn current_time(&self) -> Option<UnixTime> {
            Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0.load(Ordering::Relaxed))))
        }
    }

    /// Whether a session was resumed.
    fn greet(client: &ClientSettings, server: &ServerTls) -> Result<bool, Error> {
        let local = SocketAddr::from(([127, 0, 0, 1], 443));
        let mut server = Handshake::server(&server.settings_for(local), &[])?;
        let mut client = Handshake::client(client, "a.test".try_into().unwrap())?;
        while !client.is_over() {
            let _ = server.receive(&client.take_output());
            client.receive(&server.take_output())?;
        }
        client.finish().map(|established| established.facts.resumed)
    }

    #[test]
    fn a_session_that_is_no_longer_good_is_forgotten() {
        let authority = Authority::new();
        let leaf = authority.issue_must_staple(&["a.test"]);
        let server = ServerTls::new(&ServerRules::default(), Arc::new(Bindings::default())).unwrap();
        let staple = |from: &str, to: &str| {
            let chain = vec![leaf.certificate_der.clone(), authority.der().to_vec()];
            let plain = ServerCertificate::new(chain, &Secret::new(leaf.key_der.clone())).unwrap();
            let stapled = plain.with_staple(authority.ocsp(&leaf, &Reply::new(Word::Good, from, to)));
            server.bindings().replace(BindingTable::new([("a.test:0".parse().unwrap(), Arc::new(stapled))]));
        };
        // TLS 1.2 resumes by what the handshake itself brings.
        let roots = vec![authority.der().to_vec()];
        let mut client =
            client_settings(&ClientRules { roots, max: TlsVersion::V1_2, ..ClientRules::default() }).unwrap();
        // 2026-01-01T12:00:00Z.
        let clock = Arc::new(Clock(AtomicU64::new(1_767_268_800)));
        let shown: Arc<dyn TimeProvider> = clock.clone();
        let mut config = ClientConfig::clone(&client.config);
        config.time_provider = shown;
        client.config = Arc::new(config);

        staple("20260101000000Z", "20260101130000Z");
        assert_eq!((greet(&client, &server), greet(&client, &server)), (Ok(false), Ok(true)));
        clock.0.fetch_add(2 * 3600, Ordering::Relaxed);
        staple("20260101000000Z", "20260102000000Z");
        assert!(greet(&client, &server).is_err(), "what was stapled then is over");
        assert_eq!((greet(&client, &server), greet(&client, &server)), (Ok(false), Ok(true)), "it begins anew");
    }
}
