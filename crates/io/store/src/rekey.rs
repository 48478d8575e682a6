//! Seals a store anew with another key: all of its rows in one transaction.

use std::fs;
use std::path::{Path, PathBuf};

use gatepost_model::secret::Secret;
use rusqlite::{Connection, params};

use crate::chosen_key::{arrive, choose, next_to};
use crate::error::StoreError;
use crate::key_source::KeySource;
use crate::open::{Options, check_place};
use crate::owner::unusable;
use crate::publish::publish;
use crate::queue::Failure;
use crate::rows::{CertificateRow, CredentialRow, RecordRow, UserRow, secret_place};
use crate::schema::{self, CANARY};
use crate::seal::SealingKey;
use crate::stretch::Stretch;

/// What a store is sealed with from now on.
#[derive(Debug)]
pub enum NewKey {
    /// A fresh random key, kept in this file.
    File(PathBuf),
    /// This key; the caller keeps it.
    Key(SealingKey),
    /// What Argon2id makes of this passphrase.
    Passphrase(Secret),
}

/// The tables with a sealed column `secret`, each with the one who seals its rows anew.
const SEALED: [(&str, Reseal); 5] = [
    ("certificates", reseal_certificates),
    ("credentials", reseal_credentials),
    ("secrets", reseal_secrets),
    ("user_records", reseal_records),
    ("users", reseal_users),
];

type Reseal = fn(&Connection, &SealingKey, &SealingKey) -> Result<usize, Failure>;

/// Seals the store in the file `path` with another key; gives how many secrets are sealed anew. It blocks on the disk.
///
/// Whoever is killed at any point leaves a store that opens with the same [`KeySource`] as before, or, if that is not
/// the file that the new key is kept in, with the new one once this has returned. Other processes that have the store
/// open go on: they find the new key by themselves if it is in their key file; else what is sealed is closed to them, and
/// they write nothing with the old key.
///
/// Backups that were made before still need the old key.
///
/// # Errors
/// As [`open`](crate::open::open); the store is as before then.
pub fn rekey(path: &Path, current: KeySource, new: NewKey, options: &Options) -> Result<usize, StoreError> {
    check_place(path)?;
    let about = |failure: Failure| failure.about(path);
    let connection = schema::connect(path, options.busy_timeout).map_err(about)?;
    schema::check(&connection, path).map_err(about)?;
    // Pages that held the old ciphertexts are overwritten: the old key may be known to somebody.
    connection.pragma_update(None, "secure_delete", "ON").map_err(Failure::from).map_err(about)?;
    let old_file = match &current {
        KeySource::File(file) => Some(file.clone()),
        KeySource::Key(_) | KeySource::Passphrase(_) => None,
    };
    let new_file = match &new {
        NewKey::File(file) => Some(file.clone()),
        NewKey::Key(_) | NewKey::Passphrase(_) => None,
    };
    let resealed = in_one_transaction(&connection, path, current, new).map_err(about)?;
    if let Some(file) = &new_file {
        arrive(file)?;
    }
    if let Some(file) = old_file.filter(|old| new_file.as_ref() != Some(old)) {
        // It opens nothing any more, and would only be taken for the one that does.
        fs::remove_file(&file).map_err(|error| unusable(&file, error))?;
    }
    // The log holds the old ciphertexts, too. That it cannot be emptied while others read is no failure.
    let _ = connection.pragma_update_and_check(None, "wal_checkpoint", "TRUNCATE", |_| Ok(()));
    Ok(resealed)
}

fn in_one_transaction(connection: &Connection, path: &Path, current: KeySource, new: NewKey) -> Result<usize, Failure> {
    // Nobody else writes from here on, nor seals anew.
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let done = write(connection, path, current, new).and_then(|resealed| {
        connection.execute_batch("COMMIT")?;
        Ok(resealed)
    });
    if done.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    done
}

fn write(connection: &Connection, path: &Path, current: KeySource, new: NewKey) -> Result<usize, Failure> {
    let old = choose(connection, path, current)?;
    let (key, stretch) = made(new)?;
    let mut resealed = 0;
    for (_, reseal) in SEALED {
        resealed += reseal(connection, &old, &key)?;
    }
    let canary = key.seal(&CANARY, &Secret::from("canary"))?;
    connection.execute("UPDATE meta SET value = ?1 WHERE name = 'canary'", [canary])?;
    connection.execute("DELETE FROM meta WHERE name = 'stretch'", [])?;
    schema::keep_stretch(connection, stretch.as_ref())?;
    connection.execute("UPDATE meta SET value = value + 1 WHERE name = 'revision'", [])?;
    Ok(resealed)
}

/// The new key; one for a file is on the disk when this returns, beside the name that it will have.
fn made(new: NewKey) -> Result<(SealingKey, Option<Stretch>), StoreError> {
    match new {
        NewKey::Key(key) => Ok((key, None)),
        NewKey::Passphrase(passphrase) => {
            let stretch = Stretch::fresh()?;
            Ok((SealingKey::from_bytes(stretch.key(&passphrase)?.as_slice())?, Some(stretch)))
        }
        NewKey::File(file) => {
            let next = next_to(&file);
            // One that is left over was never used: `choose` would have given it its name.
            match fs::remove_file(&next) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(unusable(&next, error));
                }
                _ => {}
            }
            let text = SealingKey::fresh_text()?;
            publish(&next, text.as_bytes())?;
            Ok((SealingKey::from_env_text(&text)?, None))
        }
    }
}

