//! What the store keeps of certificates and bindings, for the verbs.

use gatepost::model::binding::{Binding, BindingKey};
use gatepost::store::store::{KnownCertificate, Store, StoredCertificate};
use gatepost::tls::certificate::Certificate;

use super::facts::hex;
use crate::error::CliError;
use crate::runtime;

/// All bindings.
pub(super) fn bindings(store: &dyn Store) -> Result<Vec<Binding>, CliError> {
    runtime::block_on(async { store.bindings().await.map_err(|error| gatepost::Error::from(error).into()) })
}

/// All certificates.
pub(super) fn certificates(store: &dyn Store) -> Result<Vec<KnownCertificate>, CliError> {
    runtime::block_on(async { store.certificates().await.map_err(|error| gatepost::Error::from(error).into()) })
}

/// The binding of that key.
pub(super) fn binding(store: &dyn Store, key: &BindingKey) -> Result<Binding, CliError> {
    let found = bindings(store)?.into_iter().find(|binding| binding.key == *key);
    found.ok_or_else(|| unbound(key))
}

/// Nothing is bound there.
pub(super) fn unbound(key: &BindingKey) -> CliError {
    CliError::Missing {
        what: format!("binding of {key}"),
        hint: Some("`gatepost cert list` shows what is bound".into()),
    }
}

/// The certificate of that hash, with its key.
pub(super) fn by_hash(store: &dyn Store, hash: &str) -> Result<StoredCertificate, CliError> {
    let mut found = certificates(store)?.into_iter().filter(|known| has_hash(known, hash));
    let hint = || Some("`gatepost cert list` shows what is bound; a file is named by its path".into());
    let missing = || CliError::Missing { what: format!("certificate `{hash}`"), hint: hint() };
    let (Some(one), None) = (found.next(), found.next()) else { return Err(missing()) };
    let stored = runtime::block_on(async {
        store.certificate(one.fingerprint).await.map_err(|error| gatepost::Error::from(error).into())
    })?;
    stored.ok_or_else(missing)
}

/// Whether a hash is this certificate's: SHA-256 or SHA-1, in hexadecimal, whole or the beginning of it.
pub(super) fn has_hash(known: &KnownCertificate, hash: &str) -> bool {
    let wanted = plain_hash(hash);
    let Some(facts) = leaf(known).filter(|_| wanted.len() >= 4) else { return false };
    hex(&facts.fingerprint).starts_with(&wanted) || hex(&facts.thumbprint).starts_with(&wanted)
}

/// A hash as people copy it: colons, blanks and capitals mean nothing.
pub(super) fn plain_hash(hash: &str) -> String {
    hash.chars().filter(char::is_ascii_hexdigit).collect::<String>().to_ascii_lowercase()
}

/// The facts of its leaf.
pub(super) fn leaf(known: &KnownCertificate) -> Option<Certificate> {
    Certificate::parse(known.chain.first()?).ok()
}
