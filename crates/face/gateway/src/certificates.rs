//! The certificates that listeners show: from the binding store, or from PEM files.

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gatepost::clock;
use gatepost::model::binding::{Answer as Kept, Binding, BindingKey};
use gatepost::model::fault::Fault;
use gatepost::store::error::StoreError;
use gatepost::store::store::{KnownCertificate, Store};
use gatepost::tls::bindings::BindingTable;
use gatepost::tls::bound::{Answer, Bound};
use gatepost::tls::pem;
use gatepost::tls::server_certificate::ServerCertificate;

use crate::clients;
use crate::config::clients::Clients;
use crate::config::listener::Protection;
use crate::error::GatewayError;
use crate::folder::Folder;

/// The most that a PEM file may hold.
const LONGEST: u64 = 1024 * 1024;

/// Where certificates come from, and what was read of them last.
#[derive(Debug)]
pub struct Shelf {
    store: Arc<dyn Store>,
    /// Those that are bound: a change elsewhere does not open their keys again.
    ready: HashMap<[u8; 32], Ready>,
    folders: BTreeMap<PathBuf, Folder>,
    /// What was read last; nothing yet if no listener shows bindings.
    read: Option<Read>,
    wrong: Vec<String>,
}

/// A certificate, ready to be shown, and the chain that it was made of.
#[derive(Debug)]
struct Ready {
    chain: Vec<Vec<u8>>,
    certificate: Arc<ServerCertificate>,
}

/// What the store said, and at which revision.
#[derive(Debug)]
struct Read {
    revision: u64,
    bindings: Vec<Binding>,
    known: Vec<KnownCertificate>,
}

impl Shelf {
    /// An empty one over this store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, ready: HashMap::new(), folders: BTreeMap::new(), read: None, wrong: Vec::new() }
    }

    /// What a listener with this protection shows; `None` without TLS.
    ///
    /// # Errors
    /// If a file cannot be read, or chain and key do not belong together: then nothing is shown, rather
    /// than half a certificate.
    pub async fn table(&mut self, protection: &Protection) -> Result<Option<BindingTable>, GatewayError> {
        match protection {
            Protection::Plain => Ok(None),
            Protection::Bindings => self.bound().await.map(Some),
            Protection::Files { certificate, key, clients } => from_files(certificate, key, clients).map(Some),
        }
    }

    /// Whether the store or a directory of certificates looks different from when it was read last. A store that
    /// cannot be asked looks as it did: what is shown stays.
    pub async fn has_news(&mut self) -> bool {
        let Some(seen) = &mut self.read else { return false };
        let changed = match self.store.revision().await {
            Ok(revision) if revision != seen.revision => match read(self.store.as_ref()).await {
                // Much else is in the store: users come and go.
                Ok(now) => {
                    seen.revision = now.revision;
                    (&seen.bindings, &seen.known) != (&now.bindings, &now.known)
                }
                Err(_) => false,
            },
            _ => false,
        };
        self.look() || changed
    }

    /// What was found wrong with files since the last time, each with its file and the reason.
    pub fn take_wrong(&mut self) -> Vec<String> {
        std::mem::take(&mut self.wrong)
    }

    async fn bound(&mut self) -> Result<BindingTable, GatewayError> {
        let read = read(self.store.as_ref()).await?;
        let (bindings, known) = (read.bindings.clone(), read.known.clone());
        self.read = Some(read);
        let (mut rows, mut ready) = (Vec::new(), HashMap::new());
        let named = |path: &Path| bindings.iter().any(|one| one.answer == Kept::Directory(path.display().to_string()));
        self.folders.retain(|path, _| named(path));
        for binding in bindings {
            let answer = match binding.answer {
                Kept::Reject(_) => Answer::Reject,
                Kept::Directory(path) => Answer::Directory(Arc::new(self.folder(Path::new(&path)).directory())),
                Kept::Certificate(fingerprint) => {
                    let Some(known) = known.iter().find(|known| known.fingerprint == fingerprint) else { continue };
                    let Some(certificate) = self.certificate(known).await? else { continue };
                    let (chain, shown) = (known.chain.clone(), Arc::clone(&certificate));
                    ready.insert(fingerprint, Ready { chain, certificate: shown });
                    Answer::Certificate(certificate)
                }
            };
            rows.push((binding.key, Bound::new(answer, &binding.terms)));
        }
        self.ready = ready;
        Ok(BindingTable::of(rows))
    }

    async fn certificate(&self, known: &KnownCertificate) -> Result<Option<Arc<ServerCertificate>>, GatewayError> {
        if let Some(ready) = self.ready.get(&known.fingerprint).filter(|ready| ready.chain == known.chain) {
            return Ok(Some(Arc::clone(&ready.certificate)));
        }
        let stored = self.store.certificate(known.fingerprint).await.map_err(|error| GatewayError::engine(&error))?;
        let ready = stored.map(|stored| ServerCertificate::new(stored.chain, &stored.key)).transpose();
        Ok(ready.map_err(|error| GatewayError::engine(&error))?.map(Arc::new))
    }

    /// The directory, read once when it is new here.
    fn folder(&mut self, path: &Path) -> &Folder {
        let wrong = &mut self.wrong;
        self.folders.entry(path.to_owned()).or_insert_with(|| {
            let mut folder = Folder::new(path);
            wrong.extend(folder.look(clock::now()).wrong);
            folder
        })
    }

    fn look(&mut self) -> bool {
        let mut changed = false;
        for folder in self.folders.values_mut() {
            let seen = folder.look(clock::now());
            changed |= seen.changed;
            self.wrong.extend(seen.wrong);
        }
        changed
    }
}

/// The revision comes first: what changes while the rest is read is noticed later.
async fn read(store: &dyn Store) -> Result<Read, GatewayError> {
    let failed = |error: StoreError| GatewayError::engine(&error);
    let revision = store.revision().await.map_err(failed)?;
    let bindings = store.bindings().await.map_err(failed)?;
    Ok(Read { revision, bindings, known: store.certificates().await.map_err(failed)? })
}

fn from_files(certificate: &Path, key: &Path, clients: &Clients) -> Result<BindingTable, GatewayError> {
    let of_file =
        |path: &Path, error: &dyn Fault| GatewayError::Unreadable { path: path.to_owned(), detail: error.to_string() };
    let chain = pem::parse_chain_pem(&read_file(certificate)?).map_err(|error| of_file(certificate, &error))?;
    let secret = pem::parse_key_pem(&read_file(key)?).map_err(|error| of_file(key, &error))?;
    let ready = ServerCertificate::new(chain, &secret).map_err(|error| of_file(key, &error))?;
    // At every address, for every name that the certificate covers.
    let anywhere = BindingKey::Address(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)));
    let (terms, lists) = clients::terms(clients)?;
    Ok(BindingTable::of([(anywhere, Bound::new(Answer::Certificate(Arc::new(ready)), &terms).revoking(lists))]))
}

fn read_file(path: &Path) -> Result<Vec<u8>, GatewayError> {
    let unreadable = |detail: String| GatewayError::Unreadable { path: path.to_owned(), detail };
    let length = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
    if length > LONGEST {
        return Err(unreadable("more than 1 MiB is no certificate and no key".into()));
    }
    std::fs::read(path).map_err(|error| unreadable(error.to_string()))
}
