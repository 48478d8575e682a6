//! OCSP responses: nothing panics, and what counts says what the authority said.
#![no_main]

use gatepost_model::time::Timestamp;
use gatepost_tls::ocsp::status::{Status, judge};

const LEAF: &[u8] = include_bytes!("../seeds/ocsp/leaf");
const ISSUER: &[u8] = include_bytes!("../seeds/ocsp/issuer");

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    // 2027-01-01T00:00:00Z, in the time of the seeds.
    let now = Timestamp::from_secs(1_798_761_600);
    // The seeds are good, and nobody else can sign.
    if let Ok(status) = judge(octets, LEAF, ISSUER, now) {
        assert!(matches!(status, Status::Good { .. }), "{status:?}");
    }
    assert!(judge(octets, ISSUER, ISSUER, now).is_err());
    assert!(judge(LEAF, octets, ISSUER, now).is_err());
    assert!(judge(LEAF, LEAF, octets, now).is_err());
});
