//! Rows as they stand on the disk, and the way between them and the values of the trait.

use gatepost_model::credential::{Credential, Means};
use gatepost_model::scope::Scope;
use gatepost_model::secret::Secret;
use rusqlite::Row;

use crate::error::StoreError;
use crate::seal::{Place, SealingKey};
use crate::store::{KnownCertificate, StoredCertificate, StoredCredential, User, UserRecord};

pub(crate) fn exists(kind: &str, name: &str) -> StoreError {
    StoreError::Exists { what: format!("{kind} {name:?}") }
}

pub(crate) fn missing(kind: &str, name: &str) -> StoreError {
    StoreError::Missing { what: format!("{kind} {name:?}") }
}

pub(crate) fn unkept(credential: &str) -> StoreError {
    StoreError::Unkept { what: format!("credential {credential:?}") }
}

/// A row of `users`.
pub(crate) struct UserRow {
    pub(crate) name: String,
    pub(crate) password_hash: String,
    pub(crate) secret: Option<Vec<u8>>,
    pub(crate) records: Vec<RecordRow>,
}

impl UserRow {
    pub(crate) fn seal(user: User, key: &SealingKey) -> Result<Self, StoreError> {
        let User { name, password_hash, secret, records } = user;
        let secret = secret.map(|secret| key.seal(&user_place(&name), &secret)).transpose()?;
        let records =
            records.into_iter().map(|record| RecordRow::seal(&name, record, key)).collect::<Result<_, _>>()?;
        Ok(Self { name, password_hash, secret, records })
    }

    /// Without its records, which stand in rows of their own.
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { name: row.get(0)?, password_hash: row.get(1)?, secret: row.get(2)?, records: Vec::new() })
    }

    pub(crate) fn open(self, key: &SealingKey) -> Result<User, StoreError> {
        let Self { name, password_hash, secret, records } = self;
        let secret = secret.map(|value| key.open(&user_place(&name), &value)).transpose()?;
        let records = records.into_iter().map(|row| row.open(&name, key)).collect::<Result<_, _>>()?;
        Ok(User { name, password_hash, secret, records })
    }
}

/// A row of `user_records`, without its user.
pub(crate) struct RecordRow {
    pub(crate) kind: String,
    pub(crate) alias: Option<String>,
    pub(crate) secret: Vec<u8>,
}

impl RecordRow {
    fn seal(user: &str, record: UserRecord, key: &SealingKey) -> Result<Self, StoreError> {
        let UserRecord { kind, alias, secret } = record;
        let also = [Some(kind.as_str()), alias.as_deref()];
        let secret = key.seal(&Place { kind: "user record", name: user, also: &also }, &secret)?;
        Ok(Self { kind, alias, secret })
    }

    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { kind: row.get(0)?, alias: row.get(1)?, secret: row.get(2)? })
    }

    fn open(self, user: &str, key: &SealingKey) -> Result<UserRecord, StoreError> {
        let Self { kind, alias, secret } = self;
        let also = [Some(kind.as_str()), alias.as_deref()];
        let secret = key.open(&Place { kind: "user record", name: user, also: &also }, &secret)?;
        Ok(UserRecord { kind, alias, secret })
    }
}

/// A row of `credentials`.
pub(crate) struct CredentialRow {
    pub(crate) name: String,
    pub(crate) user: String,
    pub(crate) scheme: Option<String>,
    pub(crate) scope: Option<Scoped>,
    pub(crate) secret: Vec<u8>,
}

impl CredentialRow {
    pub(crate) fn seal(stored: StoredCredential, key: &SealingKey) -> Result<Self, StoreError> {
        let Credential { user, secret, scheme, scope, means } = stored.credential;
        if means != Means::Secret {
            return Err(unkept(&stored.name));
        }
        let mut row = Self { name: stored.name, user, scheme, scope: scope.map(Scoped), secret: Vec::new() };
        row.secret = row.placed(|place| key.seal(place, &secret))?;
        Ok(row)
    }

    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { name: row.get(0)?, user: row.get(1)?, scheme: row.get(2)?, scope: row.get(3)?, secret: row.get(4)? })
    }

    pub(crate) fn open(self, key: &SealingKey) -> Result<StoredCredential, StoreError> {
        let secret: Secret = self.placed(|place| key.open(place, &self.secret))?;
        let Self { name, user, scheme, scope, .. } = self;
        let scope = scope.map(|Scoped(scope)| scope);
        let credential = Credential { user, secret, scheme, scope, means: Means::Secret };
        Ok(StoredCredential { name, credential })
    }

    /// Where a credential may go is sealed with it: a row whose scope was changed does not open.
    fn placed<T>(&self, with: impl FnOnce(&Place<'_>) -> T) -> T {
        let scope = self.scope.as_ref().map(|Scoped(scope)| scope.to_string());
        let also = [Some(self.user.as_str()), self.scheme.as_deref(), scope.as_deref()];
        with(&Place { kind: "credential", name: &self.name, also: &also })
    }
}

