//! Chains that are made to be judged less than they should be.

use std::time::Duration;

use rcgen::{
    CertificateRevocationListParams, ExtendedKeyUsagePurpose, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber,
};

use gatepost_model::time::Timestamp;

use crate::verify::flaw::{Flaw, Flaws};
use crate::verify::judge::Judge;
use crate::verify::purpose::Purpose;

use super::house::*;

/// An authority with the name of another, and a key of its own.
fn named_like(common: &str, from: i64, to: i64) -> Link {
    let mut params = authority(common);
    (params.not_before, params.not_after) = (moment!(from), moment!(to));
    own(params)
}

#[test]
fn who_ignores_time_ignores_time_alone() {
    let house = House::new();
    let judge = house.judge();
    let old = |from: i64, to: i64| {
        move |p: &mut Params| (p.not_before, p.not_after) = (moment!(NOW + from * DAY), moment!(NOW + to * DAY))
    };
    let everything: Flaws = Flaw::ALL.into_iter().collect();
    let forged = |issuer: &Link, change: &dyn Fn(&mut Params)| {
        let mut made = params("leaf", &["a.test"]);
        change(&mut made);
        by(issuer, made)
    };
    // No moment at which leaf and issuer held together.
    let issuer = named_like("Forger", NOW - 90 * DAY, NOW - 80 * DAY);
    let apart = forged(&issuer, &old(-50, -40));
    // A namesake of the issuer that is over, beside one that holds.
    let (holds, over) = (named_like("Twin", NOW - DAY, NOW + DAY), named_like("Twin", NOW - 90 * DAY, NOW - 80 * DAY));
    let beside = forged(&holds, &|_| {});
    // The name of the true authority, whose certificate is sent along.
    let namesake = named_like("Middle", NOW - DAY, NOW + DAY);
    let borrowed = forged(&namesake, &old(-50, -40));
    let chains: [&[&Link]; 5] = [
        &[&apart, &issuer],
        &[&beside, &holds, &over],
        &[&beside, &over, &holds],
        &[&borrowed, &house.middle],
        &[&borrowed, &house.middle, &house.root],
    ];
    let time: Flaws = [Flaw::Expired, Flaw::NotYetValid].into_iter().collect();
    for (at, chain) in chains.into_iter().enumerate() {
        let judgement = judged(&judge, chain, "a.test");
        assert!(!judgement.allows(time), "{at}: {judgement}");
        assert!(!judgement.is_proven || !judgement.path.contains(&house.root.der()), "{at}");
    }
    // With all that may be ignored, a chain that could not be looked at to its end still does not pass.
    for chain in [chains[0], chains[3], chains[4]] {
        let judgement = judged(&judge, chain, "a.test");
        assert!(!judgement.allows(everything), "{judgement}");
    }
}

#[test]
fn what_was_revoked_is_no_less_so_beside_a_list_that_fails() {
    let house = House::new();
    let leaf = house.leaf(|p| p.serial_number = Some(SerialNumber::from(7_u64)));
    let (fresh, old) = (NOW + DAY, NOW - 1);
    let says = |revoked: &[u64], until| house.list(&house.middle, revoked, until);
    let table = [
        (vec![house.list(&house.root, &[], old), says(&[7], fresh)], false),
        (vec![says(&[7], old)], false),
        (vec![says(&[7], fresh)], true),
        (vec![House::new().list(&House::new().middle, &[], fresh), says(&[7], fresh)], false),
    ];
    for (at, (lists, demand)) in table.into_iter().enumerate() {
        let judge = house.judge().with_revocation(&lists, demand).unwrap();
        let judgement = judged(&judge, &[&leaf, &house.middle], "a.test");
        assert!(judgement.flaws().contains(Flaw::Revoked), "{at}: {judgement}");
    }
}

#[test]
fn of_two_lists_the_newer_counts() {
    let house = House::new();
    let leaf = house.leaf(|p| p.serial_number = Some(SerialNumber::from(7_u64)));
    let list = |revoked: &[u64], from: i64| {
        let entry = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: moment!(NOW - 2 * DAY),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: moment!(from),
            next_update: moment!(NOW + DAY),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&house.middle.issuer()).unwrap().der().to_vec()
    };
    let (older, newer) = (list(&[], NOW - 2 * DAY), list(&[7], NOW - DAY));
    for lists in [[older.clone(), newer.clone()], [newer, older]] {
        let judge = house.judge().with_revocation(&lists, false).unwrap();
        assert_eq!(flaws(&judge, &[&leaf, &house.middle], "a.test"), [Flaw::Revoked]);
    }
}

#[test]
fn the_certificates_that_count_are_those_of_the_path() {
    // A root that is over, whether it was sent or not.
    let over = named_like("Old root", NOW - 90 * DAY, NOW - DAY);
    let judge = Judge::new(&[over.der()]).unwrap();
    let leaf = by(&over, params("leaf", &["a.test"]));
    for chain in [&[&leaf][..], &[&leaf, &over]] {
        assert_eq!(flaws(&judge, chain, "a.test"), [Flaw::Expired]);
    }
    // A certificate of the trusted root's key by one that is over lies beside the path.
    let house = House::new();
    let mut crossed = authority("Root");
    (crossed.not_before, crossed.not_after) = (moment!(NOW - 90 * DAY), moment!(NOW - DAY));
    let crossed = Link {
        made: crossed.signed_by(&house.root.key, &over.issuer()).unwrap(),
        params: crossed,
        key: KeyPair::generate().unwrap(),
    };
    let leaf = house.leaf(|_| {});
    assert_eq!(flaws(&house.judge(), &[&leaf, &house.middle, &crossed], "a.test"), []);
}

#[test]
fn an_authority_that_signs_itself_is_looked_at_too() {
    let mut made = authority("self");
    made.subject_alt_names = params("x", &["a.test"]).subject_alt_names;
    made.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let link = own(made);
    let trusted = Judge::new(&[link.der()]).unwrap();
    assert_eq!(flaws(&trusted, &[&link], "a.test"), [Flaw::WrongUsage]);
    let demanding = Judge::new(&[link.der()]).unwrap().with_revocation(&[], true).unwrap();
    assert_eq!(flaws(&demanding, &[&link], "a.test"), [Flaw::WrongUsage, Flaw::RevocationUnknown]);
    // No authority is a client.
    let client = trusted.judge(&link.der(), &[], None, Purpose::Client, Timestamp::from_secs(NOW));
    assert_eq!(client.flaws(), Flaws::from(Flaw::BasicConstraints));
}
