//! The provider's HKDF as the measure of ours.

use std::sync::Arc;

use aws_lc_rs::hmac;
use proptest::prelude::*;
use rustls::SupportedCipherSuite;
use rustls::crypto::aws_lc_rs::cipher_suite as suites;
use rustls::crypto::tls13::{Hkdf, HkdfExpander, OkmBlock};

use super::at_hand::{AtHand, RECENT};
use super::hkdf::{SHA256, SHA384, Schedule};
use super::suites::with_schedule;

fn hkdf(suite: SupportedCipherSuite) -> &'static dyn Hkdf {
    suite.tls13().unwrap().hkdf_provider
}

/// Both kinds of output, and the length.
fn expanded(expander: &dyn HkdfExpander, info: &[&[u8]], length: usize) -> (Option<Vec<u8>>, Vec<u8>, usize) {
    let mut output = vec![0; length];
    let slice = expander.expand_slice(info, &mut output).ok().map(|()| output);
    (slice, expander.expand_block(info).as_ref().to_vec(), expander.hash_len())
}

#[test]
fn it_gives_what_rfc_5869_gives() {
    // RFC 5869 A.1.
    let salt: Vec<u8> = (0..=12).collect();
    let info: Vec<u8> = (0xf0..=0xf9).collect();
    let okm = b"\x3c\xb2\x5f\x25\xfa\xac\xd5\x7a\x90\x43\x4f\x64\xd0\x36\x2f\x2a\x2d\x2d\x0a\x90\xcf\
            \x1a\x5a\x4c\x5d\xb0\x2d\x56\xec\xc4\xc5\xbf\x34\x00\x72\x08\xd5\xb8\x87\x18\x58\x65";
    let expander = SHA256.extract_from_secret(Some(&salt), &[0x0b; 22]);
    assert_eq!(expanded(expander.as_ref(), &[&info[..3], &info[3..]], 42).0.unwrap(), okm);
}

#[test]
fn where_there_is_no_session_it_begins_as_the_provider_does() {
    for (ours, suite) in [(&SHA256, suites::TLS13_AES_128_GCM_SHA256), (&SHA384, suites::TLS13_AES_256_GCM_SHA384)] {
        let theirs = hkdf(suite);
        let hash = suite.tls13().unwrap().common.hash_provider;
        let (empty, length) = (hash.hash(b""), hash.output_len() as u8);
        let derived: [&[u8]; 6] = [&[0, length], &[13], b"tls13 ", b"derived", &[length], empty.as_ref()];
        let other: [&[u8]; 6] = [&[0, length], &[13], b"tls13 ", b"derivex", &[length], empty.as_ref()];
        let (begun, expected) = (ours.extract_from_zero_ikm(None), theirs.extract_from_zero_ikm(None));
        for info in [&derived, &other] {
            assert_eq!(expanded(begun.as_ref(), info, 12), expanded(expected.as_ref(), info, 12));
        }
        let salt = begun.expand_block(&derived);
        for (secret, info) in [(&b"shared"[..], &derived), (b"", &other)] {
            let begun = ours.extract_from_secret(Some(salt.as_ref()), secret);
            let expected = theirs.extract_from_secret(Some(salt.as_ref()), secret);
            assert_eq!(expanded(begun.as_ref(), info, 32), expanded(expected.as_ref(), info, 32));
        }
    }
}

#[test]
fn what_is_at_hand_is_that_of_the_secret_and_only_within_a_step() {
    let shared = |schedule: &Schedule, okm: &[u8]| {
        let mut one = [0; 16];
        schedule.expander_for_okm(&OkmBlock::new(okm)).expand_slice(&[b"key"], &mut one).unwrap();
        let fresh = hmac::Key::new(schedule.algorithm, okm);
        assert_eq!(&hmac::sign(&fresh, b"key\x01").as_ref()[..16], one);
        RECENT.with_borrow(|recent| recent.as_ref()?.last.as_ref().map(|ready| Arc::as_ptr(&ready.key)))
    };
    assert_eq!(shared(&SHA256, &[1; 32]), None);
    let step = AtHand::begin();
    let first = shared(&SHA256, &[1; 32]);
    assert!(first.is_some() && shared(&SHA256, &[1; 32]) == first);
    // Another secret, and the same octets for another hash.
    assert!(shared(&SHA256, &[2; 32]).is_some());
    assert!(shared(&SHA384, &[2; 32]).is_some());
    let session = |psk: &[u8]| SHA256.extract_from_secret(None, psk).expand_block(&[b"binder"]).as_ref().to_vec();
    assert_eq!(session(&[3; 32]), session(&[3; 32]));
    assert_ne!(session(&[3; 32]), session(&[4; 32]));
    drop(step);
    assert!(RECENT.with_borrow(Option::is_none) && shared(&SHA256, &[1; 32]).is_none());
}

