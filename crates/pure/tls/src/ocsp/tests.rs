//! Responses of every kind before the judge.

use gatepost_model::time::Timestamp;
use gatepost_testkit::authority::{Authority, Leaf};
use gatepost_testkit::ocsp::{Reply, Word, tlv};
use rcgen::KeyPair;

use super::status::{Status, Unbelievable, judge};

/// 2026-01-01T12:00:00Z.
const NOW: i64 = 1_767_268_800;
const BEFORE: &str = "20260101000000Z";
const AFTER: &str = "20260103000000Z";

fn now() -> Timestamp {
    Timestamp::from_secs(NOW)
}

fn moment(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

fn good() -> Reply {
    Reply::new(Word::Good, BEFORE, AFTER)
}

struct World {
    authority: Authority,
    leaf: Leaf,
}

impl World {
    fn new() -> Self {
        let authority = Authority::new();
        Self { leaf: authority.issue(&["a.test"]), authority }
    }

    fn judge(&self, response: &[u8]) -> Result<Status, Unbelievable> {
        judge(response, &self.leaf.certificate_der, self.authority.der(), now())
    }

    fn says(&self, reply: &Reply) -> Result<Status, Unbelievable> {
        self.judge(&self.authority.ocsp(&self.leaf, reply))
    }

    /// The reply as `signer` gives it, with its certificate.
    fn by(&self, signer: &Leaf, certificates: &[&Leaf]) -> Result<Status, Unbelievable> {
        let key = KeyPair::try_from(signer.key_der.as_slice()).unwrap();
        let certificates = certificates.iter().map(|leaf| leaf.certificate_der.clone()).collect();
        let reply = Reply { certificates, ..good() };
        let leaf = &self.leaf.certificate_der;
        self.judge(&reply.sign(leaf, self.authority.der(), &signer.certificate_der, &key))
    }
}

#[test]
fn an_authority_is_heard_in_its_time() {
    let world = World::new();
    let until = moment("2026-01-03T00:00:00Z");
    let since = moment("2025-12-31T00:00:00Z");
    let dated = |this: &str, next: Option<&str>| Reply {
        this_update: this.into(),
        next_update: next.map(str::to_owned),
        ..good()
    };
    let table = [
        (good(), Ok(Status::Good { until })),
        (Reply { word: Word::Revoked("20251231000000Z"), ..good() }, Ok(Status::Revoked { since })),
        (Reply { word: Word::Unknown, ..good() }, Ok(Status::Unknown)),
        (dated(BEFORE, None), Ok(Status::Good { until: moment("2026-01-02T00:00:00Z") })),
        (dated("20251230000000Z", None), Err(Unbelievable::Expired { since })),
        (dated("20251201000000Z", Some("20251231000000Z")), Err(Unbelievable::Expired { since })),
        (dated(AFTER, Some("20260104000000Z")), Err(Unbelievable::NotYetValid { from: until })),
        // Five minutes of another clock.
        (dated("20260101120500Z", Some(AFTER)), Ok(Status::Good { until })),
        (
            dated("20260101120501Z", Some(AFTER)),
            Err(Unbelievable::NotYetValid { from: moment("2026-01-01T12:05:01Z") }),
        ),
        (dated("20260101000000.5Z", Some(AFTER)), Err(Unbelievable::Malformed)),
        (dated("20260101000000+0100", Some(AFTER)), Err(Unbelievable::Malformed)),
        (dated("20261301000000Z", Some(AFTER)), Err(Unbelievable::Malformed)),
        // What was taken back stays so, however old the word is.
        (
            Reply { word: Word::Revoked("20251231000000Z"), ..dated("20251201000000Z", Some("20251231000000Z")) },
            Ok(Status::Revoked { since }),
        ),
    ];
    for (reply, outcome) in table {
        assert_eq!(world.says(&reply), outcome, "{reply:?}");
    }
}

#[test]
fn only_the_issuer_and_whom_it_appointed_are_heard() {
    let (world, other) = (World::new(), Authority::new());
    let until = moment("2026-01-03T00:00:00Z");
    let (delegate, server) = (world.authority.issue_responder(), world.authority.issue(&["b.test"]));
    let (second, foreign) = (world.authority.issue_responder(), other.issue_responder());
    let table: [(&Leaf, &[&Leaf], _); 7] = [
        (&delegate, &[&delegate], Ok(Status::Good { until })),
        (&delegate, &[&server, &second, &delegate], Ok(Status::Good { until })),
        (&delegate, &[], Err(Unbelievable::Signer)),
        (&delegate, &[&second], Err(Unbelievable::Signer)),
        (&server, &[&server], Err(Unbelievable::Signer)),
        (&world.leaf, &[&world.leaf], Err(Unbelievable::Signer)),
        (&foreign, &[&foreign], Err(Unbelievable::Signer)),
    ];
    for (signer, certificates, outcome) in table {
        assert_eq!(world.by(signer, certificates), outcome);
    }
    // Another authority, and this one about a certificate of that one: they share their name.
    assert_eq!(world.judge(&other.ocsp(&world.leaf, &good())), Err(Unbelievable::Signer));
    let theirs = other.issue(&["a.test"]);
    assert_eq!(world.judge(&world.authority.ocsp(&theirs, &good())), Err(Unbelievable::OtherCertificate));
    assert_eq!(world.judge(&world.authority.ocsp(&server, &good())), Err(Unbelievable::OtherCertificate));
}

#[test]
fn what_has_to_be_understood_and_is_not_counts_for_nothing() {
    let world = World::new();
    let extension = |critical: &[u8]| tlv(0x30, &[&tlv(6, &[0x2a, 3]), critical, &tlv(4, b"x")].concat());
    let with = |extension| world.says(&Reply { extensions: vec![extension], ..good() });
    assert!(with(extension(&[])).is_ok());
    assert_eq!(with(extension(&tlv(1, &[0xff]))), Err(Unbelievable::Malformed));
    for (number, octets) in [(3, &[0x30, 3, 10, 1, 3][..]), (6, &[0x30, 3, 10, 1, 6])] {
        assert_eq!(world.judge(octets), Err(Unbelievable::Refused(number)));
    }
    assert_eq!(world.judge(&[0x30, 3, 10, 1, 0]), Err(Unbelievable::Malformed), "it promises an answer");
    let response = world.authority.ocsp(&world.leaf, &good());
    assert_eq!(world.judge(&[response.as_slice(), &[0]].concat()), Err(Unbelievable::Malformed));
    let many = Reply { extensions: vec![extension(&[]); 8000], ..good() };
    assert_eq!(world.says(&many), Err(Unbelievable::Malformed), "it is too long");
}

#[test]
fn every_octet_counts() {
    let world = World::new();
    let response = world.authority.ocsp(&world.leaf, &good());
    for at in 0..response.len() {
        let mut changed = response.clone();
        changed[at] ^= 1;
        assert!(world.judge(&changed).is_err(), "octet {at}");
        assert!(world.judge(&response[..at]).is_err(), "cut at {at}");
    }
}

proptest::proptest! {
    #[test]
    fn anything_else_is_read_without_harm(octets in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        let world = Authority::new();
        proptest::prop_assert!(judge(&octets, &octets, world.der(), now()).is_err());
        proptest::prop_assert!(judge(&octets, world.der(), &octets, now()).is_err());
    }

    #[test]
    fn a_response_with_something_else_in_it_is_read_without_harm(
        at in 0_usize..4000, length in 0_usize..8, octets in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..8)
    ) {
        let world = World::new();
        let delegate = world.authority.issue_responder();
        let reply = Reply { certificates: vec![delegate.certificate_der], ..good() };
        let mut response = world.authority.ocsp(&world.leaf, &reply);
        let at = at % response.len();
        let before: Vec<u8> = response.splice(at..(at + length).min(response.len()), octets.iter().copied()).collect();
        proptest::prop_assume!(before != octets);
        // What came along with it and was not asked may be another.
        if let Ok(status) = world.judge(&response) {
            proptest::prop_assert_eq!(status, Status::Good { until: moment("2026-01-03T00:00:00Z") });
        }
    }
}
