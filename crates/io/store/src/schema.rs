//! The file: how it is recognised, made, brought up to date and checked.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use gatepost_model::secret::Secret;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use crate::error::StoreError;
use crate::owner::unusable;
use crate::publish::{create_private, fresh_sibling, settle_name};
use crate::queue::Failure;
use crate::seal::{Place, SealingKey};
use crate::stretch::Stretch;

/// `GPST`, in the header of every store, so that another program's database is not taken for one.
const APPLICATION_ID: i64 = 0x4750_5354;

/// How each version of the schema is made from the one before; the first from nothing. Lines are
/// added, never changed.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    INSERT INTO meta (name, value) VALUES ('revision', 0);
    CREATE TABLE users (name TEXT PRIMARY KEY, password_hash TEXT NOT NULL, secret BLOB) STRICT, WITHOUT ROWID;
    CREATE TABLE credentials (
        name TEXT PRIMARY KEY, user TEXT NOT NULL, scheme TEXT, scope TEXT, secret BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE certificates (fingerprint BLOB PRIMARY KEY, chain BLOB NOT NULL, secret BLOB NOT NULL) STRICT;
    CREATE TABLE bindings (
        kind TEXT NOT NULL CHECK (kind IN ('address', 'host')),
        host TEXT NOT NULL,
        port INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),
        certificate BLOB NOT NULL REFERENCES certificates (fingerprint),
        PRIMARY KEY (kind, host, port)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE secrets (name TEXT PRIMARY KEY, secret BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE first_uses (key TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX first_uses_until ON first_uses (until);
", "
    INSERT INTO meta (name, value) VALUES ('application', CAST(randomblob(6) || x'4a' || randomblob(1) || x'b2' || randomblob(7) AS BLOB));
    ALTER TABLE bindings RENAME TO bindings_before;
    CREATE TABLE bindings (
        kind TEXT NOT NULL CHECK (kind IN ('address', 'host', 'any')),
        host TEXT NOT NULL,
        port INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),
        answer TEXT NOT NULL CHECK (answer IN ('certificate', 'reject', 'directory')),
        certificate BLOB REFERENCES certificates (fingerprint),
        directory TEXT,
        application BLOB NOT NULL CHECK (length(application) = 16),
        terms TEXT NOT NULL,
        authorities BLOB NOT NULL,
        PRIMARY KEY (kind, host, port),
        CHECK ((answer = 'directory') = (directory IS NOT NULL)),
        CHECK (answer <> 'certificate' OR certificate IS NOT NULL)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO bindings SELECT kind, host, port, 'certificate', certificate, NULL,
        (SELECT value FROM meta WHERE name = 'application'), '', x'' FROM bindings_before;
    DROP TABLE bindings_before;
", "
    CREATE TABLE user_records (
        user TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
        kind TEXT NOT NULL,
        alias TEXT,
        secret BLOB NOT NULL,
        PRIMARY KEY (user, kind)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX user_records_alias ON user_records (alias, kind) WHERE alias IS NOT NULL;
"];

/// Every SQLite file begins with this.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Up to this many pages (16 MiB) the whole file is checked on opening: some 20 ms. A larger one
/// is checked page by page as it is read, which SQLite does anyway.
const QUICK_CHECK_PAGES: i64 = 4096;

/// Sealed with the store's key when the store is made. Opening it tells whether the key is right.
pub(crate) const CANARY: Place<'static> = Place { kind: "canary", name: "canary", also: &[] };

/// Makes an empty store at `path`, complete or not at all. One that is there by now stays.
///
/// It is made under another name and then given its own: a file that has the name and is empty is
/// therefore damage, and not a store that was being made.
pub(crate) fn create(
    path: &Path,
    key: &SealingKey,
    stretch: Option<&Stretch>,
    busy: Duration,
) -> Result<(), StoreError> {
    let draft = fresh_sibling(path)?;
    // SQLite gives its side files the mode of this one.
    drop(create_private(&draft)?);
    fill(&draft, key, stretch, busy).map_err(|failure| failure.about(path))?;
    File::open(&draft).and_then(|file| file.sync_all()).map_err(|error| unusable(&draft, error))?;
    settle_name(&draft, path)
}

fn fill(draft: &Path, key: &SealingKey, stretch: Option<&Stretch>, busy: Duration) -> Result<(), Failure> {
    let connection = connect(draft, busy)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    use_log(&connection)?;
    migrate(&connection, draft, MIGRATIONS)?;
    let canary = key.seal(&CANARY, &Secret::from("canary"))?;
    connection.execute("INSERT INTO meta (name, value) VALUES ('canary', ?1)", [canary])?;
    keep_stretch(&connection, stretch)?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(())
}

/// Refuses a file that cannot be a database, before SQLite touches it.
pub(crate) fn recognise(path: &Path) -> Result<(), StoreError> {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(16).read_to_end(&mut head));
    read.map_err(|error| unusable(path, error))?;
    let detail = match head.as_slice() {
        [] => "the file is empty",
        head if head == MAGIC => return Ok(()),
        _ => "it is not an SQLite file",
    };
    Err(foreign(path, detail))
}

/// Opens the file, and sets what holds for this connection only.
pub(crate) fn connect(path: &Path, busy: Duration) -> Result<Connection, Failure> {
    // Without CREATE: a file that is missing is never replaced by an empty one. Without URI: the
    // path is a path.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // SQLite counts milliseconds in 31 bits.
    connection.busy_timeout(busy.min(Duration::from_millis(2_000_000_000)))?;
    connection.set_prepared_statement_cache_capacity(64);
    for (name, value) in [("synchronous", "FULL"), ("foreign_keys", "ON"), ("trusted_schema", "OFF")] {
        connection.pragma_update(None, name, value)?;
    }
    Ok(connection)
}

/// Makes sure that this is a store, whole, ours, and of the version that this program writes.
pub(crate) fn check(connection: &Connection, path: &Path) -> Result<(), Failure> {
    if number(connection, "application_id")? != APPLICATION_ID {
        return Err(foreign(path, "it is the database of another program").into());
    }
    let version = number(connection, "user_version")?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if version > known {
        let detail = format!("its schema is version {version}, made by a newer Gatepost; we know up to {known}");
        return Err(foreign(path, detail).into());
    }
    whole(connection, path)?;
    use_log(connection)?;
    migrate(connection, path, MIGRATIONS)
}

/// Whether `key` opens the canary.
pub(crate) fn opens(connection: &Connection, path: &Path, key: &SealingKey) -> Result<bool, Failure> {
    let canary: Option<Vec<u8>> =
        connection.query_row("SELECT value FROM meta WHERE name = 'canary'", [], |row| row.get(0)).optional()?;
    let canary = canary.ok_or_else(|| foreign(path, "it does not say which key seals it"))?;
    Ok(key.open(&CANARY, &canary).is_ok())
}

/// How the passphrase that seals it becomes the key, if it is a passphrase.
pub(crate) fn stretch_of(connection: &Connection, path: &Path) -> Result<Option<Stretch>, Failure> {
    let octets: Option<Vec<u8>> =
        connection.query_row("SELECT value FROM meta WHERE name = 'stretch'", [], |row| row.get(0)).optional()?;
    let Some(octets) = octets else { return Ok(None) };
    let odd = || foreign(path, "what it says of its passphrase cannot be");
    Ok(Some(Stretch::decode(&octets).ok_or_else(odd)?))
}

/// Writes down how a passphrase becomes the key.
pub(crate) fn keep_stretch(connection: &Connection, stretch: Option<&Stretch>) -> Result<(), Failure> {
    if let Some(stretch) = stretch {
        connection.execute("INSERT INTO meta (name, value) VALUES ('stretch', ?1)", [stretch.encode()])?;
    }
    Ok(())
}

fn whole(connection: &Connection, path: &Path) -> Result<(), Failure> {
    let pages = number(connection, "page_count")?;
    let octets = pages.saturating_mul(number(connection, "page_size")?).cast_unsigned();
    if fs::metadata(path).is_ok_and(|file| file.len() < octets) && log_is_empty(path) {
        return Err(foreign(path, "it is damaged: its end is missing").into());
    }
    if pages > QUICK_CHECK_PAGES {
        return Ok(());
    }
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(foreign(path, format!("it is damaged: {verdict}")).into());
    }
    Ok(())
}

/// SQLite reads a last page that was cut as if it ended in zeros. Only where nothing waits in the
/// log must the file itself hold every octet.
fn log_is_empty(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    fs::metadata(log).map_or(true, |file| file.len() == 0)
}

/// The write-ahead log: readers do not wait for the writer, and a commit is one sync.
fn use_log(connection: &Connection) -> Result<(), Failure> {
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        let detail = "the file system does not support a write-ahead log".to_owned();
        let path = connection.path().unwrap_or_default().into();
        return Err(StoreError::Unusable { path, detail }.into());
    }
    connection.pragma_update_and_check(None, "journal_size_limit", 16 * 1024 * 1024, |_| Ok(()))?;
    Ok(())
}

/// Brings the schema up to date, a version a transaction: what is interrupted is whole before or
/// after, and the next start goes on from there.
fn migrate(connection: &Connection, path: &Path, migrations: &[&str]) -> Result<(), Failure> {
    for (version, sql) in (1_i64..).zip(migrations) {
        if number(connection, "user_version")? >= version {
            continue;
        }
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let done = step(connection, version, sql).and_then(|()| Ok(connection.execute_batch("COMMIT")?));
        if done.is_err() && !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK")?;
        }
        done.map_err(|failure| failure.about(path))?;
    }
    Ok(())
}