/// The values of a key column.
fn keys<T: rusqlite::types::FromSql>(connection: &Connection, sql: &str) -> Result<Vec<T>, Failure> {
    let mut statement = connection.prepare(sql)?;
    Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

fn reseal_users(connection: &Connection, old: &SealingKey, new: &SealingKey) -> Result<usize, Failure> {
    let names: Vec<String> = keys(connection, "SELECT name FROM users WHERE secret IS NOT NULL")?;
    for name in &names {
        let sql = "SELECT name, password_hash, secret FROM users WHERE name = ?1";
        let user = connection.prepare_cached(sql)?.query_row([name], UserRow::read)?.open(old)?;
        let row = UserRow::seal(user, new)?;
        connection
            .prepare_cached("UPDATE users SET secret = ?2 WHERE name = ?1")?
            .execute(params![name, row.secret])?;
    }
    Ok(names.len())
}

fn reseal_records(connection: &Connection, old: &SealingKey, new: &SealingKey) -> Result<usize, Failure> {
    let users: Vec<String> = keys(connection, "SELECT DISTINCT user FROM user_records")?;
    let mut resealed = 0;
    for user in &users {
        let sql = "SELECT kind, alias, secret FROM user_records WHERE user = ?1";
        let rows: Vec<RecordRow> =
            connection.prepare_cached(sql)?.query_map([user], RecordRow::read)?.collect::<Result<_, _>>()?;
        for row in rows {
            let row = RecordRow::seal(user, row.open(user, old)?, new)?;
            let sql = "UPDATE user_records SET secret = ?3 WHERE user = ?1 AND kind = ?2";
            connection.prepare_cached(sql)?.execute(params![user, row.kind, row.secret])?;
            resealed += 1;
        }
    }
    Ok(resealed)
}

fn reseal_credentials(connection: &Connection, old: &SealingKey, new: &SealingKey) -> Result<usize, Failure> {
    let names: Vec<String> = keys(connection, "SELECT name FROM credentials")?;
    for name in &names {
        let sql = "SELECT name, user, scheme, scope, secret FROM credentials WHERE name = ?1";
        let stored = connection.prepare_cached(sql)?.query_row([name], CredentialRow::read)?.open(old)?;
        let row = CredentialRow::seal(stored, new)?;
        let sql = "UPDATE credentials SET secret = ?2 WHERE name = ?1";
        connection.prepare_cached(sql)?.execute(params![name, row.secret])?;
    }
    Ok(names.len())
}

fn reseal_certificates(connection: &Connection, old: &SealingKey, new: &SealingKey) -> Result<usize, Failure> {
    let fingerprints: Vec<[u8; 32]> = keys(connection, "SELECT fingerprint FROM certificates")?;
    for fingerprint in &fingerprints {
        let sql = "SELECT fingerprint, chain, secret FROM certificates WHERE fingerprint = ?1";
        let stored = connection.prepare_cached(sql)?.query_row([fingerprint], CertificateRow::read)?.open(old)?;
        let row = CertificateRow::seal(&stored, new)?;
        let sql = "UPDATE certificates SET secret = ?2 WHERE fingerprint = ?1";
        connection.prepare_cached(sql)?.execute(params![fingerprint, row.secret])?;
    }
    Ok(fingerprints.len())
}

fn reseal_secrets(connection: &Connection, old: &SealingKey, new: &SealingKey) -> Result<usize, Failure> {
    let names: Vec<String> = keys(connection, "SELECT name FROM secrets")?;
    for name in &names {
        let sql = "SELECT secret FROM secrets WHERE name = ?1";
        let value: Vec<u8> = connection.prepare_cached(sql)?.query_row([name], |row| row.get(0))?;
        let place = secret_place(name);
        let value = new.seal(&place, &old.open(&place, &value)?)?;
        let sql = "UPDATE secrets SET secret = ?2 WHERE name = ?1";
        connection.prepare_cached(sql)?.execute(params![name, value])?;
    }
    Ok(names.len())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Whoever adds a sealed column has to seal it anew here.
    #[test]
    fn no_sealed_column_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let key = KeySource::Key(SealingKey::from_bytes(&[7; 32]).unwrap());
        drop(crate::open::open(&path, key, &Options::default()).unwrap());
        let connection = Connection::open(&path).unwrap();
        let sql = "SELECT t.name || '.' || c.name FROM sqlite_schema t, pragma_table_info(t.name) c \
                   WHERE t.type = 'table' AND c.type = 'BLOB'";
        let columns: BTreeSet<String> = keys(&connection, sql).unwrap().into_iter().collect();
        let open = ["bindings.application", "bindings.authorities", "bindings.certificate", "certificates.chain"];
        let open = open.into_iter().chain(["certificates.fingerprint", "meta.value"]).map(str::to_owned);
        let sealed = SEALED.iter().map(|(table, _)| format!("{table}.secret"));
        assert_eq!(columns, open.chain(sealed).collect());
    }
}
