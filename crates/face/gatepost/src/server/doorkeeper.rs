//! What a server knows of its visitors: users, keys, and the record of what was used once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gatepost_auth::context::{ContextAsk, ContextStep};
use gatepost_auth::digest::nonce::NonceKey;
use gatepost_auth::record::Kind;
use gatepost_kerberos::acceptor::Bindings;
use gatepost_model::credential::Credential;
use gatepost_model::principal::Principal;
use gatepost_model::secret::Secret;
use gatepost_model::time::Timestamp;
use gatepost_net::handler::Memory;
use gatepost_store::store::Store;

use crate::clock::{self, Moment};
use crate::error::Error;
use crate::server::content::Shelf;
use crate::server::contexts::Keytab;
use crate::server::generations::Name;
use crate::server::keys::Keys;
use crate::server::lookout::{self, Lookout};
use crate::server::passwords::Passwords;
use crate::server::proved::Proved;

/// The server's world. One for all routes that share users and keys; cheap to share in an `Arc`.
#[derive(Debug)]
pub struct Doorkeeper {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) passwords: Passwords,
    pub(crate) keys: Keys,
    pub(crate) proved: Proved,
    lookout: Lookout,
    /// What the nonces of its servers are signed with.
    pub(crate) nonce_key: NonceKey,
    pub(crate) shelf: Shelf,
    forgotten: AtomicU64,
    keytab: Option<Keytab>,
}

impl Doorkeeper {
    /// A doorkeeper over these users and these token keys.
    ///
    /// A proof that was accepted stands for its repetition, octet for octet, for up to 60 s where its scheme allows
    /// that (Bearer and Basic do), and never past the end of a token. It ends at once when users or keys change through
    /// this process, and within 1 s when another process changes them or a key file changes.
    ///
    /// # Errors
    /// If the system has no randomness for the keys of what is remembered.
    pub fn new(store: Arc<dyn Store>, keys: Keys) -> Result<Self, Error> {
        let proved = Proved::new(&clock::entropy()?);
        let lookout = Lookout::new(lookout::EVERY, Instant::now());
        let (passwords, nonce_key) = (Passwords::new()?, NonceKey::new(clock::entropy()?));
        let (shelf, forgotten, keytab) = (Shelf::default(), AtomicU64::new(0), None);
        Ok(Self { store, passwords, keys, proved, lookout, nonce_key, shelf, forgotten, keytab })
    }

    /// Signs nonces with this key: of several nodes with one key, each takes the others' nonces, and none loses its own
    /// when it starts anew. Default: a key that ends with the process.
    #[must_use]
    pub fn signing_nonces_with(mut self, key: NonceKey) -> Self {
        self.nonce_key = key;
        self
    }

    /// Sets within what time a change by another process, or of a key file, ends what was accepted before it.
    /// Default 1 s; zero looks at each request.
    #[must_use]
    pub fn looking_every(mut self, time: Duration) -> Self {
        self.lookout = Lookout::new(time, Instant::now());
        self
    }

    /// Judges Kerberos with the keys in this keytab. Default: none, so that nobody comes in by Kerberos.
    #[must_use]
    pub fn with_keytab(mut self, keytab: Keytab) -> Self {
        self.keytab = Some(keytab);
        self
    }

    /// Ends what was accepted so far: every proof is judged anew from now on.
    pub fn forget(&self) {
        self.forgotten.fetch_add(1, Ordering::AcqRel);
    }

    /// A number that changes with users, keys, and [`forget`](Self::forget). Read it before users and keys are
    /// looked at: a proof stands only as long as it is the same.
    pub(crate) fn epoch(&self) -> u64 {
        // Each of them only grows, so no two states of the three have one sum, one after the other.
        let forgotten = self.forgotten.load(Ordering::Acquire);
        forgotten.wrapping_add(self.store.known_revision()).wrapping_add(self.keys.revision())
    }

    /// Who proved themselves a moment ago with the credentials of this name, if that still stands.
    pub(crate) async fn recall(&self, name: &Name, now: Moment) -> Option<Arc<Principal>> {
        if !self.is_current(now).await {
            return None;
        }
        self.proved.find(name, self.epoch(), now)
    }

    /// The same, unless it is time to look what others changed.
    pub(crate) fn recall_at_once(&self, name: &Name, now: Moment) -> Option<Arc<Principal>> {
        if self.is_fresh(now) { self.proved.find(name, self.epoch(), now) } else { None }
    }

