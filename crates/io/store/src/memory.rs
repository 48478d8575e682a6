//! The memory backend: for tests, and for what may be lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::ready;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use gatepost_model::application::ApplicationId;
use gatepost_model::binding::{Binding, BindingKey};
use gatepost_model::credential::Means;
use gatepost_model::secret::Secret;
use gatepost_model::time::Timestamp;

use crate::bindings::{as_expected, of_owner, unbound};
use crate::error::StoreError;
use crate::rows::{exists, hex, missing, unkept};
use crate::store::{KnownCertificate, Owner, Pending, Store, StoredCertificate, StoredCredential, User, UserRecord};

/// A store that ends with the process. Nothing is sealed, because nothing is written.
///
/// It acts when it is called, and not when the future is first polled.
#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
    /// Raised under the lock of the state, read without.
    revision: AtomicU64,
}

#[derive(Default)]
struct State {
    users: BTreeMap<String, User>,
    credentials: BTreeMap<String, StoredCredential>,
    certificates: BTreeMap<[u8; 32], StoredCertificate>,
    bindings: BTreeMap<BindingKey, Binding>,
    /// Drawn when it is first asked for.
    application: Option<ApplicationId>,
    secrets: BTreeMap<String, Secret>,
    first_uses: BTreeMap<String, Timestamp>,
    /// The same records by their end, for the sweep.
    ends: BTreeSet<(Timestamp, String)>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn read<T: Send + 'static>(&self, read: impl FnOnce(&State) -> T) -> Pending<'_, T> {
        Box::pin(ready(Ok(read(&self.lock()))))
    }

    /// A write that raises the revision if it succeeds.
    fn change(&self, change: impl FnOnce(&mut State) -> Result<(), StoreError>) -> Pending<'_, ()> {
        let mut state = self.lock();
        let done = change(&mut state);
        if done.is_ok() {
            self.revision.fetch_add(1, Ordering::Release);
        }
        Box::pin(ready(done))
    }

    /// A panic elsewhere leaves the maps whole: every change is one insertion or removal.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryStore")
    }
}

impl State {
    fn know(&self, binding: &Binding) -> Result<(), StoreError> {
        match binding.certificate() {
            Some(certificate) if !self.certificates.contains_key(&certificate) => {
                Err(missing("certificate", &hex(&certificate)))
            }
            _ => Ok(()),
        }
    }

    fn bound(&self, key: &BindingKey) -> Result<&Binding, StoreError> {
        self.bindings.get(key).ok_or_else(|| unbound(key))
    }

    fn first_use(&mut self, key: &str, until: Timestamp, now: Timestamp) -> bool {
        while let Some((end, _)) = self.ends.first()
            && *end < now
            && let Some((_, past)) = self.ends.pop_first()
        {
            self.first_uses.remove(&past);
        }
        if self.first_uses.contains_key(key) {
            return false;
        }
        self.first_uses.insert(key.to_owned(), until);
        self.ends.insert((until, key.to_owned()));
        true
    }
}

