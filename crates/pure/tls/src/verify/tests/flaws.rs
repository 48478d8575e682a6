//! Chains with one flaw, with several, and with none.

use std::time::Duration;

use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, NameConstraints, SerialNumber};

use gatepost_model::time::Timestamp;
use rustls::pki_types::{CertificateDer, ServerName};

use crate::verify::flaw::{Flaw, Flaws, Severity};
use crate::verify::judge::Judge;
use crate::verify::purpose::Purpose;

use super::house::*;

#[test]
fn a_good_chain_has_no_flaw_and_a_path_to_its_root() {
    let house = House::new();
    let leaf = house.leaf(|_| {});
    for name in ["a.test", "A.TEST", "x.w.test", "192.0.2.1"] {
        let judgement = judged(&house.judge(), &[&leaf, &house.middle], name);
        assert_eq!((judgement.flaws(), judgement.severity()), (Flaws::NONE, Severity::None), "{name}: {judgement}");
        assert_eq!(judgement.path, [leaf.der(), house.middle.der(), house.root.der()], "{name}");
        assert_eq!(judgement.chain, [leaf.der(), house.middle.der()]);
    }
    // A root that came along, and one too many in between, change nothing.
    let other = own(authority("Other"));
    let judgement = judged(&house.judge(), &[&leaf, &other, &house.middle, &house.root], "a.test");
    assert_eq!(judgement.flaws(), Flaws::NONE);
}

#[test]
fn each_flaw_of_a_leaf_has_its_name() {
    let house = House::new();
    type Change = fn(&mut Params);
    let table: [(&str, Change, &[Flaw]); 9] = [
        ("a.test", |p| p.not_after = moment!(NOW - 1), &[Flaw::Expired]),
        ("a.test", |p| p.not_before = moment!(NOW + 1), &[Flaw::NotYetValid]),
        ("b.test", |_| {}, &[Flaw::WrongName]),
        ("x.y.w.test", |_| {}, &[Flaw::WrongName]),
        ("w.test", |_| {}, &[Flaw::WrongName]),
        ("192.0.2.2", |_| {}, &[Flaw::WrongName]),
        // A common name counts for nothing.
        ("leaf", |p| p.subject_alt_names.clear(), &[Flaw::WrongName]),
        ("a.test", |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth], &[Flaw::WrongUsage]),
        (
            "b.test",
            |p| {
                p.not_after = moment!(NOW - 1);
                p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            },
            &[Flaw::Expired, Flaw::WrongName, Flaw::WrongUsage],
        ),
    ];
    for (name, change, expected) in table {
        let leaf = house.leaf(change);
        let judgement = judged(&house.judge(), &[&leaf, &house.middle], name);
        assert_eq!(judgement.flaws().iter().collect::<Vec<_>>(), expected, "{name}: {judgement}");
        assert!(judgement.allows(expected.iter().copied().collect()), "what was named may be ignored: {judgement}");
        assert!(!judgement.allows(Flaws::NONE));
    }
}

#[test]
fn roots_and_what_lies_between() {
    let (house, stranger) = (House::new(), House::new());
    let leaf = house.leaf(|_| {});
    let trusts_other = stranger.judge();
    // An authority of the same name with another key.
    assert_eq!(flaws(&trusts_other, &[&leaf, &house.middle], "a.test"), [Flaw::BadSignature]);
    let nobody = Judge::new(&[]).unwrap();
    assert_eq!(flaws(&nobody, &[&leaf, &house.middle, &house.root], "a.test"), [Flaw::Untrusted]);
    assert_eq!(flaws(&nobody, &[&leaf, &house.middle], "a.test"), [Flaw::IncompleteChain]);
    assert_eq!(flaws(&house.judge(), &[&leaf], "a.test"), [Flaw::IncompleteChain]);
    let old = house.leaf(|p| p.not_after = moment!(NOW - 1));
    let all = [Flaw::Untrusted, Flaw::Expired, Flaw::WrongName];
    assert_eq!(flaws(&nobody, &[&old, &house.middle, &house.root], "b.test"), all);
    assert_eq!(flaws(&house.judge(), &[&old], "b.test"), [Flaw::IncompleteChain, Flaw::Expired, Flaw::WrongName]);
    // Ignoring that nobody trusts the root is not ignoring that the leaf is not signed by it.
    let forged = by(&stranger.middle, leaf.params.clone());
    let judgement = judged(&nobody, &[&forged, &house.middle, &house.root], "a.test");
    assert!(!judgement.allows(Flaw::ALL.into_iter().collect()), "{judgement}");
}

#[test]
fn self_signed_certificates() {
    let nobody = Judge::new(&[]).unwrap();
    for change in [|_: &mut Params| {}, |p: &mut Params| p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)] {
        let mut made = params("self", &["a.test"]);
        change(&mut made);
        let link = own(made);
        assert_eq!(flaws(&nobody, &[&link], "a.test"), [Flaw::Untrusted]);
        assert_eq!(flaws(&nobody, &[&link], "b.test"), [Flaw::Untrusted, Flaw::WrongName]);
        let trusted = Judge::new(&[link.der()]).unwrap();
        assert_eq!(flaws(&trusted, &[&link], "a.test"), []);
        assert_eq!(judged(&trusted, &[&link], "a.test").path, [link.der()]);
        let mut altered = link.der();
        let last = altered.len() - 1;
        altered[last] ^= 1;
        let name = ServerName::try_from("a.test").unwrap();
        let judgement = nobody.judge(&altered, &[], Some(&name), Purpose::Server, Timestamp::from_secs(NOW));
        assert_eq!(judgement.severity(), Severity::Fatal, "{judgement}");
    }
}

