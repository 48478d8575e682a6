//! What is wrong with a file, a folder, a key or a lock is told, and nothing is overwritten.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gatepost_model::credential::Credential;
use gatepost_store::error::StoreError;
use gatepost_store::key_source::KeySource;
use gatepost_store::open::{Options, open};
use gatepost_store::seal::SealingKey;
use gatepost_store::store::{Store, StoredCredential, User};
use rusqlite::Connection;
use tempfile::TempDir;

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    (folder, path)
}

fn key(octet: u8) -> KeySource {
    KeySource::Key(SealingKey::from_bytes(&[octet; 32]).unwrap())
}

fn quick() -> Options {
    Options { busy_timeout: Duration::from_millis(1), ..Options::default() }
}

fn try_open(path: &Path) -> Result<Arc<dyn Store>, StoreError> {
    open(path, key(7), &quick())
}

fn made(path: &Path) {
    let store = try_open(path).unwrap();
    for at in 0..200 {
        let credential = Credential::login("user", "x".repeat(200));
        wait(store.add_credential(StoredCredential { name: format!("{at}"), credential })).unwrap();
    }
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn alice() -> User {
    User { name: "alice".into(), password_hash: "hash".into(), secret: None, records: vec![] }
}

fn foreign(path: &Path, detail: &str) -> StoreError {
    StoreError::Foreign { path: path.to_owned(), detail: detail.into() }
}

#[cfg(unix)]
fn close_to_others(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[cfg(not(unix))]
fn close_to_others(_: &Path) {}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_alone() {
    let table: [(&[u8], &str); 4] = [
        (b"", "the file is empty"),
        (b"SQLite format", "it is not an SQLite file"),
        (b"[listener]\nport = 1\n", "it is not an SQLite file"),
        (&[0; 8192], "it is not an SQLite file"),
    ];
    for (content, detail) in table {
        let (_folder, path) = place();
        fs::write(&path, content).unwrap();
        assert_eq!(try_open(&path).unwrap_err(), foreign(&path, detail));
        assert_eq!(fs::read(&path).unwrap(), content);
    }
}

#[test]
fn the_head_of_a_database_and_then_junk_is_refused() {
    let (_folder, path) = place();
    fs::write(&path, [b"SQLite format 3\0".as_slice(), &[0xa5; 8176]].concat()).unwrap();
    close_to_others(&path);
    let error = try_open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
}

#[test]
fn the_database_of_another_program_is_refused_and_left_alone() {
    let (_folder, path) = place();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE notes (x); INSERT INTO notes VALUES (1)").unwrap();
    close_to_others(&path);
    let before = fs::read(&path).unwrap();
    assert_eq!(try_open(&path).unwrap_err(), foreign(&path, "it is the database of another program"));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_newer_schema_is_refused() {
    let (_folder, path) = place();
    made(&path);
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let detail = "its schema is version 99, made by a newer Gatepost; we know up to 3";
    assert_eq!(try_open(&path).unwrap_err(), foreign(&path, detail));
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let (_folder, path) = place();
    made(&path);
    let whole = fs::read(&path).unwrap();
    assert!(whole.len() > 8 * 4096, "{}", whole.len());
    for end in [0, 15, 16, 99, 100, 1000, 4096, 5000, 8192, whole.len() / 2, whole.len() - 4096, whole.len() - 1] {
        fs::write(&path, &whole[..end]).unwrap();
        let Err(error) = try_open(&path) else { panic!("cut at {end} of {}: it opens", whole.len()) };
        assert!(matches!(error, StoreError::Foreign { .. }), "cut at {end}: {error}");
        assert_eq!(fs::read(&path).unwrap().len(), end, "the rest was left alone");
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(wait(try_open(&path).unwrap().credentials()).unwrap().len(), 200);
}

#[test]
fn damage_inside_is_refused() {
    let (_folder, path) = place();
    made(&path);
    let mut content = fs::read(&path).unwrap();
    let middle = content.len() / 2 / 4096 * 4096;
    content[middle..middle + 4096].fill(0xff);
    fs::write(&path, &content).unwrap();
    let error = try_open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
}

#[test]
fn a_folder_that_cannot_be_one_is_named() {
    let (folder, path) = place();
    fs::write(&path, "a file").unwrap();
    for (path, create_folder) in [
        (path.join("store.db"), false),
        (path.join("store.db"), true),
        (path.join("below/store.db"), true),
        (folder.path().join("missing/store.db"), false),
        (folder.path().join("missing/below/store.db"), true),
    ] {
        let error = open(&path, key(7), &Options { create_folder, ..quick() }).unwrap_err();
        let StoreError::Unusable { path: named, .. } = &error else { panic!("{error}") };
        assert_eq!(Some(named.as_path()), path.parent(), "{error}");
    }
}

#[test]
fn a_folder_in_the_place_of_the_file_is_refused() {
    let (_folder, path) = place();
    fs::create_dir(&path).unwrap();
    let error = try_open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Unusable { .. }), "{error}");
}

#[cfg(unix)]
#[test]
fn what_others_may_touch_is_refused_and_what_we_make_is_ours_alone() {
    use std::os::unix::fs::PermissionsExt;

    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let chmod = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("state");
    let path = folder.join("store.db");
    let options = Options { create_folder: true, ..quick() };
    let store = open(&path, key(7), &options).unwrap();
    wait(store.add_user(alice())).unwrap();
    assert_eq!(mode(&folder), 0o700);
    for name in ["store.db", "store.db-wal", "store.db-shm"] {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
    }
    drop(store);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "a draft stayed behind");

    for wrong in [0o640, 0o604, 0o620] {
        chmod(&path, wrong);
        let detail = "the file is open to group or others; make it 0600".to_owned();
        assert_eq!(try_open(&path).unwrap_err(), StoreError::Unusable { path: path.clone(), detail });
    }
    chmod(&path, 0o600);
    for wrong in [0o770, 0o702, 0o777] {
        chmod(&folder, wrong);
        let detail = "the folder is writable by group or others; make it 0700".to_owned();
        assert_eq!(try_open(&path).unwrap_err(), StoreError::Unusable { path: folder.clone(), detail });
    }
}

#[cfg(unix)]
#[test]
fn a_folder_of_somebody_else_is_refused() {
    let (folder, path) = place();
    // Root gives its own folder away; anybody else finds one that is root's.
    let given = std::os::unix::fs::chown(folder.path(), Some(12_345), None).is_ok();
    let path = if given { path } else { PathBuf::from("/usr/gatepost-store.db") };
    let error = try_open(&path).unwrap_err();
    assert!(error.to_string().contains("it belongs to user"), "{error}");
    assert!(!path.exists());
}

#[test]
fn a_key_file_without_a_key_is_told_by_its_name() {
    let (folder, path) = place();
    let file = folder.path().join("seal.key");
    fs::write(&file, "not a key").unwrap();
    close_to_others(&file);
    let detail = format!("{} holds none", file.display());
    assert_eq!(open(&path, KeySource::File(file), &quick()).unwrap_err(), StoreError::Key { detail });
    assert!(!path.exists());
}

#[test]
fn a_lock_of_another_process_is_told_and_passes() {
    let (_folder, path) = place();
    let store = try_open(&path).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let locked = StoreError::Locked { path: path.clone() };
    assert_eq!(wait(store.add_user(alice())), Err(locked));
    assert_eq!(wait(store.user("alice")), Ok(None), "reading does not wait for a writer");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(wait(store.add_user(alice())), Ok(()));
}

#[test]
fn a_store_that_another_process_has_for_itself_does_not_open() {
    let (_folder, path) = place();
    made(&path);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    assert_eq!(try_open(&path).unwrap_err(), StoreError::Locked { path: path.clone() });
}

#[test]
fn a_wrong_key_is_told_on_opening() {
    let (_folder, path) = place();
    made(&path);
    let what = format!("all of {}", path.display());
    assert_eq!(open(&path, key(8), &quick()).unwrap_err(), StoreError::Sealed { what });
}

#[test]
fn a_lost_key_file_is_told_and_no_new_one_is_made() {
    let (folder, path) = place();
    let file = folder.path().join("seal.key");
    let source = || KeySource::File(file.clone());
    let store = open(&path, source(), &quick()).unwrap();
    wait(store.put_secret("ca", "key".into())).unwrap();
    drop(store);
    assert_eq!(wait(open(&path, source(), &quick()).unwrap().secret("ca")), Ok(Some("key".into())));

    fs::remove_file(&file).unwrap();
    let what = format!("all of {}: there is no key file {}", path.display(), file.display());
    assert_eq!(open(&path, source(), &quick()).unwrap_err(), StoreError::Sealed { what });
    assert!(!file.exists());
}

#[test]
fn many_that_open_a_new_store_at_once_share_it() {
    let (folder, path) = place();
    let options = Options::default();
    std::thread::scope(|scope| {
        for at in 0..6 {
            let source = KeySource::File(folder.path().join("seal.key"));
            let (path, options) = (&path, &options);
            scope.spawn(move || {
                let store = open(path, source, options).unwrap();
                wait(store.add_user(User { name: format!("user-{at}"), ..alice() })).unwrap();
            });
        }
    });
    let store = open(&path, KeySource::File(folder.path().join("seal.key")), &options).unwrap();
    assert_eq!(wait(store.user_names()).unwrap().len(), 6);
    drop(store);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "a draft stayed behind");
}
