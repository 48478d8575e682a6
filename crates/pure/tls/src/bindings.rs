//! Which certificate answers: by server name (SNI) and by local address.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

use gatepost_model::binding::BindingKey;
use gatepost_model::secret::Secret;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::certificate::Certificate;
use crate::error::TlsError;

/// A chain and its key, proved to belong together, ready to answer handshakes.
pub struct ServerCertificate {
    facts: Certificate,
    certified: Arc<CertifiedKey>,
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
        let der = PrivateKeyDer::try_from(key.reveal()).map_err(|detail| unreadable(detail.to_owned()))?;
        let signer = any_supported_type(&der).map_err(|error| unreadable(error.to_string()))?;
        let certified = CertifiedKey::new(chain.into_iter().map(CertificateDer::from).collect(), signer);
        if certified.keys_match().is_err() {
            return Err(TlsError::KeyMismatch { subject: facts.subject });
        }
        Ok(Self { facts, certified: Arc::new(certified) })
    }

    /// The leaf's facts.
    #[must_use]
    pub fn facts(&self) -> &Certificate {
        &self.facts
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

/// All bindings at one moment. Immutable: a reload builds a new one and swaps it in.
#[derive(Debug, Default)]
pub struct BindingTable {
    bindings: HashMap<BindingKey, Arc<ServerCertificate>>,
}

impl BindingTable {
    /// Collects bindings; of two with the same key the later one stands.
    #[must_use]
    pub fn new(bindings: impl IntoIterator<Item = (BindingKey, Arc<ServerCertificate>)>) -> Self {
        Self { bindings: bindings.into_iter().collect() }
    }

    /// The certificate for a client that reached `local` and asked for `name` (its SNI; `None` if it sent none).
    ///
    /// The first that exists answers:
    ///
    /// 1. `name:port`, then `name` on any port (port 0);
    /// 2. `*.parent:port`, then `*.parent` on any port: a wildcard stands for one label;
    /// 3. the exact address and port, then the address on any port;
    /// 4. the unspecified address (`0.0.0.0`, then `[::]`) with the port, then on any port.
    ///
    /// An address binding (3, 4) serves clients without a name, since an IP literal is never sent as one
    /// (RFC 6066 §3), and clients with a name that its certificate covers. Every other name gets
    /// `None`, and the handshake is refused: a client that believes to be elsewhere must not be served
    /// from here (ALPACA, CVE-2021-3618).
    #[must_use]
    pub fn find(&self, local: SocketAddr, name: Option<&str>) -> Option<&Arc<ServerCertificate>> {
        let name = name.map(|name| name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase());
        let by_name = name.as_deref().and_then(|name| self.by_name(name, local.port()));
        by_name.or_else(|| {
            let bound = self.by_address(local)?;
            name.is_none_or(|name| bound.facts.covers(&name)).then_some(bound)
        })
    }

    /// Whether nothing is bound.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bindings.is_empty()
    }

    fn by_name(&self, name: &str, port: u16) -> Option<&Arc<ServerCertificate>> {
        let wildcard = name.split_once('.').map(|(_, parent)| format!("*.{parent}"));
        let hosts = [Some(name.to_owned()), wildcard];
        hosts.into_iter().flatten().find_map(|host| {
            let at = |port| self.bindings.get(&BindingKey::Host { host: host.clone(), port });
            at(port).or_else(|| at(0))
        })
    }

    fn by_address(&self, local: SocketAddr) -> Option<&Arc<ServerCertificate>> {
        // A dual-stack listener shows IPv4 peers as mapped addresses.
        let own = local.ip().to_canonical();
        let any: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
        let unspecified = any.into_iter().filter(|any| own.is_ipv4() || any.is_ipv6());
        std::iter::once(own).chain(unspecified).find_map(|address| {
            let at = |port| self.bindings.get(&BindingKey::Address(SocketAddr::new(address, port)));
            at(local.port()).or_else(|| at(0))
        })
    }
}