#[test]
fn who_may_issue_what() {
    let root = own(authority("Root"));
    let judge = Judge::new(&[root.der()]).unwrap();
    let mut shallow = authority("Shallow");
    shallow.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let shallow = by(&root, shallow);
    let deep = by(&shallow, authority("Deep"));
    let leaf = by(&deep, params("leaf", &["a.test"]));
    assert_eq!(flaws(&judge, &[&leaf, &deep, &shallow], "a.test"), [Flaw::BasicConstraints]);
    let end = by(&root, params("end", &["a.test"]));
    let child = by(&end, params("child", &["a.test"]));
    assert_eq!(flaws(&judge, &[&child, &end], "a.test"), [Flaw::BasicConstraints]);
    let mut narrow = authority("Narrow");
    narrow.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName("b.test".into())],
        excluded_subtrees: vec![],
    });
    let narrow = by(&root, narrow);
    let inside = by(&narrow, params("inside", &["x.b.test"]));
    assert_eq!(flaws(&judge, &[&inside, &narrow], "x.b.test"), []);
    let outside = by(&narrow, params("outside", &["a.test"]));
    assert_eq!(flaws(&judge, &[&outside, &narrow], "a.test"), [Flaw::NameConstraint]);
    // An authority's certificate is no server's.
    assert_eq!(flaws(&judge, &[&by(&root, authority("CA"))], "a.test"), [Flaw::WrongName, Flaw::BasicConstraints]);
}

#[test]
fn what_a_list_says() {
    let house = House::new();
    let leaf = house.leaf(|p| p.serial_number = Some(SerialNumber::from(7_u64)));
    let fresh = NOW + DAY;
    type Lists = Vec<Vec<u8>>;
    let table: [(Lists, bool, &[Flaw]); 7] = [
        (vec![house.list(&house.middle, &[7], fresh)], false, &[Flaw::Revoked]),
        (vec![house.list(&house.middle, &[8], fresh)], false, &[]),
        (vec![house.list(&house.middle, &[8], fresh)], true, &[Flaw::RevocationUnknown]),
        (vec![house.list(&house.middle, &[8], fresh), house.list(&house.root, &[], fresh)], true, &[]),
        (vec![house.list(&house.middle, &[8], NOW - 1)], false, &[Flaw::RevocationFailed]),
        // Of an authority that has the name, but not the key.
        (vec![House::new().list(&House::new().middle, &[], fresh)], false, &[Flaw::RevocationFailed]),
        // A demand that nobody can meet.
        (vec![], true, &[Flaw::RevocationUnknown]),
    ];
    for (at, (lists, demand, expected)) in table.into_iter().enumerate() {
        let judge = house.judge().with_revocation(&lists, demand).unwrap();
        assert_eq!(flaws(&judge, &[&leaf, &house.middle], "a.test"), expected, "{at}");
    }
    let revoked = house.judge().with_revocation(&[house.list(&house.middle, &[7], fresh)], false).unwrap();
    assert_eq!(flaws(&revoked, &[&leaf, &house.middle], "b.test"), [Flaw::WrongName, Flaw::Revoked]);
}

#[test]
fn what_cannot_be_read_or_never_ends() {
    let house = House::new();
    let name = ServerName::try_from("a.test").unwrap();
    let now = Timestamp::from_secs(NOW);
    let judge = house.judge();
    let junk = judge.judge(b"junk", &[], Some(&name), Purpose::Server, now);
    assert_eq!(junk.flaws(), Flaws::from(Flaw::Malformed));
    let leaf = house.leaf(|_| {});
    let many: Vec<CertificateDer<'_>> = (0..40).map(|_| CertificateDer::from(house.middle.der())).collect();
    assert_eq!(judge.judge(&leaf.der(), &many, Some(&name), Purpose::Server, now).flaws(), Flaws::from(Flaw::Other));
    // Two that issue each other.
    let (one, other) = (own(authority("One")), own(authority("Other")));
    let mut circle = authority("One");
    circle.serial_number = Some(SerialNumber::from(1_u64));
    let back = by(&other, circle);
    let forth = by(&one, authority("Other"));
    let end = by(&one, params("end", &["a.test"]));
    // Nor do their keys fit.
    let never = [Flaw::IncompleteChain, Flaw::BadSignature];
    assert_eq!(flaws(&judge, &[&end, &back, &forth], "a.test"), never);
    let clients = judge.judge(&leaf.der(), &many[..1], None, Purpose::Client, now);
    assert_eq!(clients.flaws(), Flaws::from(Flaw::WrongUsage));
}

#[test]
fn weak_keys_and_signatures() {
    let table = [
        (include_str!("../../../tests/vectors/weak/rsa-1024.pem"), Flaw::WeakKey),
        (include_str!("../../../tests/vectors/weak/sha1.pem"), Flaw::WeakSignature),
    ];
    let name = ServerName::try_from("a.test").unwrap();
    let now = Timestamp::parse_rfc3339("2030-01-01T00:00:00Z").unwrap();
    for (pem, expected) in table {
        let der = crate::pem::parse_chain_pem(pem.as_bytes()).unwrap().remove(0);
        let judgement = Judge::new(&[]).unwrap().judge(&der, &[], Some(&name), Purpose::Server, now);
        assert!(judgement.flaws().contains(expected), "{judgement}");
        assert!(!judgement.allows(Flaw::ALL.into_iter().collect()));
    }
}
