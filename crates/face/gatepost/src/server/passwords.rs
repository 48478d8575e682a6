//! Checks passwords without letting that cost the server its breath.
//!
//! Argon2id takes 19 MiB and some milliseconds on purpose. So a right answer is remembered for a
//! short time under a keyed digest, the work runs on blocking threads, and only so many at once:
//! beyond that we refuse to decide, which denies.
//!
//! This lies below what `proved` remembers, and outlives it: any change of any user or key
//! ends everything that was proved, and without this memory all who are inside would then have their passwords
//! computed at once. It may stay, because its names hold the user's hash: a changed password is another name.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gatepost_auth::keyed::keyed_digest;
use gatepost_auth::password::{self, Cost};
use gatepost_model::secret::Secret;
use gatepost_model::time::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::clock;
use crate::error::Error;

/// How long a right answer is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);
/// How many right answers are remembered.
const CAPACITY: usize = 4096;
/// How many passwords may wait to be checked before more are turned away.
const WAITING: usize = 256;

/// The password check of one server.
pub(crate) struct Passwords {
    key: [u8; 32],
    right: Mutex<HashMap<[u8; 32], Timestamp>>,
    at_work: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Passwords {
    pub(crate) fn new() -> Result<Self, Error> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            key: clock::entropy()?,
            right: Mutex::new(HashMap::new()),
            at_work: Arc::new(Semaphore::new(cores)),
            places: Arc::new(Semaphore::new(WAITING)),
        })
    }

    /// Whether `password` belongs to `hash`. `None` is an unknown user: the answer is no, and it
    /// takes as long.
    pub(crate) async fn verify(&self, user: &str, hash: Option<String>, password: &Secret) -> Result<bool, Error> {
        // The hash is part of the name: a changed password forgets what was right before.
        let known = hash.as_deref().unwrap_or_default();
        let name = keyed_digest(&self.key, &[user.as_bytes(), known.as_bytes(), password.reveal()]);
        let now = clock::now();
        if hash.is_some() && self.is_remembered(&name, now) {
            return Ok(true);
        }
        let busy = || Error::environment("too many passwords wait to be checked");
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| busy())?;
        let work = Arc::clone(&self.at_work).acquire_owned().await.map_err(|_| busy())?;
        // A client that opens many connections at once brings the same password on all of them.
        if hash.is_some() && self.is_remembered(&name, now) {
            return Ok(true);
        }
        let right = compute(hash, password.clone(), (place, work)).await?;
        if right {
            self.remember(name, now);
        }
        Ok(right)
    }

    fn is_remembered(&self, name: &[u8; 32], now: Timestamp) -> bool {
        let right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        right.get(name).is_some_and(|until| now < *until)
    }

    fn remember(&self, name: [u8; 32], now: Timestamp) {
        let mut right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        if right.len() >= CAPACITY {
            right.retain(|_, until| now < *until);
        }
        if right.len() < CAPACITY {
            right.insert(name, now + REMEMBERED);
        }
    }
}

/// The hash, on a blocking thread.
async fn compute(
    hash: Option<String>,
    password: Secret,
    permits: (OwnedSemaphorePermit, OwnedSemaphorePermit),
) -> Result<bool, Error> {
    let task = tokio::task::spawn_blocking(move || {
        // Both permits end with the work, even when nobody waits for the answer any more.
        let _held = permits;
        password::verify(&password, hash.as_deref(), Cost::default())
    });
    let right = task.await.map_err(|_| Error::environment("the password check did not finish"))?;
    Ok(right?)
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passwords(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn right_wrong_unknown_and_changed() {
        let passwords = Passwords::new().unwrap();
        let hash = password::hash(&Secret::from("open sesame"), &[7; 16], Cost::default()).unwrap();
        let (right, wrong) = (Secret::from("open sesame"), Secret::from("open barley"));
        for _ in 0..2 {
            assert_eq!(passwords.verify("ali", Some(hash.clone()), &right).await, Ok(true));
            assert_eq!(passwords.verify("ali", Some(hash.clone()), &wrong).await, Ok(false));
            assert_eq!(passwords.verify("ali", None, &right).await, Ok(false));
        }
        let changed = password::hash(&wrong, &[8; 16], Cost::default()).unwrap();
        assert_eq!(passwords.verify("ali", Some(changed), &right).await, Ok(false));
    }

    #[tokio::test]
    async fn who_waits_with_a_password_that_was_just_found_right_costs_no_hash() {
        let passwords = Passwords::new().unwrap();
        let (hash, right) = ("not a hash: computing with it fails", Secret::from("open sesame"));
        let all = u32::try_from(passwords.at_work.available_permits()).unwrap();
        let work = passwords.at_work.acquire_many(all).await.unwrap();
        let mut waiting = Box::pin(passwords.verify("ali", Some(hash.into()), &right));
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("there is no place"),
            () = std::future::ready(()) => {}
        }
        let name = keyed_digest(&passwords.key, &[b"ali", hash.as_bytes(), right.reveal()]);
        passwords.remember(name, clock::now());
        drop(work);
        assert_eq!(waiting.await, Ok(true));
        assert!(passwords.verify("eve", Some(hash.into()), &right).await.is_err());
    }

    #[test]
    fn what_is_remembered_is_bounded_and_ends() {
        let passwords = Passwords::new().unwrap();
        let now = Timestamp::from_secs(1000);
        for n in 0..CAPACITY + 10 {
            let mut name = [0; 32];
            name[..8].copy_from_slice(&n.to_be_bytes());
            passwords.remember(name, now);
        }
        assert_eq!(passwords.right.lock().unwrap().len(), CAPACITY);
        assert!(passwords.is_remembered(&[0; 32], now));
        assert!(!passwords.is_remembered(&[0; 32], now + REMEMBERED));
        passwords.remember([9; 32], now + REMEMBERED);
        assert_eq!(passwords.right.lock().unwrap().len(), 1);
    }
}
