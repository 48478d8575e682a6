//! Whether a certificate is fit to be bound: what would fail at every client is found before it is shown to one.

use gatepost_model::secret::Secret;
use gatepost_model::time::Timestamp;
use rustls::pki_types::CertificateDer;

use crate::error::TlsError;
use crate::ocsp::status::{self, Status};
use crate::pem;
use crate::server_certificate::ServerCertificate;
use crate::unfit::{Cause, Unfit};
use crate::verify::flaw::Flaw;
use crate::verify::judge::Judge;
use crate::verify::purpose::Purpose;

/// Takes a chain and its key out of PEM texts, which may be one, if they are fit for a server at `now`.
///
/// # Errors
/// [`Unfit`] with the first thing that is wrong.
pub fn from_pem(chain: &[u8], key: &[u8], now: Timestamp) -> Result<(ServerCertificate, Vec<Vec<u8>>, Secret), Unfit> {
    let chain = pem::parse_chain_pem(chain).map_err(|error| unfit(Cause::Unusable, &error))?;
    let missing = if pem::has_key(key) { Cause::Unusable } else { Cause::KeyMissing };
    let key = pem::parse_key_pem(key).map_err(|error| unfit(missing, &error))?;
    Ok((server_certificate(chain.clone(), &key, now)?, chain, key))
}

/// Puts a chain (DER, leaf first) and its key together, if they are fit for a server at `now`.
///
/// A leaf alone is taken for one whose authority clients know.
///
/// # Errors
/// [`Unfit`] with the first thing that is wrong.
pub fn server_certificate(chain: Vec<Vec<u8>>, key: &Secret, now: Timestamp) -> Result<ServerCertificate, Unfit> {
    check_chain(&chain, now)?;
    ServerCertificate::new(chain, key).map_err(|error| match error {
        TlsError::KeyMismatch { .. } => unfit(Cause::KeyMismatch, &error),
        _ => unfit(Cause::Unusable, &error),
    })
}

/// Until when an OCSP response may be stapled to a chain (DER, leaf first) that is shown at `now`: it says that the leaf
/// was not taken back.
///
/// # Errors
/// [`Unfit`] with the reason why it must not be.
pub fn staple(response: &[u8], chain: &[Vec<u8>], now: Timestamp) -> Result<Timestamp, Unfit> {
    let wrong = |detail: String| Unfit { cause: Cause::WrongStaple, detail };
    let [leaf, issuer, ..] = chain else {
        return Err(wrong("whoever issued the certificate has to be in its chain".into()));
    };
    match status::judge(response, leaf, issuer, now).map_err(|unbelievable| wrong(unbelievable.to_string()))? {
        Status::Good { until } => Ok(until),
        Status::Revoked { since } => Err(wrong(format!("it says that the certificate was revoked at {since}"))),
        Status::Unknown => Err(wrong("it says that the authority does not know the certificate".into())),
    }
}

/// The last certificate counts as trusted: what is asked is whether the others lead there.
fn check_chain(chain: &[Vec<u8>], now: Timestamp) -> Result<(), Unfit> {
    let (Some(leaf), Some(last)) = (chain.first(), chain.last()) else {
        return Err(Unfit { cause: Cause::Unusable, detail: "there is no certificate".to_owned() });
    };
    let judge = Judge::new(std::slice::from_ref(last)).map_err(|error| unfit(Cause::Unusable, &error))?;
    let sent: Vec<_> = chain.iter().skip(1).map(|der| CertificateDer::from(der.as_slice())).collect();
    let judgement = judge.judge(leaf, &sent, None, Purpose::Server, now);
    for found in judgement.found {
        let cause = match found.flaw {
            Flaw::Untrusted | Flaw::IncompleteChain if sent.is_empty() => continue,
            // Clients have words of their own about those; some still take them.
            Flaw::WeakKey | Flaw::WeakSignature => continue,
            Flaw::Expired => Cause::Expired,
            Flaw::NotYetValid => Cause::NotYetValid,
            Flaw::WrongUsage => Cause::WrongUsage,
            Flaw::Untrusted | Flaw::IncompleteChain | Flaw::BadSignature | Flaw::BasicConstraints => {
                return Err(Unfit {
                    cause: Cause::WrongChain,
                    detail: "a certificate is not signed by the next one".into(),
                });
            }
            _ => Cause::Unusable,
        };
        return Err(Unfit { cause, detail: found.detail });
    }
    Ok(())
}

