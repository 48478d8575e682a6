//! What is kept of certificates that an ACME authority issued, and what they are bound to.

use std::net::SocketAddr;
use std::path::PathBuf;

use gatepost::model::binding::{Answer, Binding};
use gatepost::model::fault::Fault;
use gatepost::model::secret::Secret;
use gatepost::model::url::Url;
use gatepost::store::store::{KnownCertificate, Store, StoredCertificate};
use gatepost::tls::certificate::Certificate;
use serde::Deserialize;
use serde_json::json;

use crate::acme::wanted::{Challenge, Name, Names, Wanted};
use crate::error::GatewayError;

/// How a certificate came to us, so that it can be renewed in the same way.
#[derive(Debug, Deserialize)]
struct Record {
    directory: String,
    challenge: Challenge,
    contact: Vec<String>,
    ca_file: Option<PathBuf>,
    listen: Option<SocketAddr>,
}

/// How the certificate of that fingerprint came to us; `None` if no ACME authority issued it.
///
/// # Errors
/// Whatever the store says.
pub async fn origin(store: &dyn Store, certificate: &KnownCertificate) -> Result<Option<Wanted>, GatewayError> {
    let Some(record) = record(store, certificate.fingerprint).await? else { return Ok(None) };
    let Some(facts) = facts(&certificate.chain) else { return Ok(None) };
    let names: Result<Vec<Name>, String> = facts.names().iter().map(|name| name.parse()).collect();
    let (Ok(names), Ok(directory)) = (names.and_then(Names::new), Url::parse(&record.directory)) else {
        return Ok(None);
    };
    let Record { challenge, contact, ca_file, listen, .. } = record;
    Ok(Some(Wanted { names, directory, ca_file, contact, challenge, listen }))
}

/// The certificate for these names of this authority that lasts longest, if there is one.
///
/// # Errors
/// Whatever the store says.
pub async fn newest(store: &dyn Store, wanted: &Wanted) -> Result<Option<(Certificate, Vec<u8>)>, GatewayError> {
    let mut newest: Option<(Certificate, Vec<u8>)> = None;
    for known in store.certificates().await.map_err(engine)? {
        let Some(facts) = facts(&known.chain).filter(|facts| wanted.names.are(&facts.names())) else { continue };
        let Some(record) = record(store, known.fingerprint).await? else { continue };
        let is_later = newest.as_ref().is_none_or(|(other, _)| other.not_after < facts.not_after);
        if record.directory == wanted.directory.as_str() && is_later {
            newest = Some((facts, known.chain.into_iter().next().unwrap_or_default()));
        }
    }
    Ok(newest)
}

/// Keeps a certificate, with how it came to us.
///
/// # Errors
/// Whatever the store says.
pub async fn keep(store: &dyn Store, issued: StoredCertificate, wanted: &Wanted) -> Result<(), GatewayError> {
    let record = json!({
        "directory": wanted.directory.as_str(),
        "challenge": wanted.challenge,
        "contact": wanted.contact,
        "ca_file": wanted.ca_file,
        "listen": wanted.listen,
    });
    let record = Secret::from(record.to_string());
    // The record comes first: a certificate without one is nobody's to renew.
    store.put_secret(&place(issued.fingerprint), record).await.map_err(engine)?;
    store.put_certificate(issued).await.map_err(engine)
}

/// Whether all names are free, or bound to what an ACME authority issued: before somebody is asked for a certificate.
///
/// # Errors
/// [`GatewayError::BoundElsewhere`]; whatever the store says.
pub async fn make_sure(store: &dyn Store, names: &Names) -> Result<(), GatewayError> {
    let bindings = store.bindings().await.map_err(engine)?;
    for name in names.iter() {
        if let Some(found) = bindings.iter().find(|binding| binding.key == name.key()) {
            may_replace(store, found).await?;
        }
    }
    Ok(())
}

/// Binds each name to the certificate, at every port; what is bound so already stays. How many were bound.
///
/// Of a name that is bound to a certificate of an ACME authority, owner and terms stay, and the swap is one step.
///
/// # Errors
/// [`GatewayError::BoundElsewhere`]; whatever the store says, also that something else was bound at the same time.
pub async fn bind(store: &dyn Store, names: &Names, certificate: [u8; 32]) -> Result<usize, GatewayError> {
    let own = store.application().await.map_err(engine)?;
    let bindings = store.bindings().await.map_err(engine)?;
    let mut bound = 0;
    for name in names.iter() {
        let key = name.key();
        match bindings.iter().find(|binding| binding.key == key) {
            Some(found) if found.answer == Answer::Certificate(certificate) => continue,
            Some(found) => {
                may_replace(store, found).await?;
                let swapped = Binding { answer: Answer::Certificate(certificate), ..found.clone() };
                store.update_binding(swapped, found).await.map_err(engine)?;
            }
            None => store.add_binding(Binding::to_certificate(key, certificate, own)).await.map_err(engine)?,
        }
        bound += 1;
    }
    Ok(bound)
}

