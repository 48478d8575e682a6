//! Sealing a store anew: from every kind of key to every other, under others who have it open, and under `kill -9`.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use gatepost_model::credential::Credential;
use gatepost_model::scope::Scope;
use gatepost_model::secret::Secret;
use gatepost_store::error::StoreError;
use gatepost_store::key_source::KeySource;
use gatepost_store::open::{Options, open};
use gatepost_store::rekey::{NewKey, rekey};
use gatepost_store::seal::SealingKey;
use gatepost_store::store::{Store, StoredCertificate, StoredCredential, User, UserRecord};

/// Set for the child, to the folder of the store.
const CHILD: &str = "GATEPOST_REKEY_FOLDER";
const TEST: &str = "killed_at_any_point_it_opens_with_the_same_key_file";
const ROUNDS: u64 = 25;
/// Rows of each kind while it is killed.
const ROWS: u8 = 40;

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn credential(name: &str) -> StoredCredential {
    let scope = Scope::parse("https://example.com/api").unwrap();
    StoredCredential {
        name: name.into(),
        credential: Credential::login(name, format!("secret of {name}")).within(scope),
    }
}

fn user(name: &str, secret: Option<&str>) -> User {
    let record = |kind: &str, alias: Option<String>| UserRecord {
        kind: kind.into(),
        alias,
        secret: Secret::from(format!("{kind} of {name}")),
    };
    let records = vec![record("one", Some(format!("alias of {name}"))), record("two", None)];
    let records = if secret.is_some() { records } else { Vec::new() };
    User { name: name.into(), password_hash: "hash".into(), secret: secret.map(Secret::from), records }
}

fn certificate(octet: u8) -> StoredCertificate {
    StoredCertificate { fingerprint: [octet; 32], chain: vec![vec![octet; 30]], key: Secret::new(vec![octet; 121]) }
}

/// Something of everything that is sealed.
fn furnish(store: &dyn Store, rows: u8) {
    wait(async {
        for octet in 0..rows {
            let name = format!("{octet:03}");
            store.add_user(user(&name, Some(&format!("password of {name}")))).await.unwrap();
            store.add_credential(credential(&name)).await.unwrap();
            store.put_certificate(certificate(octet)).await.unwrap();
            store.put_secret(&name, Secret::from(name.as_str())).await.unwrap();
        }
        store.add_user(user("hashed", None)).await.unwrap();
    });
}

