//! A request's body, and whether it can be sent again.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use gatepost_auth::hash::Hash;
use gatepost_net::body::Body;
use gatepost_net::error::NetError;
use http_body_util::BodyExt;
use tokio::io::AsyncReadExt;

use crate::error::Error;

/// Octets read from a file at a time.
const CHUNK: usize = 64 * 1024;

/// A body. Authentication and redirects may need it again: octets, files and what a factory makes can be sent any number
/// of times, a stream once.
#[derive(Default)]
pub enum Payload {
    /// No body.
    #[default]
    Empty,
    /// These octets.
    Bytes(Bytes),
    /// The content of this file, read when it is sent.
    File(PathBuf),
    /// What this makes, anew for each sending: the same octets each time.
    Factory(Factory),
    /// A stream of unknown length, sent once.
    Once(Body),
    /// A stream that has been sent.
    Spent,
}

impl Payload {
    /// The body for one sending.
    ///
    /// # Errors
    /// If a stream is asked for twice or a file cannot be read.
    pub(crate) async fn body(&mut self) -> Result<Body, Error> {
        match self {
            Self::Empty => Ok(Body::empty()),
            Self::Bytes(bytes) => Ok(Body::from(bytes.clone())),
            Self::File(path) => from_file(path).await,
            Self::Factory(make) => Ok(make.make()),
            Self::Once(_) => match std::mem::replace(self, Self::Spent) {
                Self::Once(body) => Ok(body),
                _ => Ok(Body::empty()),
            },
            Self::Spent => Err(Error::spent("the server wants the body again, and it was a stream")),
        }
    }

    /// How long it is, where that is known before it is sent. Lent alone, because a shared loan of a body
    /// would keep the future from moving between threads.
    ///
    /// # Errors
    /// If the file cannot be looked at.
    pub(crate) async fn length(&mut self) -> Result<Option<u64>, Error> {
        match self {
            Self::Empty => Ok(Some(0)),
            Self::Bytes(bytes) => Ok(u64::try_from(bytes.len()).ok()),
            Self::File(path) => {
                let meta = tokio::fs::metadata(&*path).await;
                let meta = meta.map_err(|error| Error::usage(format!("the file {}: {error}", path.display())))?;
                Ok(Some(meta.len()))
            }
            Self::Factory(_) | Self::Once(_) | Self::Spent => Ok(None),
        }
    }

    /// The digest of what is sent; `None` for a stream, which can be read but once.
    ///
    /// # Errors
    /// If the file or the stream of a factory cannot be read.
    pub(crate) async fn digest(&mut self, hash: Hash) -> Result<Option<Vec<u8>>, Error> {
        let mut body = match self {
            Self::Once(_) | Self::Spent => return Ok(None),
            Self::Empty | Self::Bytes(_) | Self::File(_) | Self::Factory(_) => self.body().await?,
        };
        let mut hasher = hash.begin();
        while let Some(frame) = body.frame().await {
            if let Ok(octets) = frame?.into_data() {
                hasher.update(&octets);
            }
        }
        Ok(Some(hasher.finish()))
    }
}

/// Makes the same body as often as it is wanted.
#[derive(Clone)]
pub struct Factory(Arc<dyn Fn() -> Body + Send + Sync>);

impl Factory {
    /// A factory of bodies; each has to hold the same octets.
    pub fn new(make: impl Fn() -> Body + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }

    fn make(&self) -> Body {
        (self.0)()
    }
}

impl From<Factory> for Payload {
    fn from(factory: Factory) -> Self {
        Self::Factory(factory)
    }
}

/// Streams a file; it ends early with an error if the file cannot be read to its end.
async fn from_file(path: &PathBuf) -> Result<Body, Error> {
    let opened = tokio::fs::File::open(path).await;
    let mut file = opened.map_err(|error| Error::usage(format!("the file {}: {error}", path.display())))?;
    let (sender, body) = Body::channel(4);
    tokio::spawn(async move {
        let mut buffer = vec![0; CHUNK];
        loop {
            match file.read(&mut buffer).await {
                Ok(0) => break drop(sender.finish().await),
                Ok(read) => {
                    let chunk = Bytes::copy_from_slice(buffer.get(..read).unwrap_or_default());
                    if sender.send(chunk).await.is_err() {
                        break;
                    }
                }
                Err(error) => {
                    let _ = sender.fail(NetError::BodySource { detail: error.to_string() }).await;
                    break;
                }
            }
        }
    });
    Ok(body)
}

/// Without what it holds.
impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Bytes(bytes) => write!(f, "Bytes({} octets)", bytes.len()),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Factory(_) => f.write_str("Factory"),
            Self::Once(body) => f.debug_tuple("Once").field(body).finish(),
            Self::Spent => f.write_str("Spent"),
        }
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Vec<u8>> for Payload {
    fn from(octets: Vec<u8>) -> Self {
        Self::Bytes(octets.into())
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Self {
        Self::Bytes(text.into())
    }
}

impl From<&'static str> for Payload {
    fn from(text: &'static str) -> Self {
        Self::Bytes(Bytes::from_static(text.as_bytes()))
    }
}

impl From<PathBuf> for Payload {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}
