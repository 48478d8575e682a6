//! Credentials, taken from where they are named, and kept while their tickets are good.

use std::ffi::{CStr, CString, OsStr, c_int};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::abi::{ACCEPT, INITIATE, KERBEROS, PRINCIPAL_NAME, SPNEGO};
use crate::error::KerberosError;
use crate::identity::Identity;
use crate::library::held::{Credential, Name};
use crate::library::system::{Library, Wanted};
use crate::mechanism::Mechanism;
use crate::service::Service;
use crate::slot::Slot;
use crate::status::{Stage, named};

/// How many identities keep their tickets at a time; the one that was used least lately goes first.
const KEPT: usize = 32;
/// The longest name of a principal, in octets.
const LONGEST: usize = 512;

/// What names a credential to the library: entries of a `gss_key_value_set`.
type Store = Vec<(&'static CStr, CString)>;

/// The credentials of identities that have to ask the KDC for a ticket first.
#[derive(Default)]
pub(crate) struct Kept(Mutex<Vec<Entry>>);

struct Entry {
    identity: Identity,
    mechanism: Mechanism,
    slot: Arc<Slot<Arc<Credential>>>,
}

impl Kept {
    /// What this identity proves with. May ask the KDC, and block.
    pub(crate) fn credential(
        &self,
        library: &Library,
        identity: &Identity,
        mechanism: Mechanism,
    ) -> Result<Arc<Credential>, KerberosError> {
        // These are read anew each time: others renew them.
        if matches!(identity, Identity::Ambient | Identity::Cache(_)) {
            return acquire(library, identity, mechanism).map(Arc::new);
        }
        let slot = self.slot(identity, mechanism);
        slot.get(slot.seen(), || acquire(library, identity, mechanism).map(Arc::new))
    }

    /// Forgets what did not do.
    pub(crate) fn forget(&self, credential: &Arc<Credential>) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One that is being asked for is another.
        entries.retain(|entry| !entry.slot.holds(|held| Arc::ptr_eq(held, credential)));
    }

    fn slot(&self, identity: &Identity, mechanism: Mechanism) -> Arc<Slot<Arc<Credential>>> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = entries.iter().position(|entry| entry.mechanism == mechanism && entry.identity == *identity);
        let entry = match found {
            Some(index) => entries.remove(index),
            None => Entry { identity: identity.clone(), mechanism, slot: Arc::default() },
        };
        let slot = Arc::clone(&entry.slot);
        entries.insert(0, entry);
        entries.truncate(KEPT);
        slot
    }
}

/// What an acceptor judges with: the keys of this service in this keytab.
pub(crate) fn of_service(
    library: &Library,
    keytab: &Path,
    service: &Service,
    mechanism: Mechanism,
) -> Result<Credential, KerberosError> {
    let (text, kind) = service.import();
    let name = library.name(&text, kind).map_err(|error| named(error, Stage::Opening))?;
    // Named here, the record of replays cannot be switched off from the environment.
    let store =
        vec![(c"keytab", c_string(&[OsStr::new("FILE:"), keytab.as_os_str()])?), (c"rcache", c"dfl:".to_owned())];
    from_store(library, Some(&name), ACCEPT, mechanism, &store).map_err(|error| named(error, Stage::Opening))
}

fn acquire(library: &Library, identity: &Identity, mechanism: Mechanism) -> Result<Credential, KerberosError> {
    let acquired = match identity {
        Identity::Ambient => from_store(library, None, INITIATE, mechanism, &Store::new()),
        Identity::Cache(file) => {
            let store = vec![(c"ccache", c_string(&[OsStr::new("FILE:"), file.as_os_str()])?)];
            from_store(library, None, INITIATE, mechanism, &store)
        }
        Identity::Keytab { file, principal } => {
            let name = name_of(library, principal)?;
            // Without a cache of its own the library would write the tickets to that of whoever runs this process.
            let cache = [OsStr::new("MEMORY:gatepost "), OsStr::new(principal), OsStr::new(" "), file.as_os_str()];
            let keytab = [OsStr::new("FILE:"), file.as_os_str()];
            let store = vec![(c"client_keytab", c_string(&keytab)?), (c"ccache", c_string(&cache)?)];
            from_store(library, Some(&name), INITIATE, mechanism, &store)
        }
        Identity::Password { principal, password } => {
            let name = name_of(library, principal)?;
            let wanted = |mechanism| Wanted { name: Some(&name), mechanism, usage: INITIATE };
            let acquire = |mechanism| library.acquire_with_password(&wanted(mechanism), password.reveal());
            both(library, mechanism, acquire)
        }
    };
    acquired.map_err(|error| in_file(identity, named(error, Stage::Asking)))
}

/// The library says of a file that does not do no more than that there are no tickets.
fn in_file(identity: &Identity, error: KerberosError) -> KerberosError {
    match (identity, error) {
        (Identity::Cache(file), KerberosError::NoTicket(detail)) => {
            KerberosError::NoTicket(format!("{}: {detail}", file.display()))
        }
        (Identity::Keytab { file, principal }, KerberosError::NoTicket(_)) => {
            KerberosError::NoKey(format!("{} for {principal}", file.display()))
        }
        (_, error) => error,
    }
}

fn from_store(
    library: &Library,
    name: Option<&Name>,
    usage: c_int,
    mechanism: Mechanism,
    store: &Store,
) -> Result<Credential, KerberosError> {
    both(library, mechanism, |mechanism| library.acquire(&Wanted { name, mechanism, usage }, store))
}

/// Acquires for Kerberos first, also where a negotiation is wanted: that one's own errors say nothing, and a password
/// that is wrong is tried once.
fn both(
    library: &Library,
    mechanism: Mechanism,
    acquire: impl Fn(&'static [u8]) -> Result<Credential, KerberosError>,
) -> Result<Credential, KerberosError> {
    let credential = acquire(KERBEROS)?;
    if mechanism == Mechanism::Kerberos {
        return Ok(credential);
    }
    let mut credential = acquire(SPNEGO)?;
    library.negotiate_kerberos_alone(&mut credential)?;
    Ok(credential)
}

fn name_of(library: &Library, principal: &str) -> Result<Name, KerberosError> {
    let is_valid = !principal.is_empty() && principal.len() <= LONGEST && !principal.chars().any(char::is_control);
    if !is_valid {
        return Err(KerberosError::Name(principal.chars().filter(|char| !char.is_control()).take(LONGEST).collect()));
    }
    library.name(principal, PRINCIPAL_NAME).map_err(|error| named(error, Stage::Asking))
}

/// Joins the parts to text for the library.
fn c_string(parts: &[&OsStr]) -> Result<CString, KerberosError> {
    let octets: Vec<u8> = parts.iter().flat_map(|part| part.as_encoded_bytes()).copied().collect();
    CString::new(octets)
        .map_err(|error| KerberosError::Name(String::from_utf8_lossy(&error.into_vec()).replace('\0', "")))
}
