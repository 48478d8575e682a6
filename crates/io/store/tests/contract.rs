//! One suite for every backend: what `Store` promises, asked of each of them.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gatepost_model::application::ApplicationId;
use gatepost_model::binding::{Answer, Binding};
use gatepost_model::credential::Credential;
use gatepost_model::scope::Scope;
use gatepost_model::secret::Secret;
use gatepost_model::terms::{ClientCertificate, Revocation, Terms, TlsBound};
use gatepost_model::time::Timestamp;
use gatepost_store::error::StoreError;
use gatepost_store::memory::MemoryStore;
use gatepost_store::open::{KeySource, Options, open};
use gatepost_store::seal::SealingKey;
use gatepost_store::store::{
    KnownCertificate, Owner, Pending, Store, StoredCertificate, StoredCredential, User, UserRecord,
};
use tempfile::TempDir;

/// A name no parser likes.
const ODD: &str = "O'Brien\" --\u{0}\u{202e}ü";

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn store_at(path: &Path) -> Result<Arc<dyn Store>, StoreError> {
    open(path, KeySource::Key(SealingKey::from_bytes(&[7; 32])?), &Options::default())
}

/// Every backend, each empty. The folder lives as long as the test.
fn backends() -> (TempDir, Vec<Arc<dyn Store>>) {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = store_at(&folder.path().join("store.db")).unwrap();
    (folder, vec![Arc::new(MemoryStore::new()), sqlite])
}

fn user(name: &str, secret: Option<&str>) -> User {
    User {
        name: name.into(),
        password_hash: format!("$argon2id${name}"),
        secret: secret.map(Secret::from),
        records: vec![],
    }
}

fn stored(name: &str, credential: Credential) -> StoredCredential {
    StoredCredential { name: name.into(), credential }
}

fn certificate(octet: u8) -> StoredCertificate {
    let chain = vec![vec![octet; 300], vec![], vec![1, 2, 3]];
    StoredCertificate { fingerprint: [octet; 32], chain, key: Secret::new(vec![octet; 121]) }
}

fn binding(key: &str, octet: u8) -> Binding {
    Binding::to_certificate(key.parse().unwrap(), [octet; 32], OURS)
}

const OURS: ApplicationId = ApplicationId::from_octets([7; 16]);
const THEIRS: ApplicationId = ApplicationId::from_octets([8; 16]);

/// One that says everything that can be said.
fn eloquent() -> Terms {
    Terms {
        min_tls: Some(TlsBound::V1_3),
        max_tls: Some(TlsBound::V1_3),
        http2: Some(false),
        client_certificate: ClientCertificate::Require,
        client_authorities: vec![vec![1, 2, 3], vec![], vec![0; 400]],
        client_hints: false,
        usage_check: false,
        revocation: Revocation::Cached,
        revocation_lists: vec!["/etc/gatepost/a=b.crl".into(), "/etc/gatepost/ö.crl".into()],
        staple: Some(true),
        staple_file: Some("/etc/gatepost/a.ocsp".into()),
        tickets: Some(false),
        log: Some(true),
        imported: vec![("Ctl Store Name".into(), ODD.replace('\0', " "))],
    }
}

fn exists(what: &str) -> Result<(), StoreError> {
    Err(StoreError::Exists { what: what.into() })
}

fn missing(what: &str) -> Result<(), StoreError> {
    Err(StoreError::Missing { what: what.into() })
}

#[test]
fn users() {
    let (_folder, stores) = backends();
    for store in stores {
        wait(async {
            assert_eq!(store.user("alice").await, Ok(None), "{store:?}");
            assert_eq!(store.user_names().await, Ok(vec![]));
            for user in [user("bob", None), user("alice", Some("pass")), user("Alice", Some("")), user(ODD, None)] {
                store.add_user(user.clone()).await.unwrap();
                assert_eq!(store.user(&user.name).await, Ok(Some(user)));
            }
            assert_eq!(store.add_user(user("alice", None)).await, exists("user \"alice\""));
            assert_eq!(store.user("alice").await, Ok(Some(user("alice", Some("pass")))), "never overwritten");
            assert_eq!(store.user_names().await.unwrap(), ["Alice", ODD, "alice", "bob"]);
            store.remove_user("alice").await.unwrap();
            assert_eq!(store.remove_user("alice").await, missing("user \"alice\""));
            assert_eq!(store.user_names().await.unwrap(), ["Alice", ODD, "bob"]);
        });
    }
}

