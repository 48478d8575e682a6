//! Whom a connection speaks for, after a proof that was made for all of it (RFC 4559 §6).
//!
//! It speaks for them as long as it lives, the principal does not end, and nothing has changed about users and keys; never
//! for a request that brings credentials of its own, and never for one that another hop has passed on, since that hop may
//! carry requests of several people over one connection.

use std::sync::Arc;

use gatepost_model::principal::Principal;
use gatepost_net::handler::Memory;

use crate::clock::Moment;
use crate::server::remembered::{Remembered, Standing};

impl Standing {
    /// Whom the connection speaks for before this authenticator, in this epoch.
    pub(crate) fn of(memory: &Memory, authenticator: u64, epoch: u64, now: Moment) -> Option<Arc<Principal>> {
        Remembered::look(memory, |remembered| {
            let standing = remembered.standing.as_ref()?;
            let ended = standing.principal.expires.is_some_and(|end| end <= now.wall);
            let same = standing.authenticator == authenticator && standing.epoch == epoch;
            (same && !ended).then(|| Arc::clone(&standing.principal))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use gatepost_model::time::Timestamp;

    use super::*;

    #[test]
    fn it_ends_with_the_principal_the_epoch_and_the_authenticator() {
        let memory = Memory::default();
        let now = Moment { wall: Timestamp::from_millis(1_000), steady: Instant::now() };
        let later = Moment { wall: now.wall + Duration::from_secs(5), ..now };
        let principal = Principal { expires: Some(later.wall), ..Principal::new("ada", "NTLM") };
        let principal = Arc::new(principal);
        assert_eq!(Standing::of(&memory, 1, 7, now), None);
        let standing = Standing { authenticator: 1, principal: Arc::clone(&principal), epoch: 7 };
        Remembered::with(&memory, |remembered| remembered.standing = Some(standing));
        for (authenticator, epoch, when, stands) in
            [(1, 7, now, true), (2, 7, now, false), (1, 8, now, false), (1, 7, later, false)]
        {
            let found = Standing::of(&memory, authenticator, epoch, when);
            assert_eq!(found, stands.then(|| Arc::clone(&principal)), "{authenticator} {epoch}");
        }
        assert_eq!(Standing::of(&memory.clone(), 1, 7, now), None, "another connection");
    }
}
