//! Which binding answers, and what a connection may carry.

use std::time::Duration;

use gatepost_model::terms::ClientCertificate;
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
    BindingTable::new(keys.iter().map(|key| (key.parse().unwrap(), issue(&[name(key).as_str(), "covered.example"]))))
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
    let files =
        Directory::new([("file.test".into(), issue(&["file.test"])), ("*.wild.test".into(), issue(&["*.wild.test"]))]);
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
        assert_eq!(outcome, ["answers", "rejects"].into_iter().find(|outcome| *outcome == last), "{host:?} {local}");
    }
}

#[test]
fn a_broken_file_leads_to_no_other_binding() {
    let terms = Terms { http2: Some(false), ..Terms::default() };
    let files = Directory::new([("*.fit.test".into(), issue(&["*.fit.test"]))]);
    let files = Arc::new(files.with_unfit(["bad.test".into(), "*.bad.test".into(), "a.fit.test".into()]));
    let covered = ["bad.test", "x.bad.test", "named.test", "w.named.test", "none.test", "a.fit.test"];
    let rows = |files: Directory| {
        let files = Arc::new(files);
        let directory = || Bound::new(Answer::Directory(Arc::clone(&files)), &terms);
        BindingTable::of([
            ("named.test:443".parse().unwrap(), directory()),
            ("*.named.test:443".parse().unwrap(), directory()),
            ("*:443".parse().unwrap(), directory()),
            ("0.0.0.0:443".parse().unwrap(), Bound::new(Answer::Certificate(issue(&covered)), &Terms::default())),
        ])
    };
    let last = |table: &BindingTable, name| explained(table, Some(name), "10.0.0.1:443").pop().unwrap();
    let table = rows(Directory::clone(&files));
    let cases = [
        ("bad.test", "*:443: its directory has no fit file for the name"),
        ("x.bad.test", "*:443: its directory has no fit file for the name"),
        ("named.test", "named.test:443: its directory has no fit file for the name"),
        ("w.named.test", "*.named.test:443: its directory has no fit file for the name"),
        ("none.test", "0.0.0.0:443: answers"),
        ("a.fit.test", "*:443: answers"),
    ];
    for (name, outcome) in cases {
        assert_eq!(last(&table, name), outcome);
        let found = table.find("10.0.0.1:443".parse().unwrap(), Some(name));
        assert_eq!(found.is_some(), outcome.ends_with(": answers"), "{name}");
    }
    let table = rows(Directory::unknown());
    assert_eq!(last(&table, "none.test"), "*:443: its directory has no fit file for the name");
    assert!(table.find("10.0.0.1:443".parse().unwrap(), None).is_some(), "without a name, only addresses count");
}

#[test]
fn a_connection_carries_requests_only_for_hosts_of_its_own_kind() {
    let live = Bindings::new(various());
    let local = "10.0.0.1:443".parse().unwrap();
    let (plain, old) = (&Manner::default(), &Manner::of(&Terms { http2: Some(false), ..Terms::default() }));
    let table = [
        (Some(plain), "a.test", true),
        (Some(plain), "A.TEST.", true),
        (Some(plain), "file.test", true),
        (Some(plain), "old.test", false),
        (Some(old), "old.test", true),
        (Some(old), "a.test", false),
        (Some(plain), "b.a.test", false),
        (Some(plain), "unbound.elsewhere", false),
        (Some(plain), "10.0.0.1", true),
        (Some(plain), "[::ffff:10.0.0.1]", true),
        (None, "a.test", false),
    ];
    for (made, host, may) in table {
        assert_eq!(live.admits(local, made, host), may, "{made:?} {host}");
    }
    live.replace(self::table(&["a.test:443", "old.test:0"]));
    assert!(live.admits(local, Some(plain), "old.test"), "without terms all are of one kind");
    let reject = Bound::new(Answer::Reject, &Terms::default());
    live.replace(BindingTable::of([("no.test:0".parse().unwrap(), reject)]));
    assert!(!live.admits(local, Some(plain), "no.test") && live.admits(local, Some(plain), "elsewhere.test"));
}

#[test]
fn one_binding_with_terms_makes_the_name_matter() {
    assert!(table(&["a.test:443"]).is_uniform() && !various().is_uniform());
}

#[test]
fn it_is_known_where_clients_may_be_asked() {
    let plain = Terms::default();
    let asks = Terms { client_certificate: ClientCertificate::Request, ..Terms::default() };
    let bound = |terms| Bound::new(Answer::Certificate(issue(&["a.test"])), terms);
    let table = BindingTable::of([
        ("a.test:443".parse().unwrap(), bound(&plain)),
        ("*.b.test:0".parse().unwrap(), bound(&asks)),
        ("10.0.0.1:8443".parse().unwrap(), bound(&asks)),
        ("gone.test:443".parse().unwrap(), Bound::new(Answer::Reject, &asks)),
    ]);
    let cases = [
        (443, Some("a.test"), false),
        (443, Some("x.B.test"), true),
        (443, Some("b.test"), false),
        (443, Some("x.y.b.test"), false),
        (443, Some("gone.test"), false),
        (8443, Some("a.test"), true),
        (443, None, true),
    ];
    for (port, host, may) in cases {
        assert_eq!(table.may_ask(port, host), may, "{port} {host:?}");
    }
}