/// Only what an ACME authority issued is replaced: somebody else's choice is not ours to undo.
async fn may_replace(store: &dyn Store, binding: &Binding) -> Result<(), GatewayError> {
    let elsewhere = |what: &str| GatewayError::BoundElsewhere { key: binding.key.to_string(), what: what.to_owned() };
    match binding.answer {
        Answer::Certificate(certificate) => match record(store, certificate).await? {
            Some(_) => Ok(()),
            None => Err(elsewhere("a certificate")),
        },
        Answer::Reject(_) => Err(elsewhere("the end of the connection")),
        Answer::Directory(_) => Err(elsewhere("a directory")),
    }
}

async fn record(store: &dyn Store, certificate: [u8; 32]) -> Result<Option<Record>, GatewayError> {
    let text = store.secret(&place(certificate)).await.map_err(engine)?;
    Ok(text.and_then(|text| serde_json::from_slice(text.reveal()).ok()))
}

fn facts(chain: &[Vec<u8>]) -> Option<Certificate> {
    Certificate::parse(chain.first()?).ok()
}

/// Under which name a record is kept.
fn place(certificate: [u8; 32]) -> String {
    let mark: String = certificate.iter().map(|octet| format!("{octet:02x}")).collect();
    format!("acme.certificate.{mark}")
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn engine(error: impl Fault) -> GatewayError {
    GatewayError::engine(&error)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gatepost::model::time::Timestamp;
    use gatepost::store::memory::MemoryStore;
    use gatepost::tls::certificate::fingerprint;
    use gatepost::tls::issue::Authority;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn issued(days: u32) -> StoredCertificate {
        let now = Timestamp::from_secs(1_700_000_000);
        let authority = Authority::create("One", now, 100 * DAY).unwrap();
        let names = ["a.test", "b.test"].map(str::to_owned);
        let issued = authority.issue_server(&names, now, DAY * days).unwrap();
        StoredCertificate { fingerprint: fingerprint(&issued.chain[0]), chain: issued.chain, key: issued.key }
    }

    fn wanted(directory: &str) -> Wanted {
        let names = Names::new(["b.test", "a.test"].map(|name| name.parse().unwrap()).to_vec()).unwrap();
        let directory = Url::parse(directory).unwrap();
        let contact = vec!["ops@a.test".to_owned()];
        Wanted { names, directory, ca_file: None, contact, challenge: Challenge::Http01, listen: None }
    }

    #[tokio::test]
    async fn the_newest_of_the_same_authority_is_found_again() {
        let (store, here) = (MemoryStore::new(), wanted("https://ca.test/dir"));
        let elsewhere = wanted("https://other.test/dir");
        let (short, long, other) = (issued(10), issued(20), issued(30));
        for (one, of) in [(&short, &here), (&long, &here), (&other, &elsewhere)] {
            keep(&store, one.clone(), of).await.unwrap();
        }
        store.put_certificate(issued(40)).await.unwrap();
        let (facts, der) = newest(&store, &here).await.unwrap().unwrap();
        assert_eq!((facts.fingerprint, &der), (long.fingerprint, &long.chain[0]));
        let known = KnownCertificate { fingerprint: long.fingerprint, chain: long.chain };
        assert_eq!(origin(&store, &known).await.unwrap(), Some(here));
        let nobodys = issued(40);
        let known = KnownCertificate { fingerprint: nobodys.fingerprint, chain: nobodys.chain };
        assert_eq!(origin(&store, &known).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_somebody_else_bound_is_left_alone() {
        let (store, wanted) = (MemoryStore::new(), wanted("https://ca.test/dir"));
        let (first, second, theirs) = (issued(10), issued(20), issued(30));
        for one in [&first, &second] {
            keep(&store, one.clone(), &wanted).await.unwrap();
        }
        store.put_certificate(theirs.clone()).await.unwrap();
        make_sure(&store, &wanted.names).await.unwrap();
        assert_eq!(bind(&store, &wanted.names, first.fingerprint).await, Ok(2));
        assert_eq!(bind(&store, &wanted.names, first.fingerprint).await, Ok(0));
        assert_eq!(bind(&store, &wanted.names, second.fingerprint).await, Ok(2));
        let own = store.application().await.unwrap();
        let key: gatepost::model::binding::BindingKey = "a.test:0".parse().unwrap();
        for (answer, what) in [
            (Answer::Certificate(theirs.fingerprint), "a certificate"),
            (Answer::Reject(None), "the end of the connection"),
            (Answer::Directory("/x".into()), "a directory"),
        ] {
            let binding = Binding { answer, ..Binding::to_certificate(key.clone(), [0; 32], own) };
            store.put_binding(binding).await.unwrap();
            let error = GatewayError::BoundElsewhere { key: "a.test:0".into(), what: what.into() };
            assert_eq!(make_sure(&store, &wanted.names).await, Err(error.clone()));
            assert_eq!(bind(&store, &wanted.names, first.fingerprint).await, Err(error));
        }
    }
}
