//! Bindings as rows: how they are written, compared, swapped and removed.

use gatepost_model::application::ApplicationId;
use gatepost_model::binding::{Answer, Binding, BindingKey};
use gatepost_model::terms::Terms;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::StoreError;
use crate::queue::Failure;
use crate::rows::{exists, hex, join, missing, split};
use crate::store::Owner;

const COLUMNS: &str = "kind, host, port, answer, certificate, directory, application, terms, authorities";

/// What happens to a row that has the key already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Twin {
    /// It stays, and the new one is refused.
    Stays,
    /// It gives way.
    GivesWay,
}

/// Writes a row.
pub(crate) fn keep(connection: &Connection, binding: &Binding, twin: Twin) -> Result<(), Failure> {
    know(connection, binding)?;
    if twin == Twin::Stays && row(connection, &binding.key)?.is_some() {
        return Err(exists("binding", &binding.key.to_string()).into());
    }
    write(connection, binding)
}

/// Replaces the row of that key, if it is what was expected.
pub(crate) fn update(connection: &Connection, binding: &Binding, expected: &Binding) -> Result<(), Failure> {
    know(connection, binding)?;
    let found = row(connection, &binding.key)?.ok_or_else(|| unbound(&binding.key))?;
    as_expected(&found, expected)?;
    write(connection, binding)
}

/// Removes the row of that key, if it is the owner's.
pub(crate) fn remove(connection: &Connection, key: &BindingKey, owner: Owner) -> Result<(), Failure> {
    let found = row(connection, key)?.ok_or_else(|| unbound(key))?;
    of_owner(&found, owner)?;
    let (kind, host, port) = columns(key);
    let sql = "DELETE FROM bindings WHERE kind = ?1 AND host = ?2 AND port = ?3";
    connection.prepare_cached(sql)?.execute(params![kind, host, port])?;
    Ok(())
}

/// All rows, sorted by key.
pub(crate) fn all(connection: &Connection) -> Result<Vec<Binding>, Failure> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM bindings"))?;
    let mut bindings = statement.query_map([], read)?.collect::<Result<Vec<_>, _>>()?;
    bindings.sort_by(|left, right| left.key.cmp(&right.key));
    Ok(bindings)
}

/// The identity of this installation, drawn when the store was made.
pub(crate) fn application(connection: &Connection) -> Result<ApplicationId, Failure> {
    let sql = "SELECT value FROM meta WHERE name = 'application'";
    let octets = connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    Ok(ApplicationId::from_octets(octets))
}

pub(crate) fn unbound(key: &BindingKey) -> StoreError {
    missing("binding", &key.to_string())
}

/// Whether the row still is what whoever replaces it has seen.
pub(crate) fn as_expected(found: &Binding, expected: &Binding) -> Result<(), StoreError> {
    if found == expected {
        return Ok(());
    }
    let answer = match &found.answer {
        Answer::Certificate(certificate) => hex(certificate),
        Answer::Reject(_) => "the end of the connection".to_owned(),
        Answer::Directory(path) => format!("the directory {path}"),
    };
    let same = found.answer == expected.answer;
    let found_now = if same { format!("{answer}, on other terms or for another application,") } else { answer };
    Err(StoreError::Changed { what: format!("binding {:?}", found.key.to_string()), found: found_now })
}

/// Whether the row is the owner's.
pub(crate) fn of_owner(found: &Binding, owner: Owner) -> Result<(), StoreError> {
    match owner {
        Owner::Is(application) if found.application != application => Err(StoreError::NotOwned {
            what: format!("binding {:?}", found.key.to_string()),
            owner: found.application.to_string(),
        }),
        _ => Ok(()),
    }
}

/// The certificate that a binding names must be there.
fn know(connection: &Connection, binding: &Binding) -> Result<(), Failure> {
    let Some(certificate) = binding.certificate() else { return Ok(()) };
    let known = "SELECT 1 FROM certificates WHERE fingerprint = ?1";
    if !connection.prepare_cached(known)?.exists(params![certificate])? {
        return Err(missing("certificate", &hex(&certificate)).into());
    }
    Ok(())
}

fn write(connection: &Connection, binding: &Binding) -> Result<(), Failure> {
    let (kind, host, port) = columns(&binding.key);
    let (answer, directory) = match &binding.answer {
        Answer::Reject(_) => ("reject", None),
        Answer::Directory(path) => ("directory", Some(path)),
        Answer::Certificate(_) => ("certificate", None),
    };
    let sql = format!("INSERT OR REPLACE INTO bindings ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    let (certificate, application) = (binding.certificate(), binding.application.octets());
    let (terms, authorities) = (binding.terms.to_text(), join(&binding.terms.client_authorities));
    let row = params![kind, host, port, answer, certificate, directory, application, terms, authorities];
    connection.prepare_cached(&sql)?.execute(row)?;
    Ok(())
}

fn row(connection: &Connection, key: &BindingKey) -> Result<Option<Binding>, Failure> {
    let (kind, host, port) = columns(key);
    let sql = format!("SELECT {COLUMNS} FROM bindings WHERE kind = ?1 AND host = ?2 AND port = ?3");
    Ok(connection.prepare_cached(&sql)?.query_row(params![kind, host, port], read).optional()?)
}

/// The key of a binding as its columns: kind, host, port.
fn columns(key: &BindingKey) -> (&'static str, String, u16) {
    match key {
        BindingKey::Host { host, port } => ("host", host.clone(), *port),
        BindingKey::Any { port } => ("any", "*".to_owned(), *port),
        // The whole address stands in `host`, for the zone of a link-local one.
        other => ("address", other.to_string(), 0),
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Binding> {
    let (kind, host, port) = (row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get(2)?);
    let key = match kind.as_str() {
        "host" => BindingKey::Host { host, port },
        "any" => BindingKey::Any { port },
        _ => BindingKey::Address(host.parse().map_err(|error: std::net::AddrParseError| unreadable(1, error))?),
    };
    let certificate: Option<[u8; 32]> = row.get(4)?;
    let answer = match (row.get::<_, String>(3)?.as_str(), certificate) {
        ("certificate", Some(certificate)) => Answer::Certificate(certificate),
        ("directory", _) => Answer::Directory(row.get(5)?),
        // A row that contradicts itself shows nothing.
        _ => Answer::Reject(certificate),
    };
    let mut terms = Terms::from_text(&row.get::<_, String>(7)?).map_err(|error| unreadable(7, error))?;
    let authorities: Vec<u8> = row.get(8)?;
    terms.client_authorities =
        split(&authorities).ok_or_else(|| unreadable(8, std::io::Error::other("it is cut off")))?;
    Ok(Binding { key, answer, application: ApplicationId::from_octets(row.get(6)?), terms })
}

fn unreadable(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}
