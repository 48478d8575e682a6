//! The keys that tokens may be signed with: fixed, from a file, or from a URL with bounded refetch.
//!
//! Where keys come from is configured. Nothing in a token makes us connect anywhere.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use gatepost_auth::jose::jwk::KeySet;
use gatepost_model::time::Timestamp;
use gatepost_model::url::Url;
use http::{Method, Request, StatusCode};

use crate::client::upstream::Upstream;
use crate::error::Error;

/// Keys are read again at the earliest after this time, whatever the tokens name.
const REFETCH: Duration = Duration::from_secs(60);
/// Keys are read again after this time even if all tokens fit.
const LIFETIME: Duration = Duration::from_secs(600);
/// So long a fetch may take; requests that need it wait, so it is short.
const FETCH: Duration = Duration::from_secs(5);
/// A key set may have this many octets.
const MAX_OCTETS: usize = 1024 * 1024;

/// Where a server's token keys come from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// These, for good.
    Fixed(Arc<KeySet>),
    /// A JWK Set file (RFC 7517 §5), read again when it changes.
    File(PathBuf),
    /// A JWK Set at a URL. An unknown key identifier causes one refetch a minute at most; while
    /// the URL does not answer, the last keys stay.
    Url(Url, Upstream),
}

/// The token keys of one server.
pub struct Keys {
    source: KeySource,
    held: Mutex<Held>,
    /// Raised when other keys are held than before.
    revision: AtomicU64,
    /// Held while keys are read: one reader at a time, and nobody who has keys waits for it.
    reading: tokio::sync::Mutex<()>,
}

/// What was read last.
#[derive(Default, Clone)]
struct Held {
    keys: Option<Arc<KeySet>>,
    /// When the last attempt was, good or not.
    tried: Option<Timestamp>,
    /// The file's modification time when it was read.
    modified: Option<SystemTime>,
}

impl Keys {
    /// Keys from this source; nothing is read yet.
    #[must_use]
    pub fn new(source: KeySource) -> Self {
        let (held, reading) = (Mutex::new(Held::default()), tokio::sync::Mutex::new(()));
        Self { source, held, revision: AtomicU64::new(0), reading }
    }

    /// No keys at all: every token is refused.
    #[must_use]
    pub fn none() -> Self {
        Self::new(KeySource::Fixed(Arc::new(KeySet::default())))
    }

    /// The keys to judge a token by that names the key `id`.
    ///
    /// # Errors
    /// If there are no keys to be had, now or from before.
    pub(crate) async fn current(&self, id: Option<&str>, now: Timestamp) -> Result<Arc<KeySet>, Error> {
        match &self.source {
            KeySource::Fixed(keys) => Ok(Arc::clone(keys)),
            KeySource::File(path) => self.of_file(path).await,
            KeySource::Url(url, upstream) => self.of_url(url, upstream, id, now).await,
        }
    }

    /// A number that grows when the keys change: what was verified under another one may not stand any more.
    pub(crate) fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    /// Reads a changed file. A URL is asked by those who bring a token that is not known yet.
    pub(crate) async fn look(&self) {
        if let KeySource::File(path) = &self.source {
            // Without a readable file the last good keys stay, as for a token that is judged anew.
            let _ = self.of_file(path).await;
        }
    }

    async fn of_file(&self, path: &PathBuf) -> Result<Arc<KeySet>, Error> {
        let _one = self.reading.lock().await;
        let held = self.held();
        let modified = tokio::fs::metadata(path).await.and_then(|meta| meta.modified()).ok();
        if let Some(keys) = held.keys.as_ref().filter(|_| modified.is_none() || modified == held.modified) {
            return Ok(Arc::clone(keys));
        }
        match read_file(path).await {
            Ok(keys) => Ok(self.hold(keys, None, modified)),
            // A half-written file must not lock everybody out: the last good keys stay.
            Err(error) => held.keys.ok_or(error),
        }
    }

    async fn of_url(
        &self,
        url: &Url,
        upstream: &Upstream,
        id: Option<&str>,
        now: Timestamp,
    ) -> Result<Arc<KeySet>, Error> {
        if let Some(keys) = self.still_good(id, now) {
            return Ok(keys);
        }
        let _one = match self.held().keys {
            // Whoever has keys goes on with them while somebody else asks for newer ones.
            Some(keys) => match self.reading.try_lock() {
                Ok(one) => one,
                Err(_) => return Ok(keys),
            },
            None => self.reading.lock().await,
        };
        if let Some(keys) = self.still_good(id, now) {
            return Ok(keys);
        }
        let held = self.held();
        let just_tried = held.tried.is_some_and(|tried| now.since(tried) < Duration::from_secs(1));
        if held.keys.is_none() && just_tried {
            return Err(Error::environment(format!("no keys from {url} yet")));
        }
        self.locked().tried = Some(now);
        let fetched = tokio::time::timeout(FETCH, fetch(url, upstream)).await;
        let late = |_| Err(Error::environment(format!("{url} gave no key set within {} s", FETCH.as_secs())));
        match fetched.unwrap_or_else(late) {
            Ok(keys) => Ok(self.hold(keys, Some(now), None)),
            Err(error) => held.keys.ok_or(error),
        }
    }

