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
}

/// The binding that answers a client.
#[derive(Debug, Clone, Copy)]
pub struct Pick<'a> {
    /// Why.
    pub rule: Rule,
    /// What it shows; `None`: nothing, the connection ends.
    pub certificate: Option<&'a Arc<ServerCertificate>>,
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
        Self { bindings, is_uniform, is_open }
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
    /// A directory that has no file for the name does not answer, and the next is asked.
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
                return Some(Pick { rule, certificate, manner: &bound.manner });
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

    /// Whether a connection that reached `local` and was made for `name` may carry requests for `host`.
    ///
    /// It may if it would have been made in the same way for that host: neither another Host field nor HTTP/2's reuse
    /// of connections (RFC 9113 §9.1.1) gets around a reject, a TLS version, or a certificate of the client.
    #[must_use]
    pub fn admits(&self, local: SocketAddr, name: Option<&str>, host: &str) -> bool {
        if !self.is_strict() {
            return true;
        }
        // An address is never sent as a name (RFC 6066 §3).
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let host = bare.parse::<IpAddr>().map_or(Some(bare), |_| None);
        let Some(asked) = self.pick(local, host) else { return true };
        let made = self.pick(local, name);
        asked.certificate.is_some() && made.is_some_and(|made| made.manner == asked.manner)
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
}

impl Bindings {
    /// Starts with this table.
    #[must_use]
    pub fn new(table: BindingTable) -> Self {
        let is_strict = AtomicBool::new(table.is_strict());
        Self { current: RwLock::new(Arc::new(table)), is_strict }
    }

    /// The table in force now. Keep it for one handshake, not longer.
    #[must_use]
    pub fn current(&self) -> Arc<BindingTable> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another table in force: the next handshake sees it, connections that stand do not.
    pub fn replace(&self, table: BindingTable) {
        let is_strict = table.is_strict();
        let mut place = self.current.write().unwrap_or_else(PoisonError::into_inner);
        // Strict too early, never too late.
        self.is_strict.fetch_or(is_strict, Ordering::AcqRel);
        *place = Arc::new(table);
        self.is_strict.store(is_strict, Ordering::Release);
    }

    /// As [`BindingTable::admits`]; one load of a number where no binding has terms or rejects.
    #[must_use]
    pub fn admits(&self, local: SocketAddr, name: Option<&str>, host: &str) -> bool {
        !self.is_strict.load(Ordering::Acquire) || self.current().admits(local, name, host)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gatepost_model::time::Timestamp;

    use super::*;
    use crate::directory::Directory;
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
            let same = |key: &&&str| match &table.bindings[&key.parse().unwrap()].answer {
                Answer::Certificate(bound) => Arc::ptr_eq(bound, found),
                _ => false,
            };
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
    fn a_swap_is_seen_by_the_next_to_ask() {
        let live = Bindings::new(table(&["a.test:0"]));
        let before = live.current();
        live.replace(BindingTable::default());
        assert!(!before.is_empty());
        assert!(live.current().is_empty());
    }

    /// The table's explanation, a line for each key that was asked.
    fn explained(table: &BindingTable, host: Option<&str>, local: &str) -> Vec<String> {
        let local: SocketAddr = local.parse().unwrap();
        let looks = table.explain(host, local.ip(), local.port());
        looks.into_iter().map(|look| format!("{}: {}", look.key, look.outcome)).collect()
    }

    /// A certificate, an end, a directory for `file.test` and `*.wild.test`, and terms.
    fn various() -> BindingTable {
        let terms = Terms { http2: Some(false), ..Terms::default() };
        let plain = Terms::default();
        let files = Directory::new([
            ("file.test".into(), issue(&["file.test"])),
            ("*.wild.test".into(), issue(&["*.wild.test"])),
        ]);
        let rows = [
            ("a.test:443", Bound::new(Answer::Certificate(issue(&["a.test"])), &plain)),
            ("*.a.test:443", Bound::new(Answer::Reject, &plain)),
            ("old.test:0", Bound::new(Answer::Certificate(issue(&["old.test"])), &terms)),
            ("*:443", Bound::new(Answer::Directory(Arc::new(files)), &plain)),
            ("0.0.0.0:443", Bound::new(Answer::Certificate(issue(&["covered.test"])), &plain)),
            ("10.0.0.9:0", Bound::new(Answer::Reject, &plain)),
        ];
        BindingTable::of(rows.map(|(key, bound)| (key.parse().unwrap(), bound)))
    }

    #[test]
    fn a_pick_is_explained() {
        let table = various();
        let cases: [(Option<&str>, &str, &[&str]); 6] = [
            (Some("A.test."), "10.0.0.1:443", &["a.test:443: answers"]),
            (
                Some("b.a.test"),
                "10.0.0.1:443",
                &["b.a.test:443: not bound", "b.a.test:0: not bound", "*.a.test:443: rejects"],
            ),
            (
                Some("x.wild.test"),
                "10.0.0.1:443",
                &[
                    "x.wild.test:443: not bound",
                    "x.wild.test:0: not bound",
                    "*.wild.test:443: not bound",
                    "*.wild.test:0: not bound",
                    "*:443: answers",
                ],
            ),
            (None, "10.0.0.9:443", &["10.0.0.9:443: not bound", "10.0.0.9:0: rejects"]),
            (None, "10.0.0.1:443", &["10.0.0.1:443: not bound", "10.0.0.1:0: not bound", "0.0.0.0:443: answers"]),
            (
                Some("evil"),
                "10.0.0.1:443",
                &[
                    "evil:443: not bound",
                    "evil:0: not bound",
                    "*:443: its directory has no file for the name",
                    "*:0: not bound",
                    "10.0.0.1:443: not bound",
                    "10.0.0.1:0: not bound",
                    "0.0.0.0:443: its certificate does not cover the name",
                ],
            ),
        ];
        for (host, local, looks) in cases {
            assert_eq!(explained(&table, host, local), looks, "{host:?} {local}");
            let pick = table.pick(local.parse().unwrap(), host);
            let outcome = pick.map(|pick| if pick.certificate.is_some() { "answers" } else { "rejects" });
            let last = looks.last().unwrap().rsplit_once(": ").unwrap().1;
            assert_eq!(
                outcome,
                ["answers", "rejects"].into_iter().find(|outcome| *outcome == last),
                "{host:?} {local}"
            );
        }
    }

    #[test]
    fn a_connection_carries_requests_only_for_hosts_of_its_own_kind() {
        let live = Bindings::new(various());
        let local = "10.0.0.1:443".parse().unwrap();
        let table = [
            (Some("a.test"), "a.test", true),
            (Some("a.test"), "A.TEST.", true),
            (Some("a.test"), "file.test", true),
            (Some("a.test"), "old.test", false),
            (Some("old.test"), "a.test", false),
            (Some("a.test"), "b.a.test", false),
            (Some("a.test"), "unbound.elsewhere", true),
            (None, "10.0.0.1", true),
            (None, "old.test", false),
            (Some("gone.elsewhere"), "a.test", false),
        ];
        for (name, host, may) in table {
            assert_eq!(live.admits(local, name, host), may, "{name:?} {host}");
        }
        live.replace(self::table(&["a.test:443", "old.test:0"]));
        assert!(live.admits(local, Some("a.test"), "old.test"), "without terms all are of one kind");
    }

    #[test]
    fn one_binding_with_terms_makes_the_name_matter() {
        assert!(table(&["a.test:443"]).is_uniform() && !various().is_uniform());
    }
}
