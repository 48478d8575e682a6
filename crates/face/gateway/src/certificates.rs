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

use crate::attached::Attached;
use crate::clients;
use crate::config::clients::Clients;
use crate::config::listener::Protection;
use crate::error::GatewayError;
use crate::folder::Folder;
use crate::small_file;

/// Where certificates come from, and what was read of them last.
#[derive(Debug)]
pub struct Shelf {
    store: Arc<dyn Store>,
    /// Those that are bound: a change elsewhere does not open their keys again.
    ready: HashMap<[u8; 32], Ready>,
    folders: BTreeMap<PathBuf, Folder>,
    attached: Attached,
    /// What was read last; nothing yet if no listener shows bindings.
    read: Option<Read>,
    /// Whether what was read last is not shown: something failed on the way.
    is_stale: bool,
    /// What went wrong with the store last, so that it is said once.
    trouble: Option<String>,
    wrong: Vec<String>,
}

/// A certificate, ready to be shown, and the chain that it was made of.
#[derive(Debug, Clone)]
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
        Self {
            store,
            ready: HashMap::new(),
            folders: BTreeMap::new(),
            attached: Attached::default(),
            read: None,
            is_stale: false,
            trouble: None,
            wrong: Vec::new(),
        }
    }

    /// What a listener with this protection shows; `None` without TLS.
    ///
    /// # Errors
    /// If a file cannot be read, or chain and key do not belong together: then nothing is shown, rather
    /// than half a certificate.
    pub async fn table(&mut self, protection: &Protection) -> Result<Option<BindingTable>, GatewayError> {
        match protection {
            Protection::Plain => Ok(None),
            Protection::Bindings => {
                let table = self.bound().await;
                self.is_stale |= table.is_err();
                table.map(Some)
            }
            Protection::Files { certificate, key, clients } => from_files(certificate, key, clients).map(Some),
        }
    }

    /// What a table was made of is not shown: [`has_news`](Self::has_news) until it is [`settled`](Self::settled).
    pub fn unsettle(&mut self) {
        self.is_stale = true;
    }

    /// All that was read last is shown.
    pub fn settled(&mut self) {
        self.is_stale = false;
    }

    /// Whether the store or a directory of certificates looks different from when it was read last, or what was read
    /// is not shown yet. A store that cannot be asked looks as it did: what is shown stays, and
    /// [`take_wrong`](Self::take_wrong) has the reason, once.
    pub async fn has_news(&mut self) -> bool {
        let Some(seen) = &mut self.read else { return false };
        let changed = match changed(self.store.as_ref(), seen).await {
            Ok(changed) => {
                self.trouble = None;
                changed
            }
            Err(detail) => {
                if self.trouble.as_ref() != Some(&detail) {
                    self.wrong.push(format!("{detail}; the certificates stay as they are"));
                }
                self.trouble = Some(detail);
                false
            }
        };
        self.look() || changed || self.is_stale
    }

    /// What was found wrong with files and with the store since the last time, each with its place and the reason.
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
        self.attached.begin(&bindings);
        for binding in bindings {
            let answer = match &binding.answer {
                Kept::Reject(_) => Answer::Reject,
                Kept::Directory(path) => Answer::Directory(Arc::new(self.folder(Path::new(path)).directory())),
                &Kept::Certificate(fingerprint) => {
                    let known = known.iter().find(|known| known.fingerprint == fingerprint);
                    match self.ready(known).await? {
                        // What is bound and not there must not lead to another binding, with other terms.
                        None => Answer::Reject,
                        Some(one) => {
                            let certificate = self.stapled(&binding, &one);
                            ready.insert(fingerprint, one);
                            Answer::Certificate(certificate)
                        }
                    }
                }
            };
            let lists = self.attached.lists(&binding, clock::now());
            let bound = Bound::new(answer, &binding.terms).with_revocation_lists(lists);
            rows.push((binding.key, bound));
        }
        self.ready = ready;
        self.wrong.extend(self.attached.take_wrong());
        Ok(BindingTable::of(rows))
    }

    /// The certificate with what the binding wants stapled to it. What does not count is not, and nobody is sent away
    /// for that.
    fn stapled(&mut self, binding: &Binding, ready: &Ready) -> Arc<ServerCertificate> {
        match self.attached.staple(binding, &ready.chain, clock::now()) {
            Some(response) => Arc::new(ready.certificate.with_staple(response)),
            None => Arc::clone(&ready.certificate),
        }
    }

    async fn ready(&self, known: Option<&KnownCertificate>) -> Result<Option<Ready>, GatewayError> {
        let Some(known) = known else { return Ok(None) };
        if let Some(ready) = self.ready.get(&known.fingerprint).filter(|ready| ready.chain == known.chain) {
            return Ok(Some(ready.clone()));
        }
        let stored = self.store.certificate(known.fingerprint).await.map_err(|error| GatewayError::engine(&error))?;
        let Some(stored) = stored else { return Ok(None) };
        let certificate = ServerCertificate::new(stored.chain, &stored.key);
        let certificate = Arc::new(certificate.map_err(|error| GatewayError::engine(&error))?);
        Ok(Some(Ready { chain: known.chain.clone(), certificate }))
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
        let mut changed = self.attached.look(clock::now());
        self.wrong.extend(self.attached.take_wrong());
        for folder in self.folders.values_mut() {
            let seen = folder.look(clock::now());
            changed |= seen.changed;
            self.wrong.extend(seen.wrong);
        }
        changed
    }
}