#[test]
fn records_of_users_come_and_go_with_them() {
    let (_folder, stores) = backends();
    let record = |kind: &str, alias: Option<&str>, secret: &str| UserRecord {
        kind: kind.into(),
        alias: alias.map(str::to_owned),
        secret: Secret::from(secret),
    };
    for store in stores {
        wait(async {
            let records = vec![record("a", Some("one"), "1"), record(ODD, None, ""), record("b", Some("two"), "2")];
            let mut alice = User { records, ..user("alice", None) };
            alice.records.sort_by(|one, other| one.kind.cmp(&other.kind));
            let bob = User { records: vec![record("a", Some("three"), "3")], ..user("bob", Some("pass")) };
            for user in [&alice, &bob] {
                let backwards = user.records.iter().rev().cloned().collect();
                store.add_user(User { records: backwards, ..user.clone() }).await.unwrap();
                assert_eq!(store.user(&user.name).await, Ok(Some(user.clone())), "{store:?}");
            }
            for (kind, alias, name) in [("a", "one", Some("alice")), ("b", "one", None), ("a", "three", Some("bob"))] {
                assert_eq!(store.user_called(kind, alias).await, Ok(name.map(str::to_owned)), "{kind} {alias}");
            }
            store.remove_user("alice").await.unwrap();
            assert_eq!(store.user_called("a", "one").await, Ok(None));
            store.add_user(user("alice", None)).await.unwrap();
            assert_eq!(store.user("alice").await, Ok(Some(user("alice", None))), "nothing of before came back");
        });
    }
}

#[test]
fn credentials() {
    let (_folder, stores) = backends();
    let scope = Scope::parse("https://example.com:8443/api/v1").unwrap();
    let all = [
        stored("a", Credential::login("alice", "pass")),
        stored("b", Credential::token("token").within(scope.clone())),
        stored("c", Credential::login("", "").only_for("").within(scope)),
        stored(ODD, Credential::login(ODD, Secret::new(vec![0, 255, 128])).only_for("Digest")),
    ];
    for store in stores {
        wait(async {
            assert_eq!(store.credentials().await, Ok(vec![]), "{store:?}");
            for one in all.iter().rev() {
                store.add_credential(one.clone()).await.unwrap();
                assert_eq!(store.credential(&one.name).await, Ok(Some(one.clone())));
            }
            let mut sorted = all.to_vec();
            sorted.sort_by(|left, right| left.name.cmp(&right.name));
            assert_eq!(store.credentials().await, Ok(sorted));
            let other = stored("a", Credential::token("other"));
            assert_eq!(store.add_credential(other).await, exists("credential \"a\""));
            assert_eq!(store.credential("a").await, Ok(Some(all[0].clone())), "never overwritten");
            store.remove_credential("a").await.unwrap();
            assert_eq!(store.remove_credential("a").await, missing("credential \"a\""));
            assert_eq!(store.credential("a").await, Ok(None));
        });
    }
}

#[test]
fn a_credential_without_a_secret_is_not_kept() {
    let (_folder, stores) = backends();
    for store in stores {
        for credential in [Credential::ambient(), Credential::tickets("/t"), Credential::keytab("ali@R", "/k")] {
            let unkept = StoreError::Unkept { what: "credential \"a\"".into() };
            assert_eq!(wait(store.add_credential(stored("a", credential))), Err(unkept), "{store:?}");
            assert_eq!(wait(store.credentials()), Ok(vec![]));
        }
    }
}