impl Store for MemoryStore {
    fn add_user(&self, mut user: User) -> Pending<'_, ()> {
        user.records.sort_by(|one, other| one.kind.cmp(&other.kind));
        self.change(|state| {
            if state.users.contains_key(&user.name) {
                return Err(exists("user", &user.name));
            }
            state.users.insert(user.name.clone(), user);
            Ok(())
        })
    }

    fn user(&self, name: &str) -> Pending<'_, Option<User>> {
        self.read(|state| state.users.get(name).cloned())
    }

    fn user_called(&self, kind: &str, alias: &str) -> Pending<'_, Option<String>> {
        self.read(|state| {
            let is_it = |record: &UserRecord| record.kind == kind && record.alias.as_deref() == Some(alias);
            let mut users = state.users.values();
            users.find(|user| user.records.iter().any(is_it)).map(|user| user.name.clone())
        })
    }

    fn user_names(&self) -> Pending<'_, Vec<String>> {
        self.read(|state| state.users.keys().cloned().collect())
    }

    fn remove_user(&self, name: &str) -> Pending<'_, ()> {
        self.change(|state| state.users.remove(name).map(drop).ok_or_else(|| missing("user", name)))
    }

    fn add_credential(&self, credential: StoredCredential) -> Pending<'_, ()> {
        self.change(|state| {
            if state.credentials.contains_key(&credential.name) {
                return Err(exists("credential", &credential.name));
            }
            if credential.credential.means != Means::Secret {
                return Err(unkept(&credential.name));
            }
            state.credentials.insert(credential.name.clone(), credential);
            Ok(())
        })
    }

    fn credential(&self, name: &str) -> Pending<'_, Option<StoredCredential>> {
        self.read(|state| state.credentials.get(name).cloned())
    }

    fn credentials(&self) -> Pending<'_, Vec<StoredCredential>> {
        self.read(|state| state.credentials.values().cloned().collect())
    }

    fn remove_credential(&self, name: &str) -> Pending<'_, ()> {
        self.change(|state| state.credentials.remove(name).map(drop).ok_or_else(|| missing("credential", name)))
    }

    fn put_certificate(&self, certificate: StoredCertificate) -> Pending<'_, ()> {
        self.change(|state| {
            state.certificates.insert(certificate.fingerprint, certificate);
            Ok(())
        })
    }

    fn certificate(&self, fingerprint: [u8; 32]) -> Pending<'_, Option<StoredCertificate>> {
        self.read(|state| state.certificates.get(&fingerprint).cloned())
    }

    fn certificates(&self) -> Pending<'_, Vec<KnownCertificate>> {
        let known =
            |kept: &StoredCertificate| KnownCertificate { fingerprint: kept.fingerprint, chain: kept.chain.clone() };
        self.read(|state| state.certificates.values().map(known).collect())
    }

    fn application(&self) -> Pending<'_, ApplicationId> {
        let mut state = self.lock();
        let mut octets = [0; 16];
        let drawn = getrandom::fill(&mut octets);
        let drawn = drawn.map_err(|error| StoreError::Unusable { path: "memory".into(), detail: error.to_string() });
        Box::pin(ready(drawn.map(|()| *state.application.get_or_insert(ApplicationId::random(octets)))))
    }

    fn add_binding(&self, binding: Binding) -> Pending<'_, ()> {
        self.change(|state| {
            state.know(&binding)?;
            if state.bindings.contains_key(&binding.key) {
                return Err(exists("binding", &binding.key.to_string()));
            }
            state.bindings.insert(binding.key.clone(), binding);
            Ok(())
        })
    }

    fn put_binding(&self, binding: Binding) -> Pending<'_, ()> {
        self.change(|state| {
            state.know(&binding)?;
            state.bindings.insert(binding.key.clone(), binding);
            Ok(())
        })
    }

    fn update_binding(&self, binding: Binding, expected: &Binding) -> Pending<'_, ()> {
        self.change(|state| {
            state.know(&binding)?;
            as_expected(state.bound(&binding.key)?, expected)?;
            state.bindings.insert(binding.key.clone(), binding);
            Ok(())
        })
    }

    fn bindings(&self) -> Pending<'_, Vec<Binding>> {
        self.read(|state| state.bindings.values().cloned().collect())
    }

    fn remove_binding(&self, key: &BindingKey, owner: Owner) -> Pending<'_, ()> {
        self.change(|state| {
            of_owner(state.bound(key)?, owner)?;
            state.bindings.remove(key);
            Ok(())
        })
    }

    fn put_secret(&self, name: &str, secret: Secret) -> Pending<'_, ()> {
        self.change(|state| {
            state.secrets.insert(name.to_owned(), secret);
            Ok(())
        })
    }

    fn secret(&self, name: &str) -> Pending<'_, Option<Secret>> {
        self.read(|state| state.secrets.get(name).cloned())
    }

    fn first_use(&self, key: &str, until: Timestamp, now: Timestamp) -> Pending<'_, bool> {
        Box::pin(ready(Ok(self.lock().first_use(key, until, now))))
    }

    fn revision(&self) -> Pending<'_, u64> {
        Box::pin(ready(Ok(self.known_revision())))
    }

    fn known_revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }
}
