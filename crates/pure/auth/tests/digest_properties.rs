//! Digest fields made of their own pieces in any order: nothing panics, and what is printed is read back as the same.

use gatepost_auth::challenge::Challenge;
use gatepost_auth::credentials::Credentials;
use gatepost_auth::digest::answer::Answer;
use gatepost_auth::digest::info::{self, Info};
use gatepost_auth::digest::offer::Offer;
use gatepost_model::head::Party;
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

const NAMES: [&str; 18] = [
    "username",
    "username*",
    "realm",
    "nonce",
    "uri",
    "response",
    "qop",
    "nc",
    "cnonce",
    "opaque",
    "algorithm",
    "userhash",
    "stale",
    "domain",
    "charset",
    "rspauth",
    "nextnonce",
    "other",
];

const VALUES: [&str; 14] = [
    "\"\"",
    "\"a \\\"b\\\\\"",
    "true",
    "auth",
    "\"auth-int, auth\"",
    "auth-conf",
    "00000001",
    "0000000g",
    "MD5-sess",
    "\"sha-256\"",
    "SHA-512",
    "UTF-8''J%C3%A4s",
    "UTF-8''%",
    "\"/a?b=c\"",
];

fn line() -> impl Strategy<Value = String> {
    let param =
        (0..NAMES.len(), 0..VALUES.len()).prop_map(|(name, value)| format!("{}={}", NAMES[name], VALUES[value]));
    prop::collection::vec(param, 0..14).prop_map(|params| params.join(", "))
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(line in line()) {
        let whole = format!("Digest {line}");
        if let Ok(answer) = Credentials::parse(whole.as_bytes(), "Digest").and_then(|read| Answer::parse(&read))
            && answer.count.as_ref().is_none_or(|count| count.qop.is_some())
        {
            let printed = answer.to_header_value().unwrap();
            let again = Credentials::parse(printed.as_bytes(), "Digest").and_then(|read| Answer::parse(&read));
            prop_assert!(again.as_ref() == Ok(&answer), "{:?}", printed);
        }
        for challenge in Challenge::parse_all([&whole]).challenges {
            // A list of nothing that we know reads as no list once it is printed.
            if let Ok(offer) = Offer::parse(&challenge) && offer.qop.as_ref().is_none_or(|qop| !qop.is_empty()) {
                prop_assert_eq!(Offer::parse(&offer.to_challenge()), Ok(offer));
            }
        }
        let fields = |value| HeaderMap::from_iter([(info::field(Party::Server), value)]);
        if let Ok(info) = Info::of(&fields(HeaderValue::from_str(&line).unwrap()), Party::Server) {
            let again = info.to_header_value().map(fields).unwrap_or_default();
            prop_assert!(Info::of(&again, Party::Server) == Ok(info), "{line}");
        }
    }
}