#[test]
fn certificates_and_bindings() {
    let (_folder, stores) = backends();
    for store in stores {
        wait(async {
            assert_eq!(store.certificate([1; 32]).await, Ok(None), "{store:?}");
            let unknown = format!("certificate \"{}\"", "01".repeat(32));
            assert_eq!(store.add_binding(binding("a.com:443", 1)).await, missing(&unknown));
            assert_eq!(store.put_binding(binding("a.com:443", 1)).await, missing(&unknown));
            for octet in [1, 2, 1] {
                store.put_certificate(certificate(octet)).await.unwrap();
                assert_eq!(store.certificate([octet; 32]).await, Ok(Some(certificate(octet))));
            }
            let mut all: Vec<_> =
                ["a.com:443", "*.a.com:0", "[::]:443", "127.0.0.1:1", "[fe80::1%3]:65535", "a.com:80", "*:443"]
                    .map(|key| binding(key, 1))
                    .into();
            for one in &all {
                store.add_binding(one.clone()).await.unwrap();
            }
            all.sort_by(|left, right| left.key.cmp(&right.key));
            assert_eq!(store.bindings().await, Ok(all.clone()));

            assert_eq!(store.add_binding(binding("a.com:443", 2)).await, exists("binding \"a.com:443\""));
            assert_eq!(store.bindings().await, Ok(all), "never overwritten");
            store.put_binding(binding("a.com:443", 2)).await.unwrap();
            assert!(store.bindings().await.unwrap().contains(&binding("a.com:443", 2)));
            for key in ["*.a.com:0", "[::]:443", "127.0.0.1:1", "[fe80::1%3]:65535", "a.com:80", "*:443"] {
                store.remove_binding(&key.parse().unwrap(), Owner::Anyone).await.unwrap();
            }
            let gone = "a.com:80".parse().unwrap();
            assert_eq!(store.remove_binding(&gone, Owner::Is(OURS)).await, missing("binding \"a.com:80\""));
            assert_eq!(store.bindings().await, Ok(vec![binding("a.com:443", 2)]));
            assert_eq!(store.certificate([1; 32]).await, Ok(Some(certificate(1))), "its certificate stays");
            let known = |octet| KnownCertificate { fingerprint: [octet; 32], chain: certificate(octet).chain };
            assert_eq!(store.certificates().await, Ok(vec![known(1), known(2)]));
        });
    }
}

#[test]
fn bindings_say_more_than_a_certificate() {
    let (_folder, stores) = backends();
    for store in stores {
        wait(async {
            store.put_certificate(certificate(1)).await.unwrap();
            let answers = [
                Answer::Certificate([1; 32]),
                Answer::Reject(None),
                Answer::Reject(Some([1; 32])),
                Answer::Directory("/etc/certs/ü".into()),
            ];
            for answer in answers {
                for terms in [Terms::default(), eloquent()] {
                    let said = Binding { answer: answer.clone(), terms, ..binding("*:443", 1) };
                    store.put_binding(said.clone()).await.unwrap();
                    assert_eq!(store.bindings().await, Ok(vec![said]), "{store:?}");
                }
            }
            let unknown = Binding { answer: Answer::Reject(Some([9; 32])), ..binding("b.com:1", 1) };
            let words = format!("certificate \"{}\"", "09".repeat(32));
            assert_eq!(store.add_binding(unknown).await, missing(&words));
        });
    }
}

#[test]
fn an_update_replaces_what_was_expected() {
    let (_folder, stores) = backends();
    for store in stores {
        wait(async {
            for octet in [1, 2, 3] {
                store.put_certificate(certificate(octet)).await.unwrap();
            }
            let plain = |octet| binding("a.com:443", octet);
            let bound = |octet| Binding { terms: eloquent(), ..plain(octet) };
            let update = |octet, expected: Binding| store.update_binding(bound(octet), &expected);
            assert_eq!(update(1, plain(1)).await, missing("binding \"a.com:443\""), "{store:?}");
            store.add_binding(plain(1)).await.unwrap();
            update(2, plain(1)).await.unwrap();
            let changed = |found: &str| {
                Err(StoreError::Changed { what: "binding \"a.com:443\"".into(), found: found.to_owned() })
            };
            let (two, other) = ("02".repeat(32), ", on other terms or for another application,");
            let stale = [
                (bound(1), two.clone()),
                (plain(2), two.clone() + other),
                (Binding { application: THEIRS, ..bound(2) }, two.clone() + other),
                (Binding { answer: Answer::Reject(Some([2; 32])), ..bound(2) }, two.clone()),
                (Binding { answer: Answer::Reject(None), ..bound(2) }, two.clone()),
            ];
            for (expected, found) in stale {
                assert_eq!(update(3, expected).await, changed(&found));
            }
            assert_eq!(update(9, bound(2)).await, missing(&format!("certificate \"{}\"", "09".repeat(32))));
            assert_eq!(store.bindings().await, Ok(vec![bound(2)]), "a refused update changes nothing");
            update(3, bound(2)).await.unwrap();
            assert_eq!(store.bindings().await, Ok(vec![bound(3)]));
        });
    }
}

