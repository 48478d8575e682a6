//! Which certificate answers: by server name (SNI) and by local address.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use gatepost_model::binding::BindingKey;
use gatepost_model::terms::Terms;

use crate::bound::{Answer, Bound};
use crate::lookup::{Look, Outcome, Rule, candidates};
use crate::manner::Manner;
use crate::server_certificate::ServerCertificate;

/// All bindings at one moment. Immutable: a reload builds a new one and swaps it in.
#[derive(Debug)]
pub struct BindingTable {
    bindings: HashMap<BindingKey, Bound>,
    /// Whether all are of the listener's own manner.
    is_uniform: bool,
    /// Whether none rejects.
    is_open: bool,
    /// Whether of some each handshake is told.
    is_logging: bool,
}

/// The binding that answers a client.
#[derive(Debug, Clone, Copy)]
pub struct Pick<'a> {
    /// Why.
    pub rule: Rule,
    /// What it shows; `None`: nothing, the connection ends.
    pub certificate: Option<&'a Arc<ServerCertificate>>,
    /// Whether somebody wants to hear of the handshake.
    pub is_logged: bool,
    pub(crate) manner: &'a Manner,
}

impl Default for BindingTable {
    fn default() -> Self {
        Self::of([])
    }
}

impl BindingTable {
    /// Collects certificates by key, without terms; of two with the same key the later one stands.
    #[must_use]
    pub fn new(bindings: impl IntoIterator<Item = (BindingKey, Arc<ServerCertificate>)>) -> Self {
        let plain = |certificate| Bound::new(Answer::Certificate(certificate), &Terms::default());
        Self::of(bindings.into_iter().map(|(key, certificate)| (key, plain(certificate))))
    }

    /// Collects bindings; of two with the same key the later one stands.
    #[must_use]
    pub fn of(bindings: impl IntoIterator<Item = (BindingKey, Bound)>) -> Self {
        let bindings: HashMap<_, _> = bindings.into_iter().collect();
        let own = Manner::default();
        let is_uniform = bindings.values().all(|bound| bound.manner == own);
        let is_open = !bindings.values().any(|bound| matches!(bound.answer, Answer::Reject));
        let is_logging = bindings.values().any(|bound| bound.is_logged);
        Self { bindings, is_uniform, is_open, is_logging }
    }

    /// The certificate for a client that reached `local` and asked for `name` (its SNI; `None` if it sent none).
    /// [`pick`](Self::pick) says how it is found.
    #[must_use]
    pub fn find(&self, local: SocketAddr, name: Option<&str>) -> Option<&Arc<ServerCertificate>> {
        self.pick(local, name)?.certificate
    }

