//! The contract of a store, and the rows that it keeps.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use gatepost_model::application::ApplicationId;
use gatepost_model::binding::{Binding, BindingKey};
use gatepost_model::credential::Credential;
use gatepost_model::secret::Secret;
use gatepost_model::time::Timestamp;

use crate::error::StoreError;

/// The future that every operation returns.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Someone who may come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name, compared octet by octet.
    pub name: String,
    /// The password's Argon2id hash in PHC form.
    pub password_hash: String,
    /// The password itself, sealed at rest, for schemes that compute with it (WSSE). `None` unless
    /// the operator asked for it.
    pub secret: Option<Secret>,
    /// What single schemes compute with, in the order of their kinds.
    pub records: Vec<UserRecord>,
}

/// What one scheme computes with in the place of a user's password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// Which scheme, and under which terms. A user has one record of a kind.
    pub kind: String,
    /// What the user may be called instead of its name, for a scheme that knows such names.
    pub alias: Option<String>,
    /// The record; sealed at rest.
    pub secret: Secret,
}

/// A credential under a name, for going out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCredential {
    /// The name that `--credential` takes.
    pub name: String,
    /// The credential; its secret is sealed at rest.
    pub credential: Credential,
}

/// A certificate chain with its private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCertificate {
    /// SHA-256 of the leaf's DER: its identity.
    pub fingerprint: [u8; 32],
    /// The chain in DER, leaf first.
    pub chain: Vec<Vec<u8>>,
    /// The private key as PKCS#8 DER, sealed at rest.
    pub key: Secret,
}

/// A certificate chain without its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownCertificate {
    /// SHA-256 of the leaf's DER: its identity.
    pub fingerprint: [u8; 32],
    /// The chain in DER, leaf first.
    pub chain: Vec<Vec<u8>>,
}

/// Whose binding it has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// This application's.
    Is(ApplicationId),
    /// Anybody's.
    Anyone,
}

/// What Gatepost keeps. An operation that has returned `Ok` survives `kill -9`.
///
/// *Add* never overwrites ([`StoreError::Exists`]); *put* does; *remove* of a missing row is
/// [`StoreError::Missing`].
pub trait Store: Debug + Send + Sync + 'static {
    /// Adds a user.
    fn add_user(&self, user: User) -> Pending<'_, ()>;
    /// The user of that name.
    fn user(&self, name: &str) -> Pending<'_, Option<User>>;
    /// The name of the user that has a record of this kind with this alias.
    fn user_called(&self, kind: &str, alias: &str) -> Pending<'_, Option<String>>;
    /// All user names, sorted.
    fn user_names(&self) -> Pending<'_, Vec<String>>;
    /// Removes a user.
    fn remove_user(&self, name: &str) -> Pending<'_, ()>;

    /// Adds a credential.
    fn add_credential(&self, credential: StoredCredential) -> Pending<'_, ()>;
    /// Adds credentials, all of them or none.
    fn add_credentials(&self, credentials: Vec<StoredCredential>) -> Pending<'_, ()>;
    /// The credential of that name.
    fn credential(&self, name: &str) -> Pending<'_, Option<StoredCredential>>;
    /// All credentials, sorted by name.
    fn credentials(&self) -> Pending<'_, Vec<StoredCredential>>;
    /// Removes a credential.
    fn remove_credential(&self, name: &str) -> Pending<'_, ()>;

    /// Keeps a certificate; the same one twice is one.
    fn put_certificate(&self, certificate: StoredCertificate) -> Pending<'_, ()>;
    /// The certificate with that fingerprint.
    fn certificate(&self, fingerprint: [u8; 32]) -> Pending<'_, Option<StoredCertificate>>;
    /// All certificates, sorted by fingerprint.
    fn certificates(&self) -> Pending<'_, Vec<KnownCertificate>>;

    /// The identity of this installation: what its own bindings belong to. Drawn once, and kept.
    fn application(&self) -> Pending<'_, ApplicationId>;
    /// Adds a binding; its certificate must be there.
    fn add_binding(&self, binding: Binding) -> Pending<'_, ()>;
    /// Adds a binding or replaces the one that has its key.
    fn put_binding(&self, binding: Binding) -> Pending<'_, ()>;
    /// Replaces the binding that has its key, in one step; its certificate must be there. Only if that one is
    /// `expected` in all that it says, its terms as well: else [`StoreError::Changed`].
    fn update_binding(&self, binding: Binding, expected: &Binding) -> Pending<'_, ()>;
    /// All bindings, sorted by key.
    fn bindings(&self) -> Pending<'_, Vec<Binding>>;
    /// Removes a binding; its certificate stays. One that is not its `owner`'s stays, too:
    /// [`StoreError::NotOwned`].
    fn remove_binding(&self, key: &BindingKey, owner: Owner) -> Pending<'_, ()>;

    /// Keeps a named secret of our own: the local CA's key, the local issuer's key.
    fn put_secret(&self, name: &str, secret: Secret) -> Pending<'_, ()>;
    /// The named secret.
    fn secret(&self, name: &str) -> Pending<'_, Option<Secret>>;

    /// Records that `key` is used, to be remembered until `until`; true if it was not recorded
    /// before. One atomic step; durable before it returns. Records whose time is past at `now` are
    /// swept.
    fn first_use(&self, key: &str, until: Timestamp, now: Timestamp) -> Pending<'_, bool>;

    /// A number that changes whenever anything but a first use changed, in any process: compare it
    /// with the last one to know whether what was read before still holds.
    fn revision(&self) -> Pending<'_, u64>;

    /// The newest revision that this process knows, without asking anybody: one load of a number that only grows.
    ///
    /// A change that was made through this store is in it as soon as the change has returned. One by another
    /// process is in it after the next [`revision`](Self::revision).
    fn known_revision(&self) -> u64;
}