#[test]
fn of_many_updates_at_once_that_expect_the_same_one_is_made() {
    let (_folder, stores) = backends();
    for store in stores {
        wait(async {
            let octets = 1..=50;
            for octet in octets.clone() {
                store.put_certificate(certificate(octet)).await.unwrap();
            }
            store.add_binding(binding("a.com:443", 1)).await.unwrap();
            let mut asked = tokio::task::JoinSet::new();
            for octet in octets.skip(1) {
                let store = Arc::clone(&store);
                let update =
                    async move { store.update_binding(binding("a.com:443", octet), &binding("a.com:443", 1)).await };
                asked.spawn(async move { update.await.is_ok().then_some(octet) });
            }
            let made: Vec<u8> = asked.join_all().await.into_iter().flatten().collect();
            assert_eq!(made.len(), 1, "{store:?}");
            assert_eq!(store.bindings().await, Ok(vec![binding("a.com:443", made[0])]));
        });
    }
}

#[test]
fn what_belongs_to_another_application_is_removed_by_force_only() {
    let (_folder, stores) = backends();
    for store in stores {
        wait(async {
            let own = store.application().await.unwrap();
            assert_eq!(store.application().await, Ok(own), "{store:?}: it is drawn once");
            store.put_certificate(certificate(1)).await.unwrap();
            let foreign = Binding { application: THEIRS, ..binding("a.com:443", 1) };
            store.add_binding(foreign.clone()).await.unwrap();
            let refused = StoreError::NotOwned { what: "binding \"a.com:443\"".into(), owner: THEIRS.to_string() };
            assert_eq!(store.remove_binding(&foreign.key, Owner::Is(OURS)).await, Err(refused));
            assert_eq!(store.bindings().await, Ok(vec![foreign.clone()]));
            store.remove_binding(&foreign.key, Owner::Is(THEIRS)).await.unwrap();
            store.add_binding(foreign.clone()).await.unwrap();
            store.remove_binding(&foreign.key, Owner::Anyone).await.unwrap();
            assert_eq!(store.bindings().await, Ok(vec![]));
        });
    }
}

#[test]
fn secrets() {
    let (_folder, stores) = backends();
    for store in stores {
        wait(async {
            assert_eq!(store.secret("ca").await, Ok(None), "{store:?}");
            for text in ["one", "two", ""] {
                store.put_secret("ca", text.into()).await.unwrap();
                assert_eq!(store.secret("ca").await, Ok(Some(text.into())));
            }
            store.put_secret(ODD, "odd".into()).await.unwrap();
            assert_eq!(store.secret(ODD).await, Ok(Some("odd".into())));
        });
    }
}

#[test]
fn first_uses() {
    let (_folder, stores) = backends();
    // key, until, now, whether it is the first
    let table = [
        ("a", 100, 0, true),
        ("a", 100, 0, false),
        ("b", 100, 0, true),
        ("a", 900, 100, false), // still remembered at its last moment, and no longer than was said
        ("A", 100, 100, true),
        ("a", 300, 101, true), // past, swept or not
        ("a", 300, 102, false),
        ("b", 300, 102, true),
        ("past", 1, 102, true), // a record that is past when it is made protects nothing
        ("past", 200, 102, true),
        (ODD, i64::MAX, 102, true),
        (ODD, i64::MAX, i64::MAX, false),
    ];
    for store in stores {
        wait(async {
            for (key, until, now, first) in table {
                let (until, now) = (Timestamp::from_millis(until), Timestamp::from_millis(now));
                assert_eq!(store.first_use(key, until, now).await, Ok(first), "{store:?} {key} {until} {now}");
            }
        });
    }
}