/// The bindings in force: a table that can be swapped while handshakes go on.
#[derive(Debug, Default)]
pub struct Bindings {
    current: RwLock<Arc<BindingTable>>,
}

impl Bindings {
    /// Starts with this table.
    #[must_use]
    pub fn new(table: BindingTable) -> Self {
        Self { current: RwLock::new(Arc::new(table)) }
    }

    /// The table in force now. Keep it for one handshake, not longer.
    #[must_use]
    pub fn current(&self) -> Arc<BindingTable> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another table in force: the next handshake sees it, connections that stand do not.
    pub fn replace(&self, table: BindingTable) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(table);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gatepost_model::time::Timestamp;

    use super::*;
    use crate::issue::Authority;

    const DAY: Duration = Duration::from_secs(86_400);

    fn issue(names: &[&str]) -> Arc<ServerCertificate> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let authority = Authority::create("CA", Timestamp::from_secs(1_000_000_000), DAY).unwrap();
        let issued = authority.issue_server(&names, Timestamp::from_secs(1_000_000_000), DAY).unwrap();
        Arc::new(ServerCertificate::new(issued.chain, &issued.key).unwrap())
    }

    /// Each binding has a certificate for its own key's text, and for `covered.example`.
    fn table(keys: &[&str]) -> BindingTable {
        let name = |key: &str| format!("{}.example", key.replace(['.', ':', '*', '[', ']'], "-").trim_matches('-'));
        BindingTable::new(
            keys.iter().map(|key| (key.parse().unwrap(), issue(&[name(key).as_str(), "covered.example"]))),
        )
    }

    #[test]
    fn the_most_specific_binding_answers() {
        let keys =
            ["a.test:443", "a.test:0", "*.test:443", "*.test:0", "10.0.0.1:443", "10.0.0.1:0", "0.0.0.0:443", "[::]:0"];
        let table = table(&keys);
        let key_of = |found: Option<&Arc<ServerCertificate>>| {
            let found = found?;
            let same = |key: &&&str| Arc::ptr_eq(&table.bindings[&key.parse().unwrap()], found);
            keys.iter().find(same).copied()
        };
        let cases = [
            ("10.0.0.1:443", Some("a.test"), Some("a.test:443")),
            ("10.0.0.1:443", Some("A.TEST."), Some("a.test:443")),
            ("10.0.0.1:8443", Some("a.test"), Some("a.test:0")),
            ("10.0.0.1:443", Some("b.test"), Some("*.test:443")),
            ("10.0.0.1:8443", Some("b.test"), Some("*.test:0")),
            ("10.0.0.1:443", Some("c.b.test"), None),
            ("10.0.0.1:443", Some("test"), None),
            ("10.0.0.1:443", None, Some("10.0.0.1:443")),
            ("10.0.0.1:8443", None, Some("10.0.0.1:0")),
            ("10.0.0.2:443", None, Some("0.0.0.0:443")),
            ("10.0.0.2:8443", None, Some("[::]:0")),
            ("[::ffff:10.0.0.1]:443", None, Some("10.0.0.1:443")),
            ("[2001:db8::1]:443", None, Some("[::]:0")),
            ("10.0.0.1:443", Some("covered.example"), Some("10.0.0.1:443")),
            ("10.0.0.2:8443", Some("covered.example"), Some("[::]:0")),
            ("10.0.0.1:443", Some("elsewhere.example"), None),
        ];
        for (local, name, key) in cases {
            assert_eq!(key_of(table.find(local.parse().unwrap(), name)), key, "{local} {name:?}");
        }
        assert!(BindingTable::default().find("10.0.0.1:443".parse().unwrap(), None).is_none());
    }

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

    #[test]
    fn a_swap_is_seen_by_the_next_to_ask() {
        let live = Bindings::new(table(&["a.test:0"]));
        let before = live.current();
        live.replace(BindingTable::default());
        assert!(!before.is_empty());
        assert!(live.current().is_empty());
    }
}