/// Whether bindings or certificates are others than those that were seen; or what is wrong, and at which revision.
async fn changed(store: &dyn Store, seen: &mut Read) -> Result<bool, String> {
    let revision = store.revision().await.map_err(|error| error.to_string())?;
    if revision == seen.revision {
        return Ok(false);
    }
    // Until it could be read, the revision is not seen.
    let now =
        read(store).await.map_err(|error| format!("the bindings cannot be read at revision {revision}: {error}"))?;
    seen.revision = now.revision;
    // Much else is in the store: users come and go.
    Ok((&seen.bindings, &seen.known) != (&now.bindings, &now.known))
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
    let bound = Bound::new(Answer::Certificate(Arc::new(ready)), &terms).with_revocation_lists(lists);
    Ok(BindingTable::of([(anywhere, bound)]))
}

fn read_file(path: &Path) -> Result<Vec<u8>, GatewayError> {
    small_file::read(path, small_file::LONGEST_PEM)
        .map_err(|error| GatewayError::Unreadable { path: path.to_owned(), detail: error.to_string() })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gatepost::model::application::ApplicationId;
    use gatepost::model::secret::Secret;
    use gatepost::model::terms::Terms;
    use gatepost::model::time::Timestamp;
    use gatepost::store::memory::MemoryStore;
    use gatepost::store::store::{Owner, Pending, StoredCertificate, StoredCredential, User};
    use gatepost::tls::issue::Authority;

    use super::*;

    /// Has a revision, and nothing else that can be read.
    #[derive(Debug)]
    struct Broken(u64);

    impl Broken {
        fn fails<T: Send + 'static>(&self) -> Pending<'_, T> {
            Box::pin(std::future::ready(Err(StoreError::Missing { what: "page".into() })))
        }
    }

    impl Store for Broken {
        fn add_user(&self, _: User) -> Pending<'_, ()> {
            self.fails()
        }
        fn user(&self, _: &str) -> Pending<'_, Option<User>> {
            self.fails()
        }
        fn user_called(&self, _: &str, _: &str) -> Pending<'_, Option<String>> {
            self.fails()
        }
        fn user_names(&self) -> Pending<'_, Vec<String>> {
            self.fails()
        }
        fn remove_user(&self, _: &str) -> Pending<'_, ()> {
            self.fails()
        }
        fn add_credential(&self, _: StoredCredential) -> Pending<'_, ()> {
            self.fails()
        }
        fn credential(&self, _: &str) -> Pending<'_, Option<StoredCredential>> {
            self.fails()
        }
        fn credentials(&self) -> Pending<'_, Vec<StoredCredential>> {
            self.fails()
        }
        fn remove_credential(&self, _: &str) -> Pending<'_, ()> {
            self.fails()
        }
        fn put_certificate(&self, _: StoredCertificate) -> Pending<'_, ()> {
            self.fails()
        }
        fn certificate(&self, _: [u8; 32]) -> Pending<'_, Option<StoredCertificate>> {
            self.fails()
        }
        fn certificates(&self) -> Pending<'_, Vec<KnownCertificate>> {
            self.fails()
        }
        fn application(&self) -> Pending<'_, ApplicationId> {
            self.fails()
        }
        fn add_binding(&self, _: Binding) -> Pending<'_, ()> {
            self.fails()
        }
        fn put_binding(&self, _: Binding) -> Pending<'_, ()> {
            self.fails()
        }
        fn update_binding(&self, _: Binding, _: &Binding) -> Pending<'_, ()> {
            self.fails()
        }
        fn bindings(&self) -> Pending<'_, Vec<Binding>> {
            self.fails()
        }
        fn remove_binding(&self, _: &BindingKey, _: Owner) -> Pending<'_, ()> {
            self.fails()
        }
        fn put_secret(&self, _: &str, _: Secret) -> Pending<'_, ()> {
            self.fails()
        }
        fn secret(&self, _: &str) -> Pending<'_, Option<Secret>> {
            self.fails()
        }
        fn first_use(&self, _: &str, _: Timestamp, _: Timestamp) -> Pending<'_, bool> {
            self.fails()
        }
        fn revision(&self) -> Pending<'_, u64> {
            Box::pin(std::future::ready(Ok(self.0)))
        }
        fn known_revision(&self) -> u64 {
            self.0
        }
    }

    #[tokio::test]
    async fn a_store_that_cannot_be_read_is_complained_of_once_a_revision() {
        let mut seen = Read { revision: 1, bindings: Vec::new(), known: Vec::new() };
        let words = |revision| Err(format!("the bindings cannot be read at revision {revision}: there is no page"));
        assert_eq!(changed(&Broken(1), &mut seen).await, Ok(false));
        assert_eq!(changed(&Broken(2), &mut seen).await, words(2));
        assert_eq!(seen.revision, 1, "it is read again");
        let mut shelf = Shelf::new(Arc::new(Broken(2)));
        shelf.read = Some(seen);
        assert!(!shelf.has_news().await);
        assert_eq!(shelf.take_wrong().len(), 1);
        assert!(!shelf.has_news().await);
        assert_eq!(shelf.take_wrong(), Vec::<String>::new());
        shelf.store = Arc::new(Broken(3));
        assert!(!shelf.has_news().await);
        assert_eq!(shelf.take_wrong().len(), 1);
    }

    const DAY: Duration = Duration::from_secs(86_400);

    #[tokio::test]
    async fn what_failed_is_news_until_it_is_shown() {
        let store = Arc::new(MemoryStore::new());
        let mut shelf = Shelf::new(Arc::clone(&store) as Arc<dyn Store>);
        let authority = Authority::create("One", clock::now(), 9 * DAY).unwrap();
        let issued = authority.issue_server(&["a.test".to_owned()], clock::now(), DAY).unwrap();
        let fingerprint = gatepost::tls::certificate::fingerprint(&issued.chain[0]);
        let stored = StoredCertificate { fingerprint, chain: issued.chain, key: issued.key };
        assert!(!shelf.has_news().await, "nothing is shown yet");
        shelf.table(&Protection::Bindings).await.unwrap();
        assert!(!shelf.has_news().await);

        store.put_certificate(StoredCertificate { key: "junk".into(), ..stored.clone() }).await.unwrap();
        let (key, answer) = ("a.test:0".parse().unwrap(), Kept::Certificate(fingerprint));
        let application = ApplicationId::from_octets([1; 16]);
        store.add_binding(Binding { key, answer, application, terms: Terms::default() }).await.unwrap();
        assert!(shelf.has_news().await);
        for _ in 0..2 {
            assert!(shelf.table(&Protection::Bindings).await.is_err());
            assert!(shelf.has_news().await, "it is tried again");
        }
        store.put_certificate(stored).await.unwrap();
        let table = shelf.table(&Protection::Bindings).await.unwrap().unwrap();
        assert!(table.find("10.0.0.1:443".parse().unwrap(), Some("a.test")).is_some());
        assert!(shelf.has_news().await, "it was made, and not shown yet");
        shelf.settled();
        assert!(!shelf.has_news().await);
        shelf.unsettle();
        assert!(shelf.has_news().await);
    }
}