#[test]
fn of_many_first_uses_at_once_one_is_the_first() {
    let (_folder, stores) = backends();
    for store in stores {
        wait(async {
            let mut asked = tokio::task::JoinSet::new();
            for at in 0..3000 {
                let store = Arc::clone(&store);
                let until = Timestamp::from_millis(1000);
                let key = format!("key-{}", at % 1000);
                asked.spawn(async move { store.first_use(&key, until, Timestamp::from_millis(0)).await.unwrap() });
            }
            let firsts = asked.join_all().await.into_iter().filter(|first| *first).count();
            assert_eq!(firsts, 1000, "{store:?}");
        });
    }
}

#[test]
fn one_failing_write_of_a_group_leaves_the_others_alone() {
    let (_folder, stores) = backends();
    for store in stores {
        wait(async {
            let names: Vec<_> = (0..100).map(|at| format!("user-{:02}", at / 2)).collect();
            let mut asked = tokio::task::JoinSet::new();
            for name in names {
                let store = Arc::clone(&store);
                asked.spawn(async move { store.add_user(user(&name, None)).await.is_ok() });
            }
            let good = asked.join_all().await.into_iter().filter(|good| *good).count();
            assert_eq!((good, store.user_names().await.unwrap().len()), (50, 50), "{store:?}");
            assert_eq!(store.revision().await, Ok(50), "a failed write raises nothing");
        });
    }
}

/// One of each kind.
const CHANGES: [fn(&dyn Store) -> Pending<'_, ()>; 10] = [
    |store| store.add_user(user("x", None)),
    |store| store.remove_user("x"),
    |store| store.add_credential(stored("x", Credential::token("t"))),
    |store| store.remove_credential("x"),
    |store| store.put_certificate(certificate(1)),
    |store| store.add_binding(binding("a.com:1", 1)),
    |store| store.put_binding(binding("a.com:1", 1)),
    |store| store.update_binding(binding("a.com:1", 1), &binding("a.com:1", 1)),
    |store| store.remove_binding(&"a.com:1".parse().unwrap(), Owner::Anyone),
    |store| store.put_secret("x", "s".into()),
];

#[test]
fn the_revision_tells_of_every_change_but_first_uses() {
    let (_folder, stores) = backends();
    for store in stores {
        wait(async {
            let mut last = store.revision().await.unwrap();
            for (at, change) in CHANGES.into_iter().enumerate() {
                change(store.as_ref()).await.unwrap();
                assert_eq!(store.known_revision(), last + 1, "known at once: change {at} of {store:?}");
                let now = store.revision().await.unwrap();
                assert_ne!(now, last, "change {at} of {store:?}");
                last = now;
            }
            store.first_use("k", Timestamp::MAX, Timestamp::from_millis(0)).await.unwrap();
            store.remove_user("nobody").await.unwrap_err();
            assert_eq!((store.revision().await, store.known_revision()), (Ok(last), last));
        });
    }
}

#[test]
fn two_processes_see_each_other_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (ours, theirs) = (store_at(&path).unwrap(), store_at(&path).unwrap());
    wait(async {
        let before = ours.revision().await.unwrap();
        theirs.add_user(user("alice", Some("pass"))).await.unwrap();
        assert_eq!(ours.known_revision(), before);
        let now = ours.revision().await.unwrap();
        assert_ne!(now, before);
        assert_eq!(ours.known_revision(), now);
        assert_eq!(ours.user("alice").await, Ok(Some(user("alice", Some("pass")))));
        assert_eq!(ours.first_use("k", Timestamp::MAX, Timestamp::from_millis(0)).await, Ok(true));
        assert_eq!(theirs.first_use("k", Timestamp::MAX, Timestamp::from_millis(0)).await, Ok(false));
    });
}