/// A scope as a column.
pub(crate) struct Scoped(Scope);

impl rusqlite::ToSql for Scoped {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(self.0.to_string().into())
    }
}

impl rusqlite::types::FromSql for Scoped {
    fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        Scope::parse(value.as_str()?).map(Self).map_err(rusqlite::types::FromSqlError::other)
    }
}

/// A row of `certificates`.
pub(crate) struct CertificateRow {
    pub(crate) fingerprint: [u8; 32],
    pub(crate) chain: Vec<u8>,
    pub(crate) secret: Vec<u8>,
}

impl CertificateRow {
    pub(crate) fn seal(stored: &StoredCertificate, key: &SealingKey) -> Result<Self, StoreError> {
        let name = hex(&stored.fingerprint);
        let secret = key.seal(&certificate_place(&name), &stored.key)?;
        Ok(Self { fingerprint: stored.fingerprint, chain: join(&stored.chain), secret })
    }

    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { fingerprint: row.get(0)?, chain: row.get(1)?, secret: row.get(2)? })
    }

    pub(crate) fn open(self, key: &SealingKey) -> Result<StoredCertificate, StoreError> {
        let name = hex(&self.fingerprint);
        let place = certificate_place(&name);
        let secret = key.open(&place, &self.secret)?;
        let chain = split(&self.chain).ok_or_else(|| StoreError::Sealed { what: format!("the chain of {place}") })?;
        Ok(StoredCertificate { fingerprint: self.fingerprint, chain, key: secret })
    }
}

/// A row of `certificates` without its key: fingerprint, chain.
pub(crate) fn known_certificate(row: &Row<'_>) -> rusqlite::Result<KnownCertificate> {
    let chain = split(&row.get::<_, Vec<u8>>(1)?).ok_or(rusqlite::Error::InvalidQuery)?;
    Ok(KnownCertificate { fingerprint: row.get(0)?, chain })
}

pub(crate) fn secret_place(name: &str) -> Place<'_> {
    Place { kind: "secret", name, also: &[] }
}

pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn user_place(name: &str) -> Place<'_> {
    Place { kind: "user", name, also: &[] }
}

fn certificate_place(name: &str) -> Place<'_> {
    Place { kind: "certificate", name, also: &[] }
}

/// Each certificate with its length in front, eight octets, the highest first.
pub(crate) fn join(chain: &[Vec<u8>]) -> Vec<u8> {
    let length = |der: &Vec<u8>| u64::try_from(der.len()).unwrap_or(u64::MAX).to_be_bytes();
    chain.iter().flat_map(|der| length(der).into_iter().chain(der.iter().copied())).collect()
}

/// What [`join`] put together; `None` if it was cut.
pub(crate) fn split(mut octets: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut chain = Vec::new();
    while let Some((length, rest)) = octets.split_first_chunk() {
        let (der, rest) = rest.split_at_checked(usize::try_from(u64::from_be_bytes(*length)).ok()?)?;
        chain.push(der.to_vec());
        octets = rest;
    }
    octets.is_empty().then_some(chain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_come_back_and_cut_ones_do_not() {
        for chain in [vec![], vec![vec![1, 2, 3]], vec![vec![], vec![0; 300], vec![9]]] {
            assert_eq!(split(&join(&chain)), Some(chain));
        }
        let octets = join(&[vec![1, 2, 3]]);
        for end in 1..octets.len() {
            assert_eq!(split(&octets[..end]), None, "cut at {end}");
        }
    }
}
