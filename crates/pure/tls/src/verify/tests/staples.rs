//! What is stapled to a chain, and what a certificate demands.

use gatepost_model::time::Timestamp;
use gatepost_testkit::ocsp::{Reply, Word};
use rcgen::CustomExtension;
use rustls::CertificateError;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use crate::verify::flaw::{Flaw, Flaws};
use crate::verify::judgement::Judgement;
use crate::verify::pin::Pins;
use crate::verify::staple::{Stapled, Staples};
use crate::verify::verifier::Verifier;

use super::house::*;

/// Around [`NOW`], 2025-06-15T12:00:00Z.
const BEFORE: &str = "20250615000000Z";
const AFTER: &str = "20250616000000Z";

fn demanding(features: &[u8]) -> CustomExtension {
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 24], features.to_vec())
}

/// What a verifier finds at `secs`, and whether it lets pass.
fn found(house: &House, leaf: &Link, stapled: Stapled<'_>, secs: i64) -> (Judgement, Option<CertificateError>) {
    let verifier = Verifier::new(house.judge(), Flaws::NONE, Pins::default());
    let (leaf, middle) = (leaf.der(), house.middle.der());
    let sent = [CertificateDer::from(middle.as_slice())];
    let name = ServerName::try_from("a.test").unwrap();
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(u64::try_from(secs).unwrap()));
    let (judgement, outcome) = verifier.verify((&leaf, &sent), stapled, &name, now);
    (Judgement::clone(&judgement), outcome.err())
}

#[test]
fn a_staple_is_heard_and_what_is_demanded_has_to_come() {
    let house = House::new();
    let (plain, strict) =
        (house.leaf(|_| {}), house.leaf(|p| p.custom_extensions = vec![demanding(&[0x30, 3, 2, 1, 5])]));
    let other = house.leaf(|_| {});
    let says = |leaf: &Link, issuer: &Link, word| {
        let reply = Reply::new(word, BEFORE, AFTER);
        reply.sign(&leaf.der(), &house.middle.der(), &issuer.der(), &issuer.key)
    };
    let revoked = Word::Revoked("20250601000000Z");
    let junk = b"junk".to_vec();
    type Make<'a> = &'a dyn Fn(&Link) -> Vec<u8>;
    let table: [(Make<'_>, &[Flaw]); 8] = [
        (&|_| Vec::new(), &[]),
        (&|leaf| says(leaf, &house.middle, Word::Good), &[]),
        (&|leaf| says(leaf, &house.middle, revoked), &[Flaw::Revoked]),
        (&|leaf| says(leaf, &house.middle, Word::Unknown), &[Flaw::RevocationUnknown]),
        (&|leaf| says(leaf, &house.root, Word::Good), &[Flaw::RevocationFailed]),
        (&|leaf| says(leaf, leaf, Word::Good), &[Flaw::RevocationFailed]),
        (&|_| says(&other, &house.middle, Word::Good), &[Flaw::RevocationFailed]),
        (&|_| junk.clone(), &[Flaw::RevocationFailed]),
    ];
    for (at, (make, flaws)) in table.into_iter().enumerate() {
        for (leaf, demands) in [(&plain, false), (&strict, true)] {
            let response = make(leaf);
            let (judgement, _) = found(&house, leaf, Stapled::Now(&response), NOW);
            let counts = at == 1;
            let missing = (demands && !counts).then_some(Flaw::MustStaple);
            let expected: Flaws = flaws.iter().copied().chain(missing).collect();
            assert_eq!(judgement.flaws(), expected, "{at} {demands}: {judgement}");
            let until = Timestamp::parse_rfc3339("2025-06-16T00:00:00Z");
            assert_eq!(judgement.stapled, until.filter(|_| counts), "{at}");
        }
    }
    let alert = |leaf: &Link, response: &[u8]| found(&house, leaf, Stapled::Now(response), NOW).1;
    assert_eq!(alert(&strict, &[]), Some(CertificateError::InvalidOcspResponse), "bad_certificate_status_response");
    assert_eq!(alert(&strict, &says(&strict, &house.middle, revoked)), Some(CertificateError::Revoked));
}

#[test]
fn only_a_demand_for_what_is_offered_counts() {
    let house = House::new();
    let table: [(&[u8], bool); 6] = [
        (&[0x30, 3, 2, 1, 5], true),
        (&[0x30, 6, 2, 1, 17, 2, 1, 5], true),
        (&[0x30, 3, 2, 1, 17], false),
        (&[0x30, 0], false),
        // What cannot be read may say anything.
        (&[0x30, 3, 4, 1, 5], true),
        (&[], true),
    ];
    for (features, demands) in table {
        let leaf = house.leaf(|p| p.custom_extensions = vec![demanding(features)]);
        let (judgement, _) = found(&house, &leaf, Stapled::Now(&[]), NOW);
        assert_eq!(judgement.flaws().contains(Flaw::MustStaple), demands, "{features:?}");
    }
}

#[test]
fn what_came_with_a_session_counts_as_long_as_it_says() {
    let house = House::new();
    let (plain, strict) =
        (house.leaf(|_| {}), house.leaf(|p| p.custom_extensions = vec![demanding(&[0x30, 3, 2, 1, 5])]));
    for (leaf, later) in [(&plain, Flaws::NONE), (&strict, Flaws::from(Flaw::MustStaple))] {
        let reply = Reply::new(Word::Good, BEFORE, AFTER);
        let response = reply.sign(&leaf.der(), &house.middle.der(), &house.middle.der(), &house.middle.key);
        let flaws = |stapled, secs| found(&house, leaf, stapled, secs).0.flaws();
        assert_eq!(flaws(Stapled::Before(&response), NOW), Flaws::NONE);
        assert_eq!(flaws(Stapled::Before(&response), NOW + DAY), later);
        assert!(flaws(Stapled::Now(&response), NOW + DAY).contains(Flaw::RevocationFailed));
    }
}

#[test]
fn the_last_staple_of_a_certificate_is_kept() {
    let staples = Staples::default();
    staples.keep(b"a", b"one");
    staples.keep(b"a", b"two");
    staples.keep(b"b", b"three");
    assert_eq!((&*staples.of(b"a"), &*staples.of(b"b"), &*staples.of(b"c")), (&b"two"[..], &b"three"[..], &b""[..]));
    staples.keep(b"a", b"");
    assert_eq!(&*staples.of(b"a"), b"");
    for number in 0..1000_u32 {
        staples.keep(&number.to_be_bytes(), b"x");
    }
    assert_eq!(&*staples.of(b"b"), b"", "so many are kept, and no more");
}