fn step(connection: &Connection, version: i64, sql: &str) -> Result<(), Failure> {
    // Another process may have come first while we waited for the lock.
    if number(connection, "user_version")? >= version {
        return Ok(());
    }
    connection.execute_batch(sql)?;
    connection.pragma_update(None, "user_version", version)?;
    Ok(())
}

fn number(connection: &Connection, pragma: &str) -> Result<i64, Failure> {
    Ok(connection.pragma_query_value(None, pragma, |row| row.get(0))?)
}

fn foreign(path: &Path, detail: impl Into<String>) -> StoreError {
    StoreError::Foreign { path: path.to_owned(), detail: detail.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings;

    #[test]
    fn a_migration_is_done_whole_or_not_at_all_and_goes_on_later() {
        let connection = Connection::open_in_memory().unwrap();
        let path = Path::new("store");
        let broken = ["CREATE TABLE a (x)", "CREATE TABLE b (x); CREATE TABLE a (x)"];
        assert!(migrate(&connection, path, &broken).is_err());
        assert_eq!(tables(&connection), (1, vec!["a".to_owned()]));

        let mended = ["CREATE TABLE a (x)", "CREATE TABLE b (x)", "CREATE TABLE c (x)"];
        migrate(&connection, path, &mended).unwrap();
        migrate(&connection, path, &mended).unwrap();
        assert_eq!(tables(&connection), (3, vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]));
    }

    #[test]
    fn bindings_of_the_first_version_are_this_installations() {
        use gatepost_model::binding::Binding;

        let connection = Connection::open_in_memory().unwrap();
        let path = Path::new("store");
        migrate(&connection, path, &MIGRATIONS[..1]).unwrap();
        let rows = "INSERT INTO certificates VALUES (zeroblob(32), x'', x'');
                    INSERT INTO bindings VALUES ('host', 'a.com', 443, zeroblob(32));
                    INSERT INTO bindings VALUES ('address', '[::]:443', 0, zeroblob(32));";
        connection.execute_batch(rows).unwrap();
        migrate(&connection, path, MIGRATIONS).unwrap();
        let own = bindings::application(&connection).unwrap();
        let bound = |key: &str| Binding::to_certificate(key.parse().unwrap(), [0; 32], own);
        assert_eq!(bindings::all(&connection).unwrap(), [bound("[::]:443"), bound("a.com:443")]);
        let text = own.to_string();
        assert_eq!((&text[14..15], &text[19..20], text.len()), ("4", "b", 36));
    }

    fn tables(connection: &Connection) -> (i64, Vec<String>) {
        let mut statement = connection.prepare("SELECT name FROM sqlite_schema ORDER BY name").unwrap();
        let names = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        (number(connection, "user_version").unwrap(), names)
    }
}
