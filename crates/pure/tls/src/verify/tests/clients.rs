//! Clients as time goes by: what was good in the handshake is looked at again where it counts.

use std::sync::Arc;

use gatepost_model::time::Timestamp;
use rcgen::{ExtendedKeyUsagePurpose, SerialNumber};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ResolvesServerCertUsingSni;
use rustls::time_provider::TimeProvider;
use rustls::{CertificateError, Error, OtherError, ServerConfig};

use super::house::{DAY, House, Link, NOW};
use crate::client_chain::{ClientChain, ClientTrust};
use crate::lists::RevocationLists;
use crate::settings::ServerSettings;
use crate::verify::clients::{ClientVerifier, Clients};
use crate::verify::flaw::Flaw;
use crate::verify::judgement::Judgement;
use crate::verify::purpose::Purpose;
use crate::verify::verifier::Rejected;

#[derive(Debug)]
struct At(i64);

impl TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(u64::try_from(self.0).unwrap())))
    }
}

fn ali(house: &House, serial: u64) -> Link {
    house.leaf(|params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.serial_number = Some(SerialNumber::from(serial));
    })
}

fn chain(house: &House, leaf: &Link) -> Vec<CertificateDer<'static>> {
    [leaf.der(), house.middle.der()].into_iter().map(CertificateDer::from).collect()
}

/// A chain as it comes out of a handshake.
fn shown(house: &House, leaf: &Link) -> ClientChain {
    let chain = chain(house, leaf);
    let judgement = house.judge().judge(&chain[0], &chain[1..], None, Purpose::Client, Timestamp::from_secs(NOW));
    ClientChain::new(Arc::new(judgement))
}

/// What a server makes of a session that is resumed at this moment, in which this was shown.
fn resumed(clients: &Clients, shown: &[CertificateDer<'_>], at: i64) -> Result<bool, Vec<Flaw>> {
    let mut config =
        ServerConfig::builder().with_no_client_auth().with_cert_resolver(Arc::new(ResolvesServerCertUsingSni::new()));
    config.time_provider = Arc::new(At(at));
    let verifier = Arc::new(ClientVerifier::new(clients).unwrap());
    let guard = ServerSettings::new(config).judging(Some(verifier)).guard();
    match guard.admit(shown, None) {
        Ok(chain) => Ok(chain.is_some()),
        Err(Error::InvalidCertificate(CertificateError::Other(OtherError(inner)))) => {
            let Some(Rejected(judgement)) = inner.downcast_ref() else { panic!("{inner}") };
            Err(judgement.flaws().iter().collect())
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_session_is_judged_again_when_it_is_resumed() {
    let house = House::new();
    let [good, revoked] = [7, 8].map(|serial| ali(&house, serial));
    let lists = vec![house.list(&house.root, &[], NOW + DAY), house.list(&house.middle, &[8], NOW + DAY)];
    let clients = |lists: &[Vec<u8>]| Clients {
        required: false,
        authorities: vec![house.root.der()],
        revocation: (!lists.is_empty()).then(|| RevocationLists::new(lists.to_vec()).unwrap()),
        hints: false,
        usage_check: true,
    };
    let table = [
        (&good, &[][..], NOW, Ok(true)),
        (&good, &lists[..], NOW, Ok(true)),
        (&good, &[], NOW + 31 * DAY, Err(vec![Flaw::Expired])),
        (&revoked, &lists, NOW, Err(vec![Flaw::Revoked])),
        (&good, &lists, NOW + 2 * DAY, Err(vec![Flaw::RevocationFailed])),
        // Of one of the two authorities nothing is known.
        (&good, &lists[1..], NOW, Err(vec![Flaw::RevocationUnknown])),
    ];
    for (leaf, lists, at, expected) in table {
        assert_eq!(resumed(&clients(lists), &chain(&house, leaf), at), expected, "{at}");
    }
    assert_eq!(resumed(&clients(&[]), &[], NOW), Ok(false));
}

#[test]
fn a_route_has_authorities_of_its_own() {
    let (house, other) = (House::new(), House::new());
    let leaf = ali(&house, 7);
    let chain = shown(&house, &leaf);
    assert_eq!(chain.certificates(), [leaf.der(), house.middle.der()]);
    assert_eq!(chain.until(), Timestamp::from_secs(NOW + 30 * DAY));
    let trust = |authority: &Link, lists: &[Vec<u8>]| Arc::new(ClientTrust::new(&[authority.der()], lists).unwrap());
    let revoked = [house.list(&house.root, &[], NOW + DAY), house.list(&house.middle, &[7], NOW + DAY)];
    let fine = [house.list(&house.root, &[], NOW + DAY), house.list(&house.middle, &[], NOW + DAY)];
    let table = [
        (trust(&house.root, &[]), NOW, vec![]),
        (trust(&house.middle, &[]), NOW, vec![]),
        // It has the same name, and another key.
        (trust(&other.root, &[]), NOW, vec![Flaw::BadSignature]),
        (trust(&house.root, &revoked), NOW, vec![Flaw::Revoked]),
        (trust(&house.root, &fine), NOW, vec![]),
        (trust(&house.root, &fine), NOW + 2 * DAY, vec![Flaw::RevocationFailed]),
        (trust(&house.root, &[]), NOW + 31 * DAY, vec![Flaw::Expired]),
    ];
    let flaws = |judged: Result<(), Arc<Judgement>>| {
        judged.err().map(|judgement| judgement.flaws().iter().collect::<Vec<_>>()).unwrap_or_default()
    };
    // Twice: what is remembered is no other than what was found.
    for (trust, at, expected) in table.iter().chain(&table) {
        assert_eq!(flaws(chain.judge_by(trust, Timestamp::from_secs(*at))), *expected, "{at}");
    }
}

#[test]
fn what_was_found_holds_no_longer_than_what_it_rests_on() {
    let house = House::new();
    let chain = shown(&house, &ali(&house, 7));
    let lists = [house.list(&house.root, &[], NOW + 40 * DAY), house.list(&house.middle, &[], NOW + DAY)];
    let at = |trust: &Arc<ClientTrust>, seconds| chain.judge_by(trust, Timestamp::from_secs(seconds)).is_ok();
    let listed = Arc::new(ClientTrust::new(&[house.root.der()], &lists).unwrap());
    let plain = Arc::new(ClientTrust::new(&[house.root.der()], &[]).unwrap());
    assert!(at(&listed, NOW) && at(&plain, NOW));
    assert!(!at(&listed, NOW + DAY + 1), "the list is too old");
    assert!(at(&plain, NOW + 30 * DAY) && !at(&plain, NOW + 30 * DAY + 1), "the certificate has ended");
    // More trusts than a chain remembers, and those of a plan that is no more.
    for _ in 0..20 {
        let trust = Arc::new(ClientTrust::new(&[house.root.der()], &[]).unwrap());
        assert!(at(&trust, NOW));
    }
    assert!(ClientTrust::new(&[], &[]).is_err());
}
