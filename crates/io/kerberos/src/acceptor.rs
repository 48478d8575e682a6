//! The service's end of a context.

use std::fmt;
use std::path::PathBuf;

use crate::credential;
use crate::error::KerberosError;
use crate::facts::Facts;
use crate::library::context::{Context, Reply};
use crate::library::held::Credential;
use crate::library::system::Library;
use crate::mechanism::Mechanism;
use crate::service::Service;
use crate::status::{Stage, named};
use crate::step::{MAX_LEGS, Step};
use crate::token;

/// What an acceptor is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// The file with the service's keys. It is read for each context: new keys count at once.
    pub keytab: PathBuf,
    /// The service that clients have to ask for.
    pub service: Service,
    /// The one mechanism that it takes.
    pub mechanism: Mechanism,
    /// What it asks of channel bindings.
    pub bindings: Bindings,
}

/// What an acceptor asks of channel bindings. The octets are as in
/// [`Initiation::bindings`](crate::initiator::Initiation::bindings).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bindings {
    /// Whatever the client binds to is not looked at.
    Ignored,
    /// A client may bind to nothing, but not to another channel.
    WhenOffered(Vec<u8>),
    /// A client has to bind to this channel.
    Required(Vec<u8>),
}

impl Bindings {
    fn octets(&self) -> Option<&[u8]> {
        match self {
            Self::Ignored => None,
            Self::WhenOffered(octets) | Self::Required(octets) => Some(octets),
        }
    }
}

/// A context that a client began. [`Kerberos`](crate::kerberos::Kerberos) runs its steps.
pub struct Acceptor {
    library: Library,
    credential: Credential,
    context: Context,
    mechanism: Mechanism,
    bindings: Bindings,
    legs: u8,
    ended: bool,
}

impl Acceptor {
    /// Opens the keytab.
    pub(crate) fn new(library: &Library, terms: Acceptance) -> Result<Self, KerberosError> {
        let Acceptance { keytab, service, mechanism, bindings } = terms;
        let credential = credential::of_service(library, &keytab, &service, mechanism)?;
        let context = Context::new(library, mechanism.octets());
        Ok(Self { library: library.clone(), credential, context, mechanism, bindings, legs: 0, ended: false })
    }

    /// Takes what the client said, and gives what it is to be told.
    pub(crate) fn step(&mut self, input: &[u8]) -> Result<Step, KerberosError> {
        // Whatever happens from here on, a failed context takes no more.
        if std::mem::replace(&mut self.ended, true) {
            return Err(KerberosError::Ended);
        }
        match self.legs {
            0 => token::is_first(input, self.mechanism)?,
            1..MAX_LEGS => token::bounded(input)?,
            _ => return Err(KerberosError::Token("it is out of turn".to_owned())),
        }
        self.legs += 1;
        let reply = self
            .context
            .accept(&self.credential, self.bindings.octets(), input)
            .map_err(|error| named(error, Stage::Judging))?;
        let step = self.judge(reply)?;
        self.ended = step.is_done();
        Ok(step)
    }

    fn judge(&self, reply: Reply) -> Result<Step, KerberosError> {
        let Reply { token, complete, flags, is_kerberos } = reply;
        if !complete {
            // Kerberos alone has one token each way; what asks for more than that is an error in disguise.
            let goes_on = self.mechanism == Mechanism::Spnego && !token.is_empty();
            return if goes_on {
                Ok(Step { token, facts: None })
            } else {
                Err(KerberosError::Token("it is no request for this service".to_owned()))
            };
        }
        // Before anything is asked of the context: that has crashed where another mechanism had come in.
        if !is_kerberos {
            return Err(KerberosError::Token("it chose another mechanism than Kerberos".to_owned()));
        }
        let facts = Facts::of(&self.library, &self.context, flags)?;
        // krb5 takes a client without bindings even where the acceptor has some.
        if matches!(self.bindings, Bindings::Required(_)) && !facts.bound {
            return Err(KerberosError::Unbound);
        }
        Ok(Step { token, facts: Some(facts) })
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").field("legs", &self.legs).field("ended", &self.ended).finish_non_exhaustive()
    }
}
