//! Digest fields: nothing panics, what is printed is read back as the same, and nobody who knows no password gets in.
#![no_main]

use std::sync::LazyLock;

use gatepost_auth::challenge::Challenge;
use gatepost_auth::credentials::Credentials;
use gatepost_auth::digest::answer::Answer;
use gatepost_auth::digest::info::{self, Info};
use gatepost_auth::digest::nonce::NonceKey;
use gatepost_auth::digest::offer::Offer;
use gatepost_auth::need::Answers;
use gatepost_auth::scheme::{Scheme, Turn};
use gatepost_auth::schemes::digest::Digest;
use gatepost_auth::settings::Settings;
use gatepost_auth::verdict::Verdict;
use gatepost_model::head::{Party, RequestHead};
use gatepost_model::secret::Secret;
use gatepost_model::time::Timestamp;
use gatepost_model::url::Url;
use http::{HeaderMap, HeaderValue, Method, header};

static SETTINGS: LazyLock<Settings> = LazyLock::new(|| {
    let mut settings = Settings::default();
    settings.digest.nonce_key = Some(NonceKey::new([7; 32]));
    settings.digest.userhash = true;
    settings.digest.danger_rfc2069 = true;
    settings
});

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    for challenge in Challenge::parse_all([octets]).challenges {
        // A list of nothing that we know reads as no list once it is printed.
        if let Ok(offer) = Offer::parse(&challenge)
            && offer.qop.as_ref().is_none_or(|qop| !qop.is_empty())
        {
            assert_eq!(Offer::parse(&offer.to_challenge()).as_ref(), Ok(&offer));
        }
    }
    let Ok(value) = HeaderValue::from_bytes(octets) else { return };
    if let Ok(answer) = Credentials::parse(octets, "Digest").and_then(|credentials| Answer::parse(&credentials))
        && answer.count.as_ref().is_none_or(|count| count.qop.is_some())
    {
        let printed = answer.to_header_value().unwrap();
        let again = Credentials::parse(printed.as_bytes(), "Digest").and_then(|read| Answer::parse(&read));
        assert!(again.as_ref() == Ok(&answer), "{printed:?}");
    }
    let said = HeaderMap::from_iter([(info::field(Party::Server), value.clone())]);
    if let Ok(info) = Info::of(&said, Party::Server) {
        let again = info.to_header_value().map(|value| HeaderMap::from_iter([(info::field(Party::Server), value)]));
        assert!(Info::of(&again.unwrap_or_default(), Party::Server) == Ok(info));
    }
    judge(value);
});

/// As a server that holds a record does.
fn judge(value: HeaderValue) {
    let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value)]);
    let url = Url::parse("https://a.example/").unwrap();
    let request = RequestHead { method: &Method::GET, url: &url, target: "/", headers: &headers, party: Party::Server };
    let record = Secret::from("d5f8a1f2a8c3d9e1b7c6a5948372615043f2e1d0c9b8a79685746352413021fe");
    for record in [None, Some(None), Some(Some(record))] {
        let user = Some(Some("alice".to_owned()));
        let answers = Answers { user, record, body_digest: Some(Some(vec![0; 32])), first_use: Some(true), ..Answers::default() };
        let turn = Turn {
            request,
            challenge: None,
            answers: &answers,
            settings: &SETTINGS,
            // 2003-12-15T14:43:07Z, shortly before the end of the seeds' nonce.
            now: Timestamp::from_millis(1_071_499_387_000),
            entropy: &[7; 32],
            memory: &[],
        };
        let verdict = Digest.verify(&turn).unwrap();
        assert!(!matches!(verdict, Verdict::Accept { .. }), "{verdict:?}");
    }
}
