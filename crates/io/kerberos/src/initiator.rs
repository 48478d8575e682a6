//! The client's end of a context.

use std::fmt;
use std::sync::Arc;

use crate::abi::{CHANNEL_BOUND, MUTUAL, REPLAY, SEQUENCE};
use crate::credential::Kept;
use crate::error::KerberosError;
use crate::facts::Facts;
use crate::identity::Identity;
use crate::library::context::{Context, Reply};
use crate::library::held::{Credential, Name};
use crate::library::system::Library;
use crate::mechanism::Mechanism;
use crate::service::Service;
use crate::status::{Stage, named};
use crate::step::{MAX_LEGS, Step};
use crate::token;

/// What an initiator is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Initiation {
    /// Whom it wants to talk to.
    pub service: Service,
    /// As whom.
    pub identity: Identity,
    /// In what.
    pub mechanism: Mechanism,
    /// The channel that it is bound to: `tls-server-end-point:` and the hash of the server's certificate (RFC 5929 §4),
    /// or another type, a colon and its value. `None` binds it to none.
    pub bindings: Option<Vec<u8>>,
    /// Whether the service has to prove itself, too: the context does not stand before.
    pub mutual: bool,
}

/// A context that was begun. Its steps may ask the KDC, and block: [`Kerberos`](crate::kerberos::Kerberos) runs them.
pub struct Initiator {
    library: Library,
    credential: Arc<Credential>,
    target: Name,
    context: Context,
    flags: u32,
    bindings: Option<Vec<u8>>,
    mutual: bool,
    legs: u8,
    ended: bool,
}

impl Initiator {
    /// Takes the credential.
    pub(crate) fn new(library: &Library, kept: &Kept, terms: Initiation) -> Result<Self, KerberosError> {
        let (text, kind) = terms.service.import();
        let target = library.name(&text, kind).map_err(|error| named(error, Stage::Asking))?;
        let credential = kept.credential(library, &terms.identity, terms.mechanism)?;
        let mut flags = REPLAY | SEQUENCE;
        if terms.mutual {
            flags |= MUTUAL;
        }
        if terms.bindings.is_some() {
            // The acceptor is told that bindings are meant, so that one that has others refuses.
            flags |= CHANNEL_BOUND;
        }
        Ok(Self {
            library: library.clone(),
            credential,
            target,
            context: Context::new(library, terms.mechanism.octets()),
            flags,
            bindings: terms.bindings,
            mutual: terms.mutual,
            legs: 0,
            ended: false,
        })
    }

    /// What it proves with.
    pub(crate) fn credential(&self) -> &Arc<Credential> {
        &self.credential
    }

    /// Takes what the service said, nothing at first, and gives what it is to be told.
    pub(crate) fn step(&mut self, input: &[u8]) -> Result<Step, KerberosError> {
        let stage = if self.legs == 0 { Stage::Asking } else { Stage::Answered };
        // Whatever happens from here on, a failed context takes no more.
        if std::mem::replace(&mut self.ended, true) {
            return Err(KerberosError::Ended);
        }
        token::bounded(input)?;
        if self.legs == MAX_LEGS || (stage == Stage::Asking) != input.is_empty() {
            return Err(KerberosError::Token("it is out of turn".to_owned()));
        }
        self.legs += 1;
        let bindings = self.bindings.as_deref();
        let reply = self
            .context
            .initiate(&self.credential, &self.target, self.flags, bindings, input)
            .map_err(|error| named(error, stage))?;
        let step = self.judge(reply)?;
        self.ended = step.is_done();
        Ok(step)
    }

    fn judge(&self, reply: Reply) -> Result<Step, KerberosError> {
        let Reply { token, complete, flags, is_kerberos } = reply;
        if !complete {
            let goes_on = !token.is_empty();
            return if goes_on {
                Ok(Step { token, facts: None })
            } else {
                Err(KerberosError::Token("it asks for nothing".to_owned()))
            };
        }
        if !is_kerberos {
            return Err(KerberosError::Token("it chose another mechanism than Kerberos".to_owned()));
        }
        let facts = Facts::of(&self.library, &self.context, flags)?;
        if self.mutual && !facts.mutual {
            return Err(KerberosError::NotMutual);
        }
        Ok(Step { token, facts: Some(facts) })
    }
}

impl fmt::Debug for Initiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Initiator").field("legs", &self.legs).field("ended", &self.ended).finish_non_exhaustive()
    }
}
