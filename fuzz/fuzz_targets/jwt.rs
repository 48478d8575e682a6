//! Tokens, key sets and their JSON: nothing panics, and what was read is read again when it is printed.
#![no_main]

use gatepost_auth::jose::json;
use gatepost_auth::jose::jwk::KeySet;
use gatepost_auth::jose::jws::Unverified;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    if let Ok(object) = json::object(octets, 4096) {
        let printed = serde_json::to_vec(&object).unwrap();
        let again = json::object(&printed, 1 << 20).unwrap();
        // Not the values: a fraction may lose its last digit on the way.
        assert!(again.keys().eq(object.keys()));
    }
    if let Ok(keys) = KeySet::parse(octets) {
        let printed = serde_json::to_vec(&keys.to_json()).unwrap();
        let again = KeySet::parse(&printed).map(|again| again.keys().len());
        assert!(keys.is_symmetric() || again == Ok(keys.keys().len()), "{again:?}");
    }
    let Ok(text) = std::str::from_utf8(octets) else { return };
    if let Ok(token) = Unverified::parse(text) {
        // No key signed it.
        assert!(token.verify(&KeySet::new(Vec::new())).is_err());
    }
});
