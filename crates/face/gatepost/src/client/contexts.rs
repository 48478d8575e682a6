//! The security contexts of one exchange with a server: with whose tickets they begin, and how far they have come.

use std::fmt;

use gatepost_auth::context::{ContextAsk, ContextFacts, ContextStep};
use gatepost_kerberos::error::KerberosError;
use gatepost_kerberos::identity::Identity;
use gatepost_kerberos::initiator::{Initiation, Initiator};
use gatepost_kerberos::kerberos::Kerberos;
use gatepost_kerberos::step::Step;
use gatepost_model::channel::Channel;
use gatepost_model::credential::{Credential, Means};
use gatepost_model::fault::{Blame, Fault};
use gatepost_model::time::Timestamp;

use crate::error::Error;
use crate::system::{end_point, mechanism, within};

/// The contexts of an exchange, of which one is under way at a time.
pub(crate) struct Contexts {
    kerberos: Kerberos,
    under_way: Option<(u64, Initiator)>,
    begun: u64,
}

impl Contexts {
    pub(crate) fn new(kerberos: Kerberos) -> Self {
        Self { kerberos, under_way: None, begun: 0 }
    }

    /// Takes one step with this credential, which has passed the policy, on this channel, if it is known.
    ///
    /// # Errors
    /// If the credential is for Kerberos alone, so that nothing else could be tried, and does not do.
    pub(crate) async fn step(
        &mut self,
        ask: ContextAsk,
        credential: Option<&Credential>,
        channel: Option<&Channel>,
        now: Timestamp,
    ) -> Result<ContextStep, Error> {
        let Some(credential) = credential else {
            return Ok(ContextStep::Unavailable("there is neither a ticket nor a login for this address".into()));
        };
        match self.take(ask, credential, channel).await {
            Ok((initiator, Step { token, facts: Some(facts) })) => {
                drop(initiator);
                let expires = facts.lifetime.map(|left| now + left);
                // Which channel the service saw, an initiator never learns.
                let facts = ContextFacts { name: facts.service, expires, mutual: facts.mutual, bound: false };
                Ok(ContextStep::Done { token, facts })
            }
            Ok((initiator, Step { token, facts: None })) => {
                self.begun += 1;
                self.under_way = Some((self.begun, initiator));
                Ok(ContextStep::Continue { number: self.begun, token })
            }
            Err(error) if error.blame() == Blame::Peer => Ok(ContextStep::Refused(error.to_string())),
            // The same password would be wrong for NTLM, too, and count twice against an account that locks itself.
            Err(error @ KerberosError::Refused(_)) if credential.means == Means::Secret => {
                Ok(ContextStep::Refused(error.to_string()))
            }
            Err(error) if credential.means == Means::Secret => Ok(ContextStep::Unavailable(error.to_string())),
            Err(error) => Err(error.into()),
        }
    }

    async fn take(
        &mut self,
        ask: ContextAsk,
        credential: &Credential,
        channel: Option<&Channel>,
    ) -> Result<(Initiator, Step), KerberosError> {
        let under_way = self.under_way.take();
        let call = match ask.number {
            Some(number) => {
                let begun = under_way.filter(|(at, _)| *at == number).ok_or(KerberosError::Ended)?;
                self.kerberos.initiate_further(begun.1, ask.token)
            }
            None => self.kerberos.initiate(Initiation {
                service: ask.service.parse()?,
                identity: identity(credential)?,
                mechanism: mechanism(ask.mechanism),
                bindings: channel.and_then(end_point),
                // Whether a service that leaves it out is believed is decided where the answer is read.
                mutual: true,
            }),
        };
        within(&self.kerberos, call).await
    }
}

impl fmt::Debug for Contexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contexts").field("begun", &self.begun).finish_non_exhaustive()
    }
}