#[test]
fn nobody_knows_the_secret_of_early_data() {
    for (ours, suite) in [(&SHA256, suites::TLS13_AES_128_GCM_SHA256), (&SHA384, suites::TLS13_AES_256_GCM_SHA384)] {
        let length = suite.tls13().unwrap().common.hash_provider.output_len();
        let label: [&[u8]; 6] =
            [&[0, length as u8], &[17], b"tls13 ", b"c e traffic", &[length as u8], &[7; 48][..length]];
        let [one, other, theirs] = [(ours as &dyn Hkdf, 1), (ours, 2), (hkdf(suite), 1)].map(|(hkdf, psk)| {
            hkdf.extract_from_secret(None, &vec![psk; length]).expand_block(&label).as_ref().to_vec()
        });
        assert!(one == other && one != theirs && one.len() == length);
        assert!(one.iter().any(|octet| *octet != 0));
        // Its key is as little known; no other secret is concerned.
        let keys = [ours as &dyn Hkdf, hkdf(suite)].map(|hkdf| {
            let expander = hkdf.expander_for_okm(&OkmBlock::new(&one));
            expanded(expander.as_ref(), &[b"key"], 32).0
        });
        assert!(keys[0].is_some() && keys[0] != keys[1]);
    }
}

#[test]
fn suites_of_ours_differ_in_nothing_else() {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let scheduled = with_schedule(provider.clone());
    assert_eq!(scheduled.cipher_suites, provider.cipher_suites);
    for (ours, theirs) in scheduled.cipher_suites.iter().zip(&provider.cipher_suites) {
        let (Some(ours), Some(theirs)) = (ours.tls13(), theirs.tls13()) else { continue };
        assert_eq!(ours.common.hash_provider.algorithm(), theirs.common.hash_provider.algorithm());
        assert_eq!(ours.common.confidentiality_limit, theirs.common.confidentiality_limit);
        assert_eq!(ours.aead_alg.key_len(), theirs.aead_alg.key_len());
        assert_eq!(
            ours.hkdf_provider.expander_for_okm(&OkmBlock::new(b"")).hash_len(),
            ours.common.hash_provider.output_len()
        );
    }
}

proptest! {
    /// Whatever is asked for, in whatever order: the provider's own HKDF gives the same.
    #[test]
    fn it_is_the_hkdf_of_the_provider(
        salt in prop::option::of(prop::collection::vec(any::<u8>(), 0..100)),
        secret in prop::option::of(prop::collection::vec(any::<u8>(), 0..100)),
        key in prop::collection::vec(any::<u8>(), 0..=64),
        info in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..5),
        within in any::<bool>(),
        length in prop_oneof![0_usize..200, 8159_usize..8162, 12239_usize..12242],
    ) {
        let info: Vec<&[u8]> = info.iter().map(Vec::as_slice).collect();
        let _step = within.then(AtHand::begin);
        let suites = [(&SHA256, suites::TLS13_CHACHA20_POLY1305_SHA256), (&SHA384, suites::TLS13_AES_256_GCM_SHA384)];
        for (ours, suite) in suites {
            let both: [&dyn Hkdf; 2] = [ours, hkdf(suite)];
            let [begun, expected] = both.map(|hkdf| match &secret {
                Some(secret) => hkdf.extract_from_secret(salt.as_deref(), secret),
                None => hkdf.extract_from_zero_ikm(salt.as_deref()),
            });
            prop_assert_eq!(expanded(begun.as_ref(), &info, length), expanded(expected.as_ref(), &info, length));
            let [begun, expected] = both.map(|hkdf| hkdf.expander_for_okm(&OkmBlock::new(&key)));
            prop_assert_eq!(expanded(begun.as_ref(), &info, length), expanded(expected.as_ref(), &info, length));
            let [begun, expected] = both.map(|hkdf| hkdf.hmac_sign(&OkmBlock::new(&key), &info.concat()).as_ref().to_vec());
            prop_assert_eq!(begun, expected);
        }
    }
}
