//! `kill -9` in the middle of writing, again and again on one store: what was acknowledged is there.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use gatepost_model::application::ApplicationId;
use gatepost_model::binding::Binding;
use gatepost_model::credential::Credential;
use gatepost_model::secret::Secret;
use gatepost_model::terms::Terms;
use gatepost_model::time::Timestamp;
use gatepost_store::key_source::KeySource;
use gatepost_store::open::{Options, open};
use gatepost_store::store::{Store, StoredCertificate, StoredCredential, User};
use tokio::task::JoinSet;

/// Set for the child, to the folder of the store.
const CHILD: &str = "GATEPOST_STORE_KILL_FOLDER";
const ROUND: &str = "GATEPOST_STORE_KILL_ROUND";
const ROUNDS: u64 = 20;
/// Writers in the child, so that groups are committed and a kill hits the middle of one.
const WRITERS: u64 = 8;
const TEST: &str = "acknowledged_writes_survive_kill_9";

#[test]
fn acknowledged_writes_survive_kill_9() {
    if let Ok(folder) = env::var(CHILD) {
        let round = env::var(ROUND).unwrap();
        runtime().block_on(write_until_killed(Path::new(&folder), &round));
        panic!("the child was not killed");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        acknowledged.extend(run_and_kill(folder.path(), round));
        check(folder.path(), &acknowledged);
    }
    let rounds: BTreeSet<_> = acknowledged.iter().filter_map(|(_, name)| name.split('-').next()).collect();
    assert_eq!(rounds.len() as u64, ROUNDS, "every round wrote something");
}

/// Starts a child, reads a random number of acknowledgements, kills it, reads what it had still said.
fn run_and_kill(folder: &Path, round: u64) -> Vec<(String, String)> {
    let mut child = Command::new(env::current_exe().unwrap())
        .args([TEST, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, folder)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let enough = 1 + getrandom::u64().unwrap() % 250;
    let mut said = Vec::new();
    while (said.len() as u64) < enough {
        said.extend(acknowledgement(&lines.next().expect("the child ended by itself").unwrap()));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    said.extend(lines.map_while(Result::ok).filter_map(|line| acknowledgement(&line)));
    said
}

/// A line `ack KIND NAME .`; the full stop tells that it is whole.
fn acknowledgement(line: &str) -> Option<(String, String)> {
    // The test harness writes the name of the test in front of the first line.
    let (_, rest) = line.split_once("ack ")?;
    let (kind, name) = rest.strip_suffix(" .")?.split_once(' ')?;
    Some((kind.to_owned(), name.to_owned()))
}

fn check(folder: &Path, acknowledged: &BTreeSet<(String, String)>) {
    let store = store_in(folder);
    let (users, credentials, bindings) = runtime().block_on(async {
        let mut users = BTreeMap::new();
        for name in store.user_names().await.unwrap() {
            users.insert(name.clone(), store.user(&name).await.unwrap().unwrap());
        }
        (users, store.credentials().await.unwrap(), store.bindings().await.unwrap())
    });
    for (name, found) in &users {
        assert_eq!(found, &user(name), "no half row");
    }
    for found in &credentials {
        assert_eq!(found, &credential(&found.name), "no half row");
    }
    let bindings: BTreeMap<String, Binding> =
        bindings.into_iter().map(|found| (found.key.to_string().replace(":443", ""), found)).collect();
    for (name, found) in &bindings {
        assert!(*found == binding(name, 1) || *found == binding(name, 2), "no half row: {found:?}");
    }
    let credentials: BTreeSet<_> = credentials.into_iter().map(|found| found.name).collect();
    for (kind, name) in acknowledged {
        let there = match kind.as_str() {
            "user" => users.contains_key(name),
            "credential" => credentials.contains(name),
            "bound" => bindings.contains_key(name),
            "rebound" => bindings.get(name) == Some(&binding(name, 2)),
            _ => !runtime().block_on(store.first_use(name, Timestamp::MAX, Timestamp::from_millis(0))).unwrap(),
        };
        assert!(there, "{kind} {name} was acknowledged and is gone");
    }
    drop(store);
    let raw = rusqlite::Connection::open(folder.join("store.db")).unwrap();
    let verdict: String = raw.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
}

async fn write_until_killed(folder: &Path, round: &str) {
    let store = store_in(folder);
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write(Arc::clone(&store), format!("{round}-{writer}")));
    }
    writers.join_all().await;
}

async fn write(store: Arc<dyn Store>, prefix: String) {
    for octet in [1, 2] {
        store.put_certificate(certificate(octet)).await.unwrap();
    }
    // Bounded, should nobody kill it.
    for at in 0..10_000 {
        let name = format!("{prefix}-{at}");
        store.add_user(user(&name)).await.unwrap();
        say("user", &name);
        store.add_credential(credential(&name)).await.unwrap();
        say("credential", &name);
        assert!(store.first_use(&name, Timestamp::MAX, Timestamp::from_millis(0)).await.unwrap());
        say("first-use", &name);
        store.add_binding(binding(&name, 1)).await.unwrap();
        say("bound", &name);
        store.update_binding(binding(&name, 2), &binding(&name, 1)).await.unwrap();
        say("rebound", &name);
    }
}

/// One write call a line, past the capture of the harness.
fn say(kind: &str, name: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("ack {kind} {name} .\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

fn user(name: &str) -> User {
    let secret = Some(Secret::from(format!("password of {name}")));
    User { name: name.to_owned(), password_hash: format!("hash of {name}"), secret, records: vec![] }
}

fn credential(name: &str) -> StoredCredential {
    let credential = Credential::login(name, format!("secret of {name}"));
    StoredCredential { name: name.to_owned(), credential }
}

fn certificate(octet: u8) -> StoredCertificate {
    StoredCertificate { fingerprint: [octet; 32], chain: vec![vec![octet; 300]], key: Secret::new(vec![octet; 121]) }
}

/// With other terms for each certificate, so that half a swap shows.
fn binding(name: &str, octet: u8) -> Binding {
    let key = format!("{name}:443").parse().unwrap();
    let terms = Terms { log: Some(octet == 2), ..Terms::default() };
    Binding { terms, ..Binding::to_certificate(key, [octet; 32], ApplicationId::from_octets([octet; 16])) }
}

/// As a gateway opens it: the key is in a file beside the store.
fn store_in(folder: &Path) -> Arc<dyn Store> {
    let key = KeySource::File(folder.join("seal.key"));
    open(&folder.join("store.db"), key, &Options::default()).unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}