fn identity(credential: &Credential) -> Result<Identity, KerberosError> {
    let principal = credential.user.clone();
    Ok(match &credential.means {
        Means::Ambient => Identity::Ambient,
        Means::Tickets(file) => Identity::Cache(file.clone()),
        Means::Keytab(file) => Identity::Keytab { file: file.clone(), principal },
        // `DOMAIN\user` is a name of NTLM's: Kerberos would read the stroke as an escape, and the rest as one name.
        Means::Secret if principal.is_empty() || principal.contains('\\') => {
            return Err(KerberosError::Name(principal));
        }
        Means::Secret => Identity::Password { principal, password: credential.secret.clone() },
    })
}

/// What tells the means of one identity from those of another: connections that are proved by one are never the
/// other's.
pub(crate) fn parts(means: &Means) -> [&[u8]; 2] {
    match means {
        Means::Secret => [b"secret", b""],
        Means::Ambient => [b"ambient", b""],
        Means::Tickets(file) => [b"tickets", file.as_os_str().as_encoded_bytes()],
        Means::Keytab(file) => [b"keytab", file.as_os_str().as_encoded_bytes()],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use gatepost_auth::context::Mechanism;
    use gatepost_kerberos::kerberos::Bounds;

    use super::*;

    fn begin() -> ContextAsk {
        ContextAsk { number: None, mechanism: Mechanism::Spnego, service: "HTTP@a.test".into(), token: Vec::new() }
    }

    fn without_library() -> Contexts {
        Contexts::new(Kerberos::new(&["libgatepost-none.so.0"], Bounds::default()))
    }

    #[test]
    fn credentials_become_identities() {
        let password = "pass".into();
        let table = [
            (Credential::ambient(), Ok(Identity::Ambient)),
            (Credential::tickets("/t"), Ok(Identity::Cache("/t".into()))),
            (
                Credential::keytab("ali@R", "/k"),
                Ok(Identity::Keytab { file: "/k".into(), principal: "ali@R".to_owned() }),
            ),
            (Credential::login("ali@R", "pass"), Ok(Identity::Password { principal: "ali@R".to_owned(), password })),
            (Credential::login(r"CORP\ali", "pass"), Err(KerberosError::Name(r"CORP\ali".to_owned()))),
            (Credential::token("token"), Err(KerberosError::Name(String::new()))),
        ];
        for (credential, expected) in table {
            assert_eq!(identity(&credential), expected, "{credential:?}");
        }
    }

    #[test]
    fn no_means_are_anothers() {
        let tickets = |file: &str| Means::Tickets(file.into());
        let keytab = |file: &str| Means::Keytab(file.into());
        let all = [
            Means::Secret,
            Means::Ambient,
            tickets(""),
            tickets("ambient"),
            tickets("/a"),
            tickets("/b"),
            keytab("/a"),
            keytab("/b"),
        ];
        assert_eq!(all.iter().map(parts).collect::<HashSet<_>>().len(), all.len());
    }

    #[tokio::test]
    async fn what_cannot_be_leaves_the_next_scheme_its_chance_if_there_is_one() {
        let now = Timestamp::from_secs(0);
        for credential in [None, Some(Credential::login("ali", "pass"))] {
            let step = without_library().step(begin(), credential.as_ref(), None, now).await;
            assert!(matches!(step, Ok(ContextStep::Unavailable(_))), "{credential:?}: {step:?}");
        }
        for credential in [Credential::ambient(), Credential::tickets("/t"), Credential::keytab("ali", "/k")] {
            let error = without_library().step(begin(), Some(&credential), None, now).await.unwrap_err();
            assert_eq!((error.code(), error.blame()), ("GP-KERBEROS-001", Blame::Environment), "{credential:?}");
        }
    }

    #[tokio::test]
    async fn a_number_that_nobody_was_given_is_none() {
        let ask = ContextAsk { number: Some(1), token: vec![1], ..begin() };
        let credential = Credential::ambient();
        let error = without_library().step(ask, Some(&credential), None, Timestamp::from_secs(0)).await.unwrap_err();
        assert_eq!(error.code(), "GP-KERBEROS-024");
    }
}