fn unfit(cause: Cause, error: &TlsError) -> Unfit {
    Unfit { cause, detail: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gatepost_testkit::ocsp::{Reply, Word};
    use rcgen::{CertificateParams, KeyPair};

    use super::*;
    use crate::issue::{Authority, Issued};

    const DAY: Duration = Duration::from_secs(86_400);

    fn start() -> Timestamp {
        Timestamp::from_secs(1_700_000_000)
    }

    fn pem_of(chain: &[Vec<u8>]) -> String {
        chain.iter().map(|der| pem::certificate_pem(der)).collect()
    }

    #[test]
    fn what_would_fail_at_every_client_is_found_before() {
        let authority = Authority::create("One", start(), 100 * DAY).unwrap();
        let other = Authority::create("One", start(), 100 * DAY).unwrap();
        let names = ["a.test".to_owned()];
        let good = authority.issue_server(&names, start(), 10 * DAY).unwrap();
        let second = authority.issue_server(&names, start(), 10 * DAY).unwrap();
        let client = authority.issue_client(&names, start(), 10 * DAY).unwrap();
        let mixed = vec![good.chain[0].clone(), other.certificate_der().to_vec()];
        let alone = vec![good.chain[0].clone()];
        let Issued { chain, key } = good;
        let table = [
            (&chain, &key, 1, None),
            (&alone, &key, 1, None),
            (&chain, &second.key, 1, Some(Cause::KeyMismatch)),
            (&chain, &key, 11, Some(Cause::Expired)),
            (&chain, &key, -1, Some(Cause::NotYetValid)),
            (&mixed, &key, 1, Some(Cause::WrongChain)),
            (&client.chain, &client.key, 1, Some(Cause::WrongUsage)),
        ];
        for (chain, key, day, cause) in table {
            let now = Timestamp::from_secs(1_700_000_000 + day * 86_400);
            let outcome = server_certificate(chain.clone(), key, now);
            assert_eq!(outcome.as_ref().err().map(|unfit| unfit.cause), cause, "{outcome:?}");
        }
    }

    #[test]
    fn one_that_is_signed_by_itself_is_a_chain() {
        let key = KeyPair::generate().unwrap();
        let made = CertificateParams::new(vec!["a.test".to_owned()]).unwrap().self_signed(&key).unwrap();
        let secret = Secret::new(key.serialize_der());
        assert!(server_certificate(vec![made.der().to_vec()], &secret, start()).is_ok());
    }

    #[test]
    fn a_text_without_a_key_says_so() {
        let authority = Authority::create("One", start(), 100 * DAY).unwrap();
        let issued = authority.issue_server(&["a.test".to_owned()], start(), DAY).unwrap();
        let chain = pem_of(&issued.chain);
        let cut = format!("{chain}-----BEGIN PRIVATE KEY-----\nMII");
        let cause =
            |key: &str| from_pem(chain.as_bytes(), key.as_bytes(), start()).map(|_| ()).map_err(|unfit| unfit.cause);
        assert_eq!((cause(&chain), cause(&cut)), (Err(Cause::KeyMissing), Err(Cause::Unusable)));
    }

    #[test]
    fn a_staple_is_its_own_and_of_now() {
        let authority = gatepost_testkit::authority::Authority::new();
        let (leaf, other) = (authority.issue(&["a.test"]), authority.issue(&["a.test"]));
        let chain = vec![leaf.certificate_der.clone(), authority.der().to_vec()];
        // The kit's word counts from 2023-11-14 to 2023-11-16; it is 22:13:20 of the first day.
        let reply = |word| Reply::new(word, "20231114000000Z", "20231116000000Z");
        let good = authority.ocsp(&leaf, &reply(Word::Good));
        let end = Timestamp::parse_rfc3339("2023-11-16T00:00:00Z").unwrap();
        assert_eq!(staple(&good, &chain, start()), Ok(end));
        let wrong = |response: &[u8], chain: &[Vec<u8>], now| {
            let unfit = staple(response, chain, now).unwrap_err();
            assert_eq!(unfit.cause, Cause::WrongStaple);
            unfit.detail
        };
        assert_eq!(wrong(&good, &chain[..1], start()), "whoever issued the certificate has to be in its chain");
        assert!(wrong(&good, &chain, end + DAY).contains("too old"));
        assert!(wrong(&authority.ocsp(&other, &reply(Word::Good)), &chain, start()).contains("other certificates"));
        let revoked = reply(Word::Revoked("20231101000000Z"));
        assert!(wrong(&authority.ocsp(&leaf, &revoked), &chain, start()).contains("revoked at 2023-11-01"));
        assert!(wrong(&authority.ocsp(&leaf, &reply(Word::Unknown)), &chain, start()).contains("does not know"));
    }
}