#[test]
fn everything_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let credential = stored("c", Credential::login("alice", "pass"));
    let store = store_at(&path).unwrap();
    let application = wait(store.application()).unwrap();
    wait(async {
        store.add_user(user("alice", Some("pass"))).await.unwrap();
        store.add_credential(credential.clone()).await.unwrap();
        store.put_certificate(certificate(3)).await.unwrap();
        store.add_binding(binding("a.com:1", 3)).await.unwrap();
        store.put_secret("ca", "key".into()).await.unwrap();
        store.first_use("k", Timestamp::MAX, Timestamp::from_millis(0)).await.unwrap();
    });
    drop(store);
    let store = store_at(&path).unwrap();
    wait(async {
        assert_eq!(store.user("alice").await, Ok(Some(user("alice", Some("pass")))));
        assert_eq!(store.credentials().await, Ok(vec![credential]));
        assert_eq!(store.certificate([3; 32]).await, Ok(Some(certificate(3))));
        assert_eq!(store.bindings().await, Ok(vec![binding("a.com:1", 3)]));
        assert_eq!(store.application().await, Ok(application));
        assert_eq!(store.secret("ca").await, Ok(Some("key".into())));
        assert_eq!(store.first_use("k", Timestamp::MAX, Timestamp::from_millis(0)).await, Ok(false));
        assert_eq!((store.known_revision(), store.revision().await), (5, Ok(5)));
    });
}

#[test]
fn no_secret_stands_in_a_file_in_clear() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let planted = "planted-secret-0123456789";
    let store = store_at(&path).unwrap();
    wait(async {
        store.add_user(user("findable-user", Some(planted))).await.unwrap();
        store.add_credential(stored("c", Credential::login("u", planted))).await.unwrap();
        store.put_certificate(StoredCertificate { key: planted.into(), ..certificate(1) }).await.unwrap();
        store.put_secret("s", planted.into()).await.unwrap();
    });
    // Once while it is open, when all is in the log, and once closed, when all is in the database.
    let open_files = files(folder.path());
    assert!(open_files.iter().any(|(path, _)| path.to_string_lossy().ends_with("-wal")), "{open_files:?}");
    drop(store);
    for files in [open_files, files(folder.path())] {
        let holds = |text: &str| {
            let found = |octets: &[u8]| octets.windows(text.len()).any(|part| part == text.as_bytes());
            files.iter().any(|(_, octets)| found(octets))
        };
        assert!(holds("findable-user"), "the search itself works");
        assert!(!holds(planted) && !holds("cGxhbnRlZC1zZWNyZXQ"), "found in clear");
    }
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

#[test]
fn a_row_that_was_swapped_or_sent_elsewhere_does_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = store_at(&path).unwrap();
    let scoped = |url| Credential::login("u", "p").within(Scope::parse(url).unwrap());
    wait(async {
        store.add_user(user("a", Some("one"))).await.unwrap();
        store.add_user(user("b", Some("two"))).await.unwrap();
        store.add_credential(stored("c", scoped("https://good.example/"))).await.unwrap();
        store.put_secret("a", "three".into()).await.unwrap();
    });
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute_batch(
        "UPDATE users SET secret = (SELECT secret FROM secrets WHERE name = 'a') WHERE name = 'b';
         UPDATE secrets SET secret = (SELECT secret FROM users WHERE name = 'a');
         UPDATE credentials SET scope = 'https://evil.example/';",
    )
    .unwrap();
    let sealed = |what: &str| StoreError::Sealed { what: what.into() };
    wait(async {
        assert_eq!(store.user("b").await, Err(sealed("user \"b\"")));
        assert_eq!(store.secret("a").await, Err(sealed("secret \"a\"")));
        assert_eq!(store.credential("c").await, Err(sealed("credential \"c\"")));
        assert_eq!(store.credentials().await, Err(sealed("credential \"c\"")));
        assert_eq!(store.user("a").await, Ok(Some(user("a", Some("one")))), "the others open");
    });
}
