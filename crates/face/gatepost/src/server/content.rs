//! The body of a request that is being judged: it is read ahead only where a proof covers it.

use gatepost_auth::hash::Hash;
use gatepost_net::body::Body;
use gatepost_net::error::{NetError, Wait};
use tokio::sync::{Semaphore, TryAcquireError};

use crate::server::denied::Denied;

/// How many bodies are held at a time while they are judged.
const MOST: usize = 64;

/// A body. Nobody gets to see it before the proof that covers it was found right: it is read to its end, within a
/// limit, and then handed on from memory, without trailers.
#[derive(Debug)]
pub struct Content {
    body: Body,
    /// Why it could not be read.
    refused: Option<Denied>,
}

/// Bounds what all bodies that are judged take up together.
#[derive(Debug)]
pub(crate) struct Shelf(Semaphore);

impl Default for Shelf {
    fn default() -> Self {
        Self(Semaphore::new(MOST))
    }
}

impl Content {
    /// The body as it comes.
    #[must_use]
    pub fn new(body: Body) -> Self {
        Self { body, refused: None }
    }

    /// The body, from its start, for whoever handles the request.
    #[must_use]
    pub fn into_body(self) -> Body {
        self.body
    }

    /// The body's digest; `None` if it could not be read, which [`refused`](Self::refused) explains.
    pub(crate) async fn digest(&mut self, hash: Hash, limit: usize, shelf: &Shelf) -> Option<Vec<u8>> {
        let body = std::mem::replace(&mut self.body, Body::empty());
        let octets = match shelf.0.try_acquire() {
            Ok(_room) => body.collect(limit).await.map_err(|error| denied(&error)),
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => Err(Denied::Overloaded),
        };
        match octets {
            Ok(octets) => {
                let digest = hash.digest(&[&octets]);
                self.body = Body::from(octets);
                Some(digest)
            }
            Err(denied) => {
                self.refused = Some(denied);
                None
            }
        }
    }

    /// Why the body could not be read ahead, if it could not.
    pub(crate) fn refused(&mut self) -> Option<Denied> {
        self.refused.take()
    }
}

fn denied(error: &NetError) -> Denied {
    match error {
        NetError::BodyTooLarge { .. } => Denied::TooLarge,
        NetError::Timeout { what: Wait::Body, .. } => Denied::TimedOut,
        _ => Denied::BadRequest("the body broke off or breaks the protocol"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_read_within_its_limit_and_handed_on_whole() {
        let shelf = Shelf::default();
        let mut content = Content::new(Body::from("four"));
        assert_eq!(content.digest(Hash::Sha256, 4, &shelf).await, Some(Hash::Sha256.digest(&[b"four"])));
        // For another scheme, once more.
        assert_eq!(content.digest(Hash::Md5, 4, &shelf).await, Some(Hash::Md5.digest(&[b"four"])));
        assert_eq!(content.refused(), None);
        assert_eq!(content.into_body().collect(4).await.unwrap(), "four");

        let mut content = Content::new(Body::from("four"));
        assert_eq!(content.digest(Hash::Md5, 3, &shelf).await, None);
        assert_eq!((content.refused(), content.refused()), (Some(Denied::TooLarge), None));
    }

    #[tokio::test]
    async fn no_more_than_there_is_room_for() {
        let shelf = Shelf::default();
        let room = shelf.0.acquire_many(64).await.unwrap();
        let mut content = Content::new(Body::from("four"));
        assert_eq!(content.digest(Hash::Md5, 4, &shelf).await, None);
        assert_eq!(content.refused(), Some(Denied::Overloaded));
        drop(room);
    }
}
