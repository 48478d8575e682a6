//! Which key opens a store, and how a key file gives way to the next one.
//!
//! A new key is on the disk, beside the old one, before any row is sealed with it; it takes the old one's name after all
//! rows are. Whoever is killed in between leaves two files, and the store itself says which of them holds.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension};

use crate::error::StoreError;
use crate::key_source::KeySource;
use crate::publish::replace;
use crate::queue::Failure;
use crate::schema::{opens, stretch_of};
use crate::seal::{SealingKey, sealed};

/// The key that the store was sealed with last, out of what its source holds. A key file that was on its way to its name
/// arrives there.
pub(crate) fn choose(connection: &Connection, path: &Path, source: KeySource) -> Result<SealingKey, Failure> {
    let wrong = || Failure::from(sealed(format!("all of {}", path.display())));
    match source {
        KeySource::Key(key) => match opens(connection, path, &key)? {
            true => Ok(key),
            false => Err(wrong()),
        },
        KeySource::Passphrase(passphrase) => {
            let no_passphrase = || sealed(format!("all of {}: no passphrase was ever set for it", path.display()));
            let stretch = stretch_of(connection, path)?.ok_or_else(no_passphrase)?;
            let key = SealingKey::from_bytes(stretch.key(&passphrase)?.as_slice())?;
            if opens(connection, path, &key)? { Ok(key) } else { Err(wrong()) }
        }
        KeySource::File(file) => of_file(connection, path, &file),
    }
}

fn of_file(connection: &Connection, path: &Path, file: &Path) -> Result<SealingKey, Failure> {
    let key = SealingKey::load(file)?;
    let found = key.is_some();
    if let Some(key) = key
        && opens(connection, path, &key)?
    {
        return Ok(key);
    }
    if let Some(key) = SealingKey::load(&next_to(file))?
        && opens(connection, path, &key)?
    {
        arrive(file)?;
        return Ok(key);
    }
    let what = match found {
        true => format!("all of {}", path.display()),
        false => format!("all of {}: there is no key file {}", path.display(), file.display()),
    };
    Err(sealed(what).into())
}

/// Where the next key of a key file waits for its name.
pub(crate) fn next_to(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".next");
    PathBuf::from(name)
}

/// Gives the next key its name.
pub(crate) fn arrive(file: &Path) -> Result<(), StoreError> {
    match replace(&next_to(file), file) {
        // Somebody else was faster: what it waited for has happened.
        Err(_) if !next_to(file).exists() && file.exists() => Ok(()),
        done => done,
    }
}

/// Whether this key is the one that the rows are sealed with, without opening anything: for a write, inside its
/// transaction.
pub(crate) fn check_current(connection: &Connection, key: &SealingKey) -> Result<(), Failure> {
    let sql = "SELECT value FROM meta WHERE name = 'canary'";
    let canary: Option<Vec<u8>> = connection.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?;
    match canary.is_some_and(|canary| key.made(&canary)) {
        true => Ok(()),
        false => Err(sealed("the store: it was sealed anew meanwhile").into()),
    }
}