    /// The binding that answers a client that reached `local` and asked for `name` (its SNI; `None` if it sent none).
    ///
    /// The first that exists answers:
    ///
    /// 1. `name:port`, then `name` on any port (port 0);
    /// 2. `*.parent:port`, then `*.parent` on any port: a wildcard stands for one label;
    /// 3. `*:port`, then `*` on any port: a directory, if it has a file for the name;
    /// 4. the exact address and port, then the address on any port;
    /// 5. the unspecified address (`0.0.0.0`, then `[::]`) with the port, then on any port.
    ///
    /// A directory at `*` that has no file for the name does not answer, and the next is asked. Where the file is there
    /// and unfit, or the directory is bound to a name or a wildcard, nothing answers: what is broken must not lead to
    /// another binding, with other terms.
    ///
    /// An address binding (4, 5) serves clients without a name, since an IP literal is never sent as one
    /// (RFC 6066 §3), and clients with a name that its certificate covers. Every other name gets
    /// `None`, and the handshake is refused: a client that believes to be elsewhere must not be served
    /// from here (ALPACA, CVE-2021-3618).
    #[must_use]
    pub fn pick(&self, local: SocketAddr, name: Option<&str>) -> Option<Pick<'_>> {
        let name = name.map(plain);
        for (rule, key) in candidates(local, name.as_deref()) {
            let Some(bound) = self.bindings.get(&key) else { continue };
            let (outcome, certificate) = bound.judge(rule, name.as_deref());
            if outcome == Outcome::NotCovered {
                return None;
            }
            if outcome.is_last() {
                return Some(Pick { rule, certificate, is_logged: bound.is_logged, manner: &bound.manner });
            }
        }
        None
    }

    /// Every key that is asked for a client that reached `ip` and `port` and asked for `host`, until one of them
    /// decides. The last one is what [`pick`](Self::pick) goes by; if it is not [last](Outcome::is_last), nothing is
    /// bound.
    #[must_use]
    pub fn explain(&self, host: Option<&str>, ip: IpAddr, port: u16) -> Vec<Look> {
        let name = host.map(plain);
        let mut looks = Vec::new();
        for (rule, key) in candidates(SocketAddr::new(ip, port), name.as_deref()) {
            let bound = self.bindings.get(&key);
            let outcome = bound.map_or(Outcome::Unbound, |bound| bound.judge(rule, name.as_deref()).0);
            looks.push(Look { rule, key, outcome });
            if outcome.is_last() {
                break;
            }
        }
        looks
    }

    /// Whether a connection that reached `local` and was `made` in that manner may carry requests for `host`.
    ///
    /// It may if it would be made in the same way for that host now: neither another Host field, nor HTTP/2's reuse
    /// of connections (RFC 9113 §9.1.1), nor a connection that is older than the terms gets around a reject, a TLS
    /// version, or a certificate of the client. A connection of which the manner is not known may not.
    #[must_use]
    pub fn admits(&self, local: SocketAddr, made: Option<&Manner>, host: &str) -> bool {
        if !self.is_strict() {
            return true;
        }
        // An address is never sent as a name (RFC 6066 §3).
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let host = bare.parse::<IpAddr>().map_or(Some(bare), |_| None);
        // For what is not bound no terms are known: where there are any, it could be meant for them.
        let Some(asked) = self.pick(local, host) else { return self.is_uniform };
        asked.certificate.is_some() && made == Some(asked.manner)
    }

    /// Whether a client that reaches `port` and wants `host` (`None`: whatever is bound) can be asked for a certificate.
    #[must_use]
    pub fn may_ask(&self, port: u16, host: Option<&str>) -> bool {
        let host = host.map(plain);
        let (host, port) = (host.as_deref(), |bound: u16| bound == 0 || bound == port);
        let answers = |key: &BindingKey| match key {
            BindingKey::Host { host: name, port: at } => port(*at) && host.is_none_or(|host| covers(name, host)),
            BindingKey::Address(address) => port(address.port()),
            BindingKey::Any { port: at } => port(*at),
            _ => false,
        };
        let mut asking = self.bindings.iter().filter(|(_, bound)| bound.asks());
        asking.any(|(key, _)| answers(key))
    }

    /// Whether nothing is bound.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bindings.is_empty()
    }

    fn is_strict(&self) -> bool {
        !(self.is_uniform && self.is_open)
    }

    /// Whether the way of shaking hands is the same for all.
    pub(crate) fn is_uniform(&self) -> bool {
        self.is_uniform
    }
}

/// Whether a name is this one, or one label below this wildcard.
fn covers(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix("*.") {
        None => pattern == name,
        Some(parent) => name.split_once('.').is_some_and(|(_, rest)| rest == parent),
    }
}

/// A name as keys have it.
fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// The bindings in force: a table that can be swapped while handshakes go on.
#[derive(Debug, Default)]
pub struct Bindings {
    current: RwLock<Arc<BindingTable>>,
    /// Whether not every connection may carry requests for every host: known without touching the lock.
    is_strict: AtomicBool,
    /// Whether of some binding each handshake is told; a hint, likewise.
    is_logging: AtomicBool,
}

impl Bindings {
    /// Starts with this table.
    #[must_use]
    pub fn new(table: BindingTable) -> Self {
        let (is_strict, is_logging) = (AtomicBool::new(table.is_strict()), AtomicBool::new(table.is_logging));
        Self { current: RwLock::new(Arc::new(table)), is_strict, is_logging }
    }

    /// The table in force now. Keep it for one handshake, not longer.
    #[must_use]
    pub fn current(&self) -> Arc<BindingTable> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another table in force: the next handshake sees it. Connections that stand go on, but not for hosts whose
    /// terms are other ones by now ([`admits`](BindingTable::admits)).
    pub fn replace(&self, table: BindingTable) {
        let (is_strict, is_logging) = (table.is_strict(), table.is_logging);
        let mut place = self.current.write().unwrap_or_else(PoisonError::into_inner);
        // Strict too early, never too late.
        self.is_strict.fetch_or(is_strict, Ordering::AcqRel);
        *place = Arc::new(table);
        self.is_strict.store(is_strict, Ordering::Release);
        self.is_logging.store(is_logging, Ordering::Release);
    }

    /// Whether somebody wants to hear of the handshake of a client that reached `local` and asked for `name`.
    #[must_use]
    pub fn are_logged(&self, local: SocketAddr, name: Option<&str>) -> bool {
        self.is_logging.load(Ordering::Acquire) && self.current().pick(local, name).is_some_and(|pick| pick.is_logged)
    }

    /// As [`BindingTable::admits`]; one load of a number where no binding has terms or rejects.
    #[must_use]
    pub fn admits(&self, local: SocketAddr, made: Option<&Manner>, host: &str) -> bool {
        !self.is_strict.load(Ordering::Acquire) || self.current().admits(local, made, host)
    }
}

#[cfg(test)]
mod tests;
