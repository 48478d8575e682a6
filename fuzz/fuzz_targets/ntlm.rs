//! Messages of NTLM: what is printed is read back as the same, and whoever knows no password is not let in.
#![no_main]

use gatepost_auth::ntlm::authenticate::Authenticate;
use gatepost_auth::ntlm::challenge::Challenge;
use gatepost_auth::ntlm::client::Client;
use gatepost_auth::ntlm::keys::nt_hash;
use gatepost_auth::ntlm::negotiate::Negotiate;
use gatepost_auth::ntlm::server::{self, Claim, Demands};
use gatepost_model::time::Timestamp;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    if let Ok(message) = Negotiate::parse(octets) {
        let printed = message.to_octets().unwrap();
        assert_eq!(Negotiate::parse(&printed).unwrap().to_octets().unwrap(), printed);
        let _ = server::challenge(octets, "GATEPOST", [7; 8], Timestamp::from_secs(1_795_000_000));
    }
    if let Ok(message) = Challenge::parse(octets) {
        let printed = message.to_octets().unwrap();
        assert_eq!(Challenge::parse(&printed).unwrap().to_octets().unwrap(), printed);
    }
    if let Ok(message) = Authenticate::parse(octets) {
        assert_eq!(Authenticate::parse(&message.to_octets().unwrap()).unwrap(), message);
    }
    let Ok(claim) = Claim::parse(octets) else { return };
    let negotiate = Client::default().negotiate().unwrap();
    let challenge = server::challenge(&negotiate, "GATEPOST", [7; 8], Timestamp::from_secs(1_795_000_000)).unwrap();
    for known in [None, Some(nt_hash("correct horse battery staple"))] {
        assert!(claim.verify(&negotiate, &challenge, known.as_ref(), &Demands::default()).is_err());
    }
});
