//! Challenges and credentials: what is printed is read back as the same.
#![no_main]

use gatepost_auth::challenge::Challenge;
use gatepost_auth::credentials::Credentials;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let lines: Vec<&[u8]> = octets.split(|b| *b == b'\n').collect();
    for challenge in Challenge::parse_all(&lines).challenges {
        if let Ok(value) = challenge.to_header_value() {
            let again = Challenge::parse_all([value.as_bytes()]).challenges;
            assert_eq!(again, [challenge]);
        }
    }
    for scheme in ["Basic", "Bearer", "Digest"] {
        if let Ok(credentials) = Credentials::parse(octets, scheme) {
            let value = credentials.to_header_value(scheme).unwrap();
            assert_eq!(Credentials::parse(value.as_bytes(), scheme).unwrap(), credentials);
        }
    }
});
