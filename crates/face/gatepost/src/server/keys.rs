//! The keys that tokens may be signed with: fixed, from a file, or from a URL with bounded refetch.
//!
//! Where keys come from is configured. Nothing in a token makes us connect anywhere.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use gatepost_auth::jose::jwk::KeySet;
use gatepost_model::time::Timestamp;
use gatepost_model::url::Url;
use http::{Method, Request, StatusCode};
use tokio::sync::Mutex;

use crate::client::upstream::Upstream;
use crate::error::Error;

/// Keys are read again at the earliest after this time, whatever the tokens name.
const REFETCH: Duration = Duration::from_secs(60);
/// Keys are read again after this time even if all tokens fit.
const LIFETIME: Duration = Duration::from_secs(600);
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
}

/// What was read last.
#[derive(Default)]
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
        Self { source, held: Mutex::new(Held::default()) }
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

    async fn of_file(&self, path: &PathBuf) -> Result<Arc<KeySet>, Error> {
        let mut held = self.held.lock().await;
        let modified = tokio::fs::metadata(path).await.and_then(|meta| meta.modified()).ok();
        if let Some(keys) = held.keys.as_ref().filter(|_| modified.is_none() || modified == held.modified) {
            return Ok(Arc::clone(keys));
        }
        match read_file(path).await {
            Ok(keys) => {
                let keys = Arc::new(keys);
                *held = Held { keys: Some(Arc::clone(&keys)), tried: None, modified };
                Ok(keys)
            }
            // A half-written file must not lock everybody out: the last good keys stay.
            Err(error) => held.keys.clone().ok_or(error),
        }
    }

    async fn of_url(
        &self,
        url: &Url,
        upstream: &Upstream,
        id: Option<&str>,
        now: Timestamp,
    ) -> Result<Arc<KeySet>, Error> {
        let mut held = self.held.lock().await;
        let age = held.tried.map(|tried| now.since(tried));
        if let Some(keys) = &held.keys {
            let fits = id.is_none_or(|id| keys.knows(id));
            if age.is_some_and(|age| age < if fits { LIFETIME } else { REFETCH }) {
                return Ok(Arc::clone(keys));
            }
        } else if age.is_some_and(|age| age < Duration::from_secs(1)) {
            return Err(Error::environment(format!("no keys from {url} yet")));
        }
        held.tried = Some(now);
        match fetch(url, upstream).await {
            Ok(keys) => {
                let keys = Arc::new(keys);
                held.keys = Some(Arc::clone(&keys));
                Ok(keys)
            }
            Err(error) => held.keys.clone().ok_or(error),
        }
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
