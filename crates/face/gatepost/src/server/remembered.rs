//! What is remembered of a connection: what it said last, a proof that is under way on it, who it speaks for, and what
//! belongs to it alone.
//!
//! All of it is wiped when the connection ends. Nothing is decided here.

use std::fmt;
use std::sync::Arc;

use gatepost_kerberos::acceptor::Acceptor;
use gatepost_model::principal::Principal;
use gatepost_model::secret::Secret;
use gatepost_model::time::Timestamp;
use gatepost_net::handler::Memory;

use crate::client::pinned::Pinned;
use crate::server::generations::Name;

/// The memory of one connection.
#[derive(Default)]
pub(crate) struct Remembered {
    /// The credentials that came last and were believed.
    pub(crate) said: Option<Said>,
    /// A proof of several legs that is not at its end.
    pub(crate) legs: Option<Legs>,
    /// A security context that goes on with the next leg.
    pub(crate) context: Option<(u64, Acceptor)>,
    /// Whom the connection speaks for, after a proof that was for all of it.
    pub(crate) standing: Option<Standing>,
    /// The upstream connections that belong to it.
    pub(crate) pinned: Vec<Arc<Pinned>>,
}

/// How far a proof has come.
pub(crate) struct Legs {
    /// Before whom.
    pub(crate) authenticator: u64,
    /// The scheme whose legs they are.
    pub(crate) scheme: &'static str,
    /// What the scheme asked to be given back.
    pub(crate) memory: Secret,
    /// When it is too late to go on.
    pub(crate) until: Timestamp,
}

/// The credential fields that came last, and their name.
pub(crate) struct Said {
    pub(crate) authenticator: u64,
    pub(crate) fields: Vec<(&'static str, Secret)>,
    pub(crate) name: Name,
}

/// Whom it speaks for, and before whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) authenticator: u64,
    pub(crate) principal: Arc<Principal>,
    /// The epoch that was current before users and keys were looked at.
    pub(crate) epoch: u64,
}

impl Remembered {
    /// Looks at what is remembered, and changes it. Not to be held across a wait.
    pub(crate) fn with<T>(memory: &Memory, look: impl FnOnce(&mut Self) -> T) -> T {
        let mut memory = memory.open();
        let remembered = memory.get_or_insert_with(|| Box::new(Self::default()));
        match remembered.downcast_mut() {
            Some(remembered) => look(remembered),
            // Somebody else's value: whoever answers has changed, and starts from nothing.
            None => {
                let mut fresh = Self::default();
                let seen = look(&mut fresh);
                *remembered = Box::new(fresh);
                seen
            }
        }
    }

    /// The same, if anything is remembered at all.
    pub(crate) fn look<T>(memory: &Memory, look: impl FnOnce(&Self) -> Option<T>) -> Option<T> {
        look(memory.open().as_ref()?.downcast_ref()?)
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Remembered(..)")
    }
}