/// All of it is there and opens.
fn inspect(store: &dyn Store, rows: u8) {
    wait(async {
        for octet in 0..rows {
            let name = format!("{octet:03}");
            let secret = format!("password of {name}");
            assert_eq!(store.user(&name).await, Ok(Some(user(&name, Some(&secret)))));
            assert_eq!(store.credential(&name).await, Ok(Some(credential(&name))));
            assert_eq!(store.certificate([octet; 32]).await, Ok(Some(certificate(octet))));
            assert_eq!(store.secret(&name).await, Ok(Some(Secret::from(name.as_str()))));
        }
        assert_eq!(store.user("hashed").await, Ok(Some(user("hashed", None))));
    });
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn open(&self, source: KeySource) -> Result<Arc<dyn Store>, StoreError> {
        open(&self.file("store.db"), source, &Options::default())
    }

    fn rekey(&self, current: KeySource, new: NewKey) -> Result<usize, StoreError> {
        rekey(&self.file("store.db"), current, new, &Options::default())
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn key(octet: u8) -> SealingKey {
    SealingKey::from_bytes(&[octet; 32]).unwrap()
}

#[test]
fn from_each_kind_of_key_to_each_other() {
    let place = Place::new();
    let (seal, other) = (place.file("seal.key"), place.file("other.key"));
    let passphrase = || Secret::from("correct horse");
    furnish(&*place.open(KeySource::File(seal.clone())).unwrap(), 2);
    let before = fs::read(&seal).unwrap();

    assert_eq!(place.rekey(KeySource::File(seal.clone()), NewKey::File(seal.clone())), Ok(12));
    assert_ne!(fs::read(&seal).unwrap(), before);
    inspect(&*place.open(KeySource::File(seal.clone())).unwrap(), 2);
    let old = SealingKey::from_env_text(std::str::from_utf8(&before).unwrap()).unwrap();
    assert!(matches!(place.open(KeySource::Key(old)), Err(StoreError::Sealed { .. })));

    assert_eq!(place.rekey(KeySource::File(seal.clone()), NewKey::Passphrase(passphrase())), Ok(12));
    assert_eq!(place.names(), ["store.db"], "the key file is gone, and the log is empty");
    inspect(&*place.open(KeySource::Passphrase(passphrase())).unwrap(), 2);
    let wrong = KeySource::Passphrase(Secret::from("correct house"));
    assert!(matches!(place.open(wrong), Err(StoreError::Sealed { .. })));

    assert_eq!(place.rekey(KeySource::Passphrase(passphrase()), NewKey::Key(key(1))), Ok(12));
    assert!(matches!(place.open(KeySource::Passphrase(passphrase())), Err(StoreError::Sealed { .. })));
    inspect(&*place.open(KeySource::Key(key(1))).unwrap(), 2);

    assert_eq!(place.rekey(KeySource::Key(key(1)), NewKey::File(other.clone())), Ok(12));
    inspect(&*place.open(KeySource::File(other.clone())).unwrap(), 2);
    assert_eq!(place.rekey(KeySource::File(other), NewKey::File(seal.clone())), Ok(12));
    inspect(&*place.open(KeySource::File(seal)).unwrap(), 2);
    assert_eq!(place.names(), ["seal.key", "store.db"]);
}

#[test]
fn the_wrong_key_changes_nothing() {
    let place = Place::new();
    let seal = place.file("seal.key");
    furnish(&*place.open(KeySource::File(seal.clone())).unwrap(), 1);
    for wrong in
        [KeySource::Key(key(9)), KeySource::Passphrase(Secret::from("no")), KeySource::File(place.file("none"))]
    {
        let error = place.rekey(wrong, NewKey::File(seal.clone())).unwrap_err();
        assert!(matches!(error, StoreError::Sealed { .. }), "{error}");
    }
    inspect(&*place.open(KeySource::File(seal)).unwrap(), 1);
    let missing = rekey(&place.file("none.db"), KeySource::Key(key(1)), NewKey::Key(key(2)), &Options::default());
    assert!(matches!(missing, Err(StoreError::Unusable { .. })), "{missing:?}");
    assert!(!place.file("none.db").exists());
}

#[test]
fn a_store_that_is_made_with_a_passphrase_opens_with_it() {
    let place = Place::new();
    let passphrase = || KeySource::Passphrase(Secret::from("correct horse"));
    furnish(&*place.open(passphrase()).unwrap(), 1);
    inspect(&*place.open(passphrase()).unwrap(), 1);
    assert!(place.open(KeySource::Passphrase(Secret::from("correct house"))).is_err());
    assert!(matches!(Place::new().open(KeySource::Passphrase(Secret::from(""))), Err(StoreError::Key { .. })));
}

#[test]
fn who_has_it_open_goes_on_with_the_new_key_file() {
    let place = Place::new();
    let seal = place.file("seal.key");
    let source = || KeySource::File(seal.clone());
    let store = place.open(source()).unwrap();
    furnish(&*store, 2);
    for round in 2..5 {
        let revision = wait(store.revision()).unwrap();
        place.rekey(source(), NewKey::File(seal.clone())).unwrap();
        assert!(wait(store.revision()).unwrap() > revision, "what was remembered ends");
        if round % 2 == 0 {
            inspect(&*store, 2);
        }
        // Written with the new key, although this process began with the old one.
        wait(store.add_credential(credential(&format!("late {round}")))).unwrap();
    }
    drop(store);
    let store = place.open(source()).unwrap();
    inspect(&*store, 2);
    assert_eq!(wait(store.credentials()).unwrap().len(), 5);
}

#[test]
fn nobody_writes_with_a_key_that_is_not_the_stores() {
    let place = Place::new();
    let store = place.open(KeySource::Key(key(1))).unwrap();
    furnish(&*store, 1);
    place.rekey(KeySource::Key(key(1)), NewKey::Key(key(2))).unwrap();
    wait(async {
        let sealed = |result: Result<(), StoreError>| matches!(result, Err(StoreError::Sealed { .. }));
        assert!(sealed(store.add_credential(credential("late")).await));
        assert!(sealed(store.put_secret("late", Secret::from("x")).await));
        assert!(sealed(store.put_certificate(certificate(9)).await));
        assert!(sealed(store.add_user(user("late", Some("x"))).await));
        assert!(sealed(store.secret("000").await.map(drop)));
    });
    drop(store);
    let store = place.open(KeySource::Key(key(2))).unwrap();
    inspect(&*store, 1);
    assert_eq!(wait(store.credentials()).unwrap().len(), 1);
}

/// What a kill leaves between any two steps that last.
#[test]
fn a_key_file_on_its_way_to_its_name_arrives_there() {
    let place = Place::new();
    let (seal, next) = (place.file("seal.key"), place.file("seal.key.next"));
    let source = || KeySource::File(seal.clone());
    furnish(&*place.open(source()).unwrap(), 1);
    let old = fs::read(&seal).unwrap();
    // Before the rows: the next key was written and opens nothing.
    SealingKey::load_or_create(&next).unwrap();
    inspect(&*place.open(source()).unwrap(), 1);
    assert_eq!(fs::read(&seal).unwrap(), old);
    // A later try is not in its way.
    place.rekey(source(), NewKey::File(seal.clone())).unwrap();
    assert!(!next.exists());
    // After the rows: the old key still has the name.
    fs::rename(&seal, &next).unwrap();
    let new = fs::read(&next).unwrap();
    for leftover in [Some(&old), None] {
        if let Some(old) = leftover {
            SealingKey::load_or_create(&seal).unwrap();
            fs::write(&seal, old).unwrap();
        }
        inspect(&*place.open(source()).unwrap(), 1);
        assert_eq!((fs::read(&seal).unwrap(), next.exists()), (new.clone(), false));
        fs::rename(&seal, &next).unwrap();
    }
    // The next rotation, too, finds it.
    place.rekey(source(), NewKey::File(seal.clone())).unwrap();
    inspect(&*place.open(source()).unwrap(), 1);
    assert!(!next.exists());
}

#[test]
fn killed_at_any_point_it_opens_with_the_same_key_file() {
    if let Ok(folder) = env::var(CHILD) {
        rekey_until_killed(Path::new(&folder));
        panic!("the child was not killed");
    }
    let place = Place::new();
    let source = || KeySource::File(place.file("seal.key"));
    furnish(&*place.open(source()).unwrap(), ROWS);
    let mut done = 0;
    for _ in 0..ROUNDS {
        done += run_and_kill(place.0.path());
        inspect(&*place.open(source()).unwrap(), ROWS);
    }
    assert!(done >= ROUNDS, "every round sealed it anew at least once");
    let raw = rusqlite::Connection::open(place.file("store.db")).unwrap();
    let verdict: String = raw.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
}

fn rekey_until_killed(folder: &Path) {
    let (store, seal) = (folder.join("store.db"), folder.join("seal.key"));
    // Bounded, should nobody kill it.
    for _ in 0..100_000 {
        rekey(&store, KeySource::File(seal.clone()), NewKey::File(seal.clone()), &Options::default()).unwrap();
        let mut out = std::io::stdout().lock();
        out.write_all(b"done\n").unwrap();
        out.flush().unwrap();
    }
}

/// Starts a child, lets it seal the store anew a few times, and kills it at a random moment of the next one; gives how
/// often it was done.
fn run_and_kill(folder: &Path) -> u64 {
    let mut child = Command::new(env::current_exe().unwrap())
        .args([TEST, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let random = getrandom::u64().unwrap();
    let mut done = 0;
    while done < 1 + random % 3 {
        done += u64::from(lines.next().expect("the child ended by itself").unwrap().ends_with("done"));
    }
    // Not to wait for anything: so that the kill hits anywhere.
    for _ in 0..random % 2_000_000 {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    done
}