    /// Whether it is known now that nothing else has changed than what [`epoch`](Self::epoch) tells.
    pub(crate) async fn is_current(&self, now: Moment) -> bool {
        self.lookout.is_current(now.steady, || self.look()).await
    }

    /// The same, without asking anybody.
    pub(crate) fn is_fresh(&self, now: Moment) -> bool {
        self.lookout.is_fresh(now.steady)
    }

    /// Learns what others changed; false if that cannot be learnt now.
    async fn look(&self) -> bool {
        self.keys.look().await;
        self.store.revision().await.is_ok()
    }

    /// The user's recoverable secret, for schemes that compute with it.
    pub(crate) async fn login(&self, user: Option<&str>) -> Result<Option<Credential>, Error> {
        let Some(name) = user else {
            return Ok(None);
        };
        let user = self.store.user(name).await?;
        Ok(user.and_then(|user| Some(Credential::login(user.name, user.secret?))))
    }

    /// One step of a security context that a client has begun on a connection.
    pub(crate) async fn context(
        &self,
        ask: ContextAsk,
        bindings: Bindings,
        memory: &Memory,
        now: Timestamp,
    ) -> Result<ContextStep, Error> {
        match &self.keytab {
            Some(keytab) => keytab.step(ask, bindings, memory, now).await,
            None => Ok(ContextStep::Unavailable("no keytab is set for Kerberos here".into())),
        }
    }

    /// What is kept of the user for one scheme alone, or else computed from a recoverable secret. Something is computed
    /// whatever there is, so that it takes the same time.
    pub(crate) async fn record(&self, name: &str, kind: &Kind) -> Result<Option<Secret>, Error> {
        let (secret, records) =
            self.store.user(name).await?.map_or_else(Default::default, |user| (user.secret, user.records));
        let computed = kind.compute(name, secret.as_ref().unwrap_or(&Secret::from("nobody's")));
        let key = kind.key();
        let kept = records.into_iter().find(|record| record.kind == key).map(|record| record.secret);
        Ok(kept.or_else(|| computed.filter(|_| secret.is_some())))
    }

    /// Whether this is the user's password; an unknown user costs the same.
    pub(crate) async fn password_is_right(&self, name: &str, password: &Secret) -> Result<bool, Error> {
        let user = self.store.user(name).await?;
        self.passwords.verify(name, user.map(|user| user.password_hash), password).await
    }
}

#[cfg(test)]
mod tests {
    use gatepost_store::memory::MemoryStore;

    use super::*;
    use crate::server::keys::KeySource;
    use crate::server::proved::Proof;

    #[tokio::test]
    async fn a_token_ends_in_memory_when_it_ends() {
        let door = Doorkeeper::new(Arc::new(MemoryStore::new()), Keys::none()).unwrap();
        let now = clock::moment();
        let later = |span| Moment { wall: now.wall + span, steady: now.steady + span };
        let name = door.proved.name(0, [("authorization", &b"Bearer a"[..])].into_iter()).unwrap();
        let principal =
            Principal { expires: Some(now.wall + Duration::from_secs(20)), ..Principal::new("a", "Bearer") };
        let (principal, span) = (Arc::new(principal), Duration::from_secs(60));
        door.proved.hold(name, Proof { principal, epoch: door.epoch(), judged: now, span });
        assert!(door.recall_at_once(&name, now).is_none(), "nobody has looked yet");
        for (millis, stands) in [(0, true), (19_999, true), (20_000, false)] {
            let then = later(Duration::from_millis(millis));
            assert_eq!(door.recall(&name, then).await.is_some(), stands, "{millis}");
            assert_eq!(door.recall_at_once(&name, then).is_some(), stands, "{millis}");
        }
    }

    #[tokio::test]
    async fn a_changed_key_file_is_another_epoch_and_a_touched_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        let write = |text: &str, version: u64| {
            std::fs::write(&path, text).unwrap();
            let file = std::fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(version)).unwrap();
        };
        let set = |x: &str| format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}]}}"#);
        let one = set("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        let keys = Keys::new(KeySource::File(path.clone()));
        let door = Doorkeeper::new(Arc::new(MemoryStore::new()), keys).unwrap();
        let mut epochs = Vec::new();
        for (text, version) in [(one.as_str(), 1), (&one, 2), ("{ half", 3), (r#"{"keys":[]}"#, 4), (&one, 5)] {
            write(text, version);
            assert!(door.look().await);
            epochs.push(door.epoch());
        }
        assert_eq!(epochs, [1, 1, 1, 2, 3]);
    }
}
