//! X-WSSE fields: nothing panics, and nobody who knows no password gets in.
#![no_main]

use gatepost_auth::need::Answers;
use gatepost_auth::scheme::{Scheme, Turn};
use gatepost_auth::verdict::Verdict;
use gatepost_auth::schemes::wsse::Wsse;
use gatepost_auth::settings::Settings;
use gatepost_model::credential::Credential;
use gatepost_model::head::{Party, RequestHead};
use gatepost_model::time::Timestamp;
use gatepost_model::url::Url;
use http::{HeaderMap, HeaderValue, Method};

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let mut headers = HeaderMap::new();
    for line in octets.split(|b| *b == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append("x-wsse", value);
        }
    }
    let url = Url::parse("https://a.example/").unwrap();
    let request = RequestHead { method: &Method::GET, url: &url, target: "/", headers: &headers, party: Party::Server };
    let settings = Settings::default();
    // 2003-12-15T14:43:07Z, the time of the seeds.
    let now = Timestamp::from_millis(1_071_499_387_000);
    let login = Credential::login("alice", "correct horse battery staple".to_owned());
    for answers in [
        Answers::default(),
        Answers { login: Some(None), ..Answers::default() },
        Answers { login: Some(Some(login)), first_use: Some(true), ..Answers::default() },
    ] {
        let turn = Turn {
            request,
            challenge: None,
            answers: &answers,
            settings: &settings,
            now,
            entropy: &[7; 32],
            memory: &[],
        };
        let verdict = Wsse.verify(&turn).unwrap();
        assert!(!matches!(verdict, Verdict::Accept { .. }), "{verdict:?}");
    }
});
