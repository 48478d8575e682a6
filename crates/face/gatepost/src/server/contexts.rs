//! The security contexts that clients begin: with whose keys they are judged, and how far those of a connection
//! have come.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use gatepost_auth::context::{ContextAsk, ContextFacts, ContextStep};
use gatepost_auth::settings::ChannelBinding;
use gatepost_kerberos::acceptor::{Acceptance, Acceptor, Bindings};
use gatepost_kerberos::error::KerberosError;
use gatepost_kerberos::kerberos::Kerberos;
use gatepost_kerberos::service::Service;
use gatepost_kerberos::step::Step;
use gatepost_model::channel::Channel;
use gatepost_model::fault::{Blame, Fault};
use gatepost_model::time::Timestamp;
use gatepost_net::handler::Memory;

use crate::error::Error;
use crate::server::remembered::Remembered;
use crate::system::{end_point, mechanism, within};

/// The number of the next context of this process.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// What a server proves to be, and judges with, by Kerberos.
#[derive(Debug, Clone)]
pub struct Keytab {
    kerberos: Kerberos,
    file: PathBuf,
    service: Service,
}

impl Keytab {
    /// The keys of this service in this file. A service without a host takes every host's. The file is read for each
    /// context: new keys count at once.
    ///
    /// # Errors
    /// If there is no Kerberos on this machine, or the file has no such keys now.
    pub async fn open(kerberos: Kerberos, file: PathBuf, service: Service) -> Result<Self, Error> {
        within(&kerberos, kerberos.look(file.clone(), service.clone())).await?;
        Ok(Self { kerberos, file, service })
    }

    /// Takes one step of a context on a connection.
    ///
    /// # Errors
    /// If the keytab or the machine does not do: nobody can be judged then.
    pub(crate) async fn step(
        &self,
        ask: ContextAsk,
        bindings: Bindings,
        memory: &Memory,
        now: Timestamp,
    ) -> Result<ContextStep, Error> {
        match self.take(ask, bindings, memory).await {
            Ok((_, Step { token, facts: Some(facts) })) => {
                let expires = facts.lifetime.map(|left| now + left);
                let facts = ContextFacts { name: facts.client, expires, mutual: facts.mutual, bound: facts.bound };
                Ok(ContextStep::Done { token, facts })
            }
            Ok((acceptor, Step { token, facts: None })) => {
                let number = NEXT.fetch_add(1, Ordering::Relaxed);
                Remembered::with(memory, |remembered| remembered.context = Some((number, acceptor)));
                Ok(ContextStep::Continue { number, token })
            }
            Err(error) if error.blame() == Blame::Peer => Ok(ContextStep::Refused(error.to_string())),
            Err(error) => Err(error.into()),
        }
    }

    async fn take(
        &self,
        ask: ContextAsk,
        bindings: Bindings,
        memory: &Memory,
    ) -> Result<(Acceptor, Step), KerberosError> {
        let under_way = Remembered::with(memory, |remembered| remembered.context.take());
        let call = match ask.number {
            Some(number) => {
                let begun = under_way.filter(|(at, _)| *at == number).ok_or(KerberosError::Ended)?;
                self.kerberos.accept_further(begun.1, ask.token)
            }
            None => {
                let terms = Acceptance {
                    keytab: self.file.clone(),
                    service: self.service.clone(),
                    mechanism: mechanism(ask.mechanism),
                    bindings,
                };
                self.kerberos.accept(terms, ask.token)
            }
        };
        within(&self.kerberos, call).await
    }
}

/// What is asked of a client's bindings on this channel.
pub(crate) fn bindings(channel: Option<&Channel>, demand: ChannelBinding) -> Bindings {
    match (demand, channel.and_then(end_point)) {
        (ChannelBinding::DangerIgnored, _) | (_, None) => Bindings::Ignored,
        // Whether a client may leave them out is for the scheme to say.
        (_, Some(end_point)) => Bindings::WhenOffered(end_point),
    }
}

#[cfg(test)]
mod tests {
    use gatepost_auth::context::Mechanism;
    use gatepost_kerberos::kerberos::Bounds;

    use super::*;

    fn ask(number: Option<u64>) -> ContextAsk {
        ContextAsk { number, mechanism: Mechanism::Kerberos, service: String::new(), token: b"NTLMSSP\0".to_vec() }
    }

    #[tokio::test]
    async fn a_server_with_a_keytab_does_not_start_without_the_library_or_the_keys() {
        let kerberos = Kerberos::new(&["libgatepost-none.so.0"], Bounds::default());
        let service: Service = "HTTP/a.test".parse().unwrap();
        let error = Keytab::open(kerberos, "/k".into(), service.clone()).await.unwrap_err();
        assert_eq!((error.code(), error.blame()), ("GP-KERBEROS-001", Blame::Environment));
        if Kerberos::default().load().is_err() {
            return; // There is no Kerberos here.
        }
        let error = Keytab::open(Kerberos::default(), "/nonexistent/keytab".into(), service).await.unwrap_err();
        assert_eq!((error.code(), error.blame()), ("GP-KERBEROS-011", Blame::Config));
    }

    #[test]
    fn bindings_are_looked_at_where_there_are_some_and_nobody_ignores_them() {
        let mut channel = Channel::default();
        assert_eq!(bindings(None, ChannelBinding::Required), Bindings::Ignored);
        assert_eq!(bindings(Some(&channel), ChannelBinding::Required), Bindings::Ignored);
        channel.bindings.end_point = Some([1, 2].into());
        let expected = Bindings::WhenOffered(b"tls-server-end-point:\x01\x02".to_vec());
        for demand in [ChannelBinding::Checked, ChannelBinding::Required] {
            assert_eq!(bindings(Some(&channel), demand), expected);
        }
        assert_eq!(bindings(Some(&channel), ChannelBinding::DangerIgnored), Bindings::Ignored);
    }

    #[tokio::test]
    async fn a_keytab_that_is_gone_lets_nobody_in() {
        let kerberos = Kerberos::default();
        if kerberos.load().is_err() {
            return; // There is no Kerberos here.
        }
        let keytab = Keytab { kerberos, file: "/nonexistent/keytab".into(), service: "HTTP/a.test".parse().unwrap() };
        let memory = Memory::default();
        let error = keytab.step(ask(None), Bindings::Ignored, &memory, Timestamp::from_secs(0)).await.unwrap_err();
        assert_eq!((error.code(), error.blame()), ("GP-KERBEROS-011", Blame::Config));
        // Nobody is given such a number: it would be a fault of ours.
        let error = keytab.step(ask(Some(7)), Bindings::Ignored, &memory, Timestamp::from_secs(0)).await.unwrap_err();
        assert_eq!((error.code(), error.blame()), ("GP-KERBEROS-024", Blame::Bug));
    }
}