    /// The held keys, if they know `id` and are young, or if they were asked for only just now.
    fn still_good(&self, id: Option<&str>, now: Timestamp) -> Option<Arc<KeySet>> {
        let held = self.held();
        let (keys, tried) = (held.keys?, held.tried?);
        let fits = id.is_none_or(|id| keys.knows(id));
        (now.since(tried) < if fits { LIFETIME } else { REFETCH }).then_some(keys)
    }

    fn hold(&self, keys: KeySet, tried: Option<Timestamp>, modified: Option<SystemTime>) -> Arc<KeySet> {
        let keys = Arc::new(keys);
        let before = std::mem::replace(&mut *self.locked(), Held { keys: Some(Arc::clone(&keys)), tried, modified });
        // After the keys are there: whoever knows this revision verifies with keys that are as new.
        if before.keys.as_ref() != Some(&keys) {
            self.revision.fetch_add(1, Ordering::AcqRel);
        }
        keys
    }

    fn held(&self) -> Held {
        self.locked().clone()
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read_file(path: &PathBuf) -> Result<KeySet, Error> {
    use tokio::io::AsyncReadExt;
    let unreadable = |error: std::io::Error| Error::config(format!("the key set {}: {error}", path.display()));
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let mut octets = Vec::new();
    let bound = u64::try_from(MAX_OCTETS).unwrap_or(u64::MAX);
    file.take(bound + 1).read_to_end(&mut octets).await.map_err(unreadable)?;
    parse(&octets).map_err(|error| error.while_doing(format!("reading {}", path.display())))
}

/// One GET without redirects: a redirect could lead to where nobody configured.
async fn fetch(url: &Url, upstream: &Upstream) -> Result<KeySet, Error> {
    let request = Request::builder().method(Method::GET).uri(url.as_str()).header("accept", "application/json");
    let request = request.body(gatepost_net::body::Body::empty());
    let request = request.map_err(|_| Error::config(format!("{url} is not an address of a key set")))?;
    let response = upstream.send(&url.origin(), request).await?;
    if response.status() != StatusCode::OK {
        return Err(Error::environment(format!("{url} answered {} instead of a key set", response.status())));
    }
    let keys = parse(&response.into_body().collect(MAX_OCTETS).await?)?;
    // A shared secret that anybody can fetch signs tokens for anybody.
    if keys.is_symmetric() {
        return Err(Error::config(format!("{url} publishes shared secrets")));
    }
    Ok(keys)
}

fn parse(octets: &[u8]) -> Result<KeySet, Error> {
    if octets.len() > MAX_OCTETS {
        return Err(Error::config("a key set of more than 1 MiB"));
    }
    Ok(KeySet::parse(octets)?)
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("source", &self.source).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use gatepost_net::dial::{ClientTls, Dialer, Roots};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::events::Events;

    const SET: &str =
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"one","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

    #[tokio::test]
    async fn nobody_who_has_keys_waits_for_a_silent_source() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/keys", listener.local_addr().unwrap())).unwrap();
        let source = tokio::spawn(async move {
            let (mut first, _) = listener.accept().await.unwrap();
            let mut head = [0; 1024];
            assert_ne!(first.read(&mut head).await.unwrap(), 0);
            let answer = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{SET}", SET.len());
            first.write_all(answer.as_bytes()).await.unwrap();
            drop(first);
            let silent = listener.accept().await.unwrap();
            (listener, silent)
        });
        let tls = ClientTls { roots: Roots::Only(Vec::new()), ..ClientTls::default() };
        let upstream = Upstream::new(Dialer::new(tls, Arc::default()).unwrap(), Events::default());
        let keys = Keys::new(KeySource::Url(url, upstream));
        let start = Timestamp::from_secs(1_000_000);
        assert!(keys.current(Some("one"), start).await.unwrap().knows("one"));

        let later = start + REFETCH;
        let mut asking = Box::pin(keys.current(Some("two"), later));
        let _held_open = tokio::select! {
            _ = &mut asking => panic!("the source is silent"),
            silent = source => silent.unwrap(),
        };
        // The fetch is under way and gets no answer; these do not wait for it.
        for id in [Some("one"), Some("two"), None] {
            assert!(keys.current(id, later).await.unwrap().knows("one"));
        }
    }
}
