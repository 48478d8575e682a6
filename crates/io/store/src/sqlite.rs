//! The SQLite backend: one machine, several processes, nothing lost.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gatepost_model::application::ApplicationId;
use gatepost_model::binding::{Binding, BindingKey};
use gatepost_model::secret::Secret;
use gatepost_model::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use crate::bindings::{self, Twin};
use crate::error::StoreError;
use crate::queue::{Desk, Failure, serve_reads};
use crate::rows::{self, CertificateRow, CredentialRow, RecordRow, UserRow, exists, missing, secret_place};
use crate::schema;
use crate::seal::{Place, SealingKey};
use crate::store::{KnownCertificate, Owner, Pending, Store, StoredCertificate, StoredCredential, User};
use crate::writer::serve_writes;

/// A store in an SQLite file. [`open`](crate::open::open) makes one.
///
/// Two threads, each with its own connection: writes are committed in groups by the one, reads are
/// answered by the other and never wait for a write. No row is cached, so that what another
/// process changes is seen at once. Secrets are sealed and opened on the caller's side; neither
/// thread sees one in clear.
#[derive(Debug)]
pub struct SqliteStore {
    key: Arc<SealingKey>,
    writer: Desk,
    reader: Desk,
    /// The newest revision that was read or written here.
    known: AtomicU64,
    /// A sealed value that says nothing.
    decoy: Vec<u8>,
}

/// What is opened for a user who has nothing to open, or is nobody: it takes as long as for the others.
const DECOY: Place<'static> = Place { kind: "decoy", name: "decoy", also: &[] };

impl SqliteStore {
    /// Opens both connections, checks the file and the key, and starts the threads.
    pub(crate) fn start(path: &Path, key: SealingKey, busy: Duration) -> Result<Self, StoreError> {
        let about = |failure: Failure| failure.about(path);
        let writing = schema::connect(path, busy).map_err(about)?;
        schema::check(&writing, path).map_err(about)?;
        schema::check_key(&writing, path, &key).map_err(about)?;
        let reading = schema::connect(path, busy).map_err(about)?;
        reading.pragma_update(None, "query_only", "ON").map_err(Failure::from).map_err(about)?;
        let known = AtomicU64::new(revision(&reading).map_err(about)?);

        let (write_path, read_path) = (path.to_owned(), path.to_owned());
        let writer = Desk::start("store-write", path, move |waiting| serve_writes(&writing, &write_path, waiting))?;
        let reader = Desk::start("store-read", path, move |waiting| serve_reads(&reading, &read_path, waiting))?;
        let decoy = key.seal(&DECOY, &Secret::new(vec![0; 64]))?;
        Ok(Self { key: Arc::new(key), writer, reader, known, decoy })
    }

    /// A write that others must learn of: it raises the revision in the same transaction.
    async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let work = move |connection: &Connection| {
            let done = work(connection)?;
            execute(connection, "UPDATE meta SET value = value + 1 WHERE name = 'revision'", params![])?;
            Ok((done, revision(connection)?))
        };
        let (done, revision) = self.writer.ask(work).await?;
        // After the commit: whoever knows this revision reads rows that are as new.
        self.known.fetch_max(revision, Ordering::AcqRel);
        Ok(done)
    }
}

impl Store for SqliteStore {
    fn add_user(&self, user: User) -> Pending<'_, ()> {
        Box::pin(async move {
            let row = UserRow::seal(user, &self.key)?;
            self.change(move |connection| {
                let sql = "INSERT INTO users (name, password_hash, secret) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
                if execute(connection, sql, params![row.name, row.password_hash, row.secret])? == 0 {
                    return Err(exists("user", &row.name).into());
                }
                let sql = "INSERT INTO user_records (user, kind, alias, secret) VALUES (?1, ?2, ?3, ?4)";
                for record in &row.records {
                    execute(connection, sql, params![row.name, record.kind, record.alias, record.secret])?;
                }
                Ok(())
            })
            .await
        })
    }

    fn user(&self, name: &str) -> Pending<'_, Option<User>> {
        let name = name.to_owned();
        Box::pin(async move {
            let read = move |connection: &Connection| user(connection, &name);
            let row = self.reader.ask(read).await?;
            if row.as_ref().is_none_or(|row| row.secret.is_none() && row.records.is_empty()) {
                drop(self.key.open(&DECOY, &self.decoy)?);
            }
            row.map(|row| row.open(&self.key)).transpose()
        })
    }

    fn user_called(&self, kind: &str, alias: &str) -> Pending<'_, Option<String>> {
        let (kind, alias) = (kind.to_owned(), alias.to_owned());
        Box::pin(self.reader.ask(move |connection| {
            let sql = "SELECT user FROM user_records WHERE alias = ?1 AND kind = ?2";
            Ok(connection.prepare_cached(sql)?.query_row([alias, kind], |row| row.get(0)).optional()?)
        }))
    }

    fn user_names(&self) -> Pending<'_, Vec<String>> {
        Box::pin(self.reader.ask(|connection| {
            let mut statement = connection.prepare_cached("SELECT name FROM users ORDER BY name")?;
            Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
        }))
    }

    fn remove_user(&self, name: &str) -> Pending<'_, ()> {
        let name = name.to_owned();
        Box::pin(self.change(move |connection| {
            match execute(connection, "DELETE FROM users WHERE name = ?1", params![name])? {
                0 => Err(missing("user", &name).into()),
                _ => Ok(()),
            }
        }))
    }

    fn add_credential(&self, credential: StoredCredential) -> Pending<'_, ()> {
        Box::pin(async move {
            let row = CredentialRow::seal(credential, &self.key)?;
            self.change(move |connection| {
                let sql = "INSERT INTO credentials (name, user, scheme, scope, secret) \
                           VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
                match execute(connection, sql, params![row.name, row.user, row.scheme, row.scope, row.secret])? {
                    0 => Err(exists("credential", &row.name).into()),
                    _ => Ok(()),
                }
            })
            .await
        })
    }

    fn credential(&self, name: &str) -> Pending<'_, Option<StoredCredential>> {
        let name = name.to_owned();
        Box::pin(async move {
            let sql = "SELECT name, user, scheme, scope, secret FROM credentials WHERE name = ?1";
            let read = move |connection: &Connection| {
                Ok(connection.prepare_cached(sql)?.query_row([name], CredentialRow::read).optional()?)
            };
            self.reader.ask(read).await?.map(|row| row.open(&self.key)).transpose()
        })
    }

    fn credentials(&self) -> Pending<'_, Vec<StoredCredential>> {
        Box::pin(async move {
            let sql = "SELECT name, user, scheme, scope, secret FROM credentials ORDER BY name";
            let read = move |connection: &Connection| {
                let mut statement = connection.prepare_cached(sql)?;
                let rows = statement.query_map([], CredentialRow::read)?;
                Ok(rows.collect::<Result<Vec<_>, _>>()?)
            };
            self.reader.ask(read).await?.into_iter().map(|row| row.open(&self.key)).collect()
        })
    }

    fn remove_credential(&self, name: &str) -> Pending<'_, ()> {
        let name = name.to_owned();
        Box::pin(self.change(move |connection| {
            match execute(connection, "DELETE FROM credentials WHERE name = ?1", params![name])? {
                0 => Err(missing("credential", &name).into()),
                _ => Ok(()),
            }
        }))
    }

    fn put_certificate(&self, certificate: StoredCertificate) -> Pending<'_, ()> {
        Box::pin(async move {
            let row = CertificateRow::seal(&certificate, &self.key)?;
            self.change(move |connection| {
                let sql = "INSERT INTO certificates (fingerprint, chain, secret) VALUES (?1, ?2, ?3) \
                           ON CONFLICT (fingerprint) DO UPDATE SET chain = excluded.chain, secret = excluded.secret";
                execute(connection, sql, params![row.fingerprint, row.chain, row.secret])?;
                Ok(())
            })
            .await
        })
    }

    fn certificate(&self, fingerprint: [u8; 32]) -> Pending<'_, Option<StoredCertificate>> {
        Box::pin(async move {
            let sql = "SELECT fingerprint, chain, secret FROM certificates WHERE fingerprint = ?1";
            let read = move |connection: &Connection| {
                Ok(connection.prepare_cached(sql)?.query_row([fingerprint], CertificateRow::read).optional()?)
            };
            self.reader.ask(read).await?.map(|row| row.open(&self.key)).transpose()
        })
    }

    fn certificates(&self) -> Pending<'_, Vec<KnownCertificate>> {
        Box::pin(self.reader.ask(|connection| {
            let sql = "SELECT fingerprint, chain FROM certificates ORDER BY fingerprint";
            let mut statement = connection.prepare_cached(sql)?;
            Ok(statement.query_map([], rows::known_certificate)?.collect::<Result<_, _>>()?)
        }))
    }

    fn application(&self) -> Pending<'_, ApplicationId> {
        Box::pin(self.reader.ask(bindings::application))
    }

    fn add_binding(&self, binding: Binding) -> Pending<'_, ()> {
        Box::pin(self.change(move |connection| bindings::keep(connection, &binding, Twin::Stays)))
    }

    fn put_binding(&self, binding: Binding) -> Pending<'_, ()> {
        Box::pin(self.change(move |connection| bindings::keep(connection, &binding, Twin::GivesWay)))
    }

    fn update_binding(&self, binding: Binding, expected: &Binding) -> Pending<'_, ()> {
        let expected = expected.clone();
        Box::pin(self.change(move |connection| bindings::update(connection, &binding, &expected)))
    }

    fn bindings(&self) -> Pending<'_, Vec<Binding>> {
        Box::pin(self.reader.ask(bindings::all))
    }

    fn remove_binding(&self, key: &BindingKey, owner: Owner) -> Pending<'_, ()> {
        let key = key.clone();
        Box::pin(self.change(move |connection| bindings::remove(connection, &key, owner)))
    }

    fn put_secret(&self, name: &str, secret: Secret) -> Pending<'_, ()> {
        let name = name.to_owned();
        Box::pin(async move {
            let value = self.key.seal(&secret_place(&name), &secret)?;
            self.change(move |connection| {
                let sql = "INSERT INTO secrets (name, secret) VALUES (?1, ?2) \
                           ON CONFLICT (name) DO UPDATE SET secret = excluded.secret";
                execute(connection, sql, params![name, value])?;
                Ok(())
            })
            .await
        })
    }

    fn secret(&self, name: &str) -> Pending<'_, Option<Secret>> {
        let name = name.to_owned();
        Box::pin(async move {
            let place = secret_place(&name);
            let wanted = name.clone();
            let read = move |connection: &Connection| {
                let mut statement = connection.prepare_cached("SELECT secret FROM secrets WHERE name = ?1")?;
                Ok(statement.query_row([wanted], |row| row.get::<_, Vec<u8>>(0)).optional()?)
            };
            self.reader.ask(read).await?.map(|value| self.key.open(&place, &value)).transpose()
        })
    }

    fn first_use(&self, key: &str, until: Timestamp, now: Timestamp) -> Pending<'_, bool> {
        let key = key.to_owned();
        Box::pin(self.writer.ask(move |connection| {
            let (until, now) = (until.as_millis(), now.as_millis());
            // A record that is past counts as gone whether the sweep has reached it or not.
            let sql = "INSERT INTO first_uses (key, until) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE \
                       SET until = excluded.until WHERE first_uses.until < ?3";
            let fresh = execute(connection, sql, params![key, until, now])? > 0;
            // At most four go for one that comes: the table shrinks, and no call pays for all.
            let sweep = "DELETE FROM first_uses WHERE key IN \
                         (SELECT key FROM first_uses WHERE until < ?1 AND key <> ?2 ORDER BY until LIMIT 4)";
            execute(connection, sweep, params![now, key])?;
            Ok(fresh)
        }))
    }

    fn revision(&self) -> Pending<'_, u64> {
        Box::pin(async move {
            let revision = self.reader.ask(revision).await?;
            // The greatest one: a slow answer must not make an older revision known again.
            self.known.fetch_max(revision, Ordering::AcqRel);
            Ok(revision)
        })
    }

    fn known_revision(&self) -> u64 {
        self.known.load(Ordering::Acquire)
    }
}

/// The user of that name, with its records. Both in one transaction: a user that comes anew meanwhile is whole. Where
/// there is none, the records are looked for all the same, so that it takes as long.
fn user(connection: &Connection, name: &str) -> Result<Option<UserRow>, Failure> {
    let transaction = connection.unchecked_transaction()?;
    let sql = "SELECT name, password_hash, secret FROM users WHERE name = ?1";
    let row = transaction.prepare_cached(sql)?.query_row([name], UserRow::read).optional()?;
    let sql = "SELECT kind, alias, secret FROM user_records WHERE user = ?1 ORDER BY kind";
    let records = transaction.prepare_cached(sql)?.query_map([name], RecordRow::read)?.collect::<Result<_, _>>()?;
    Ok(row.map(|row| UserRow { records, ..row }))
}

fn revision(connection: &Connection) -> Result<u64, Failure> {
    let mut statement = connection.prepare_cached("SELECT value FROM meta WHERE name = 'revision'")?;
    let value: i64 = statement.query_row([], |row| row.get(0))?;
    Ok(value.cast_unsigned())
}

fn execute(connection: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<usize, Failure> {
    Ok(connection.prepare_cached(sql)?.execute(values)?)
}
