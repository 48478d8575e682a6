//! Project Wycheproof's sets for JSON Web Signature and JSON Web Key (`tests/vectors/wycheproof`,
//! from C2SP/wycheproof, commit dac1dd47, unchanged; licence beside them): no invalid vector is
//! accepted, every valid one is, except those that are named here with the reason.

use std::collections::HashMap;

use gatepost_auth::jose::jwk::{Jwk, KeySet};
use gatepost_auth::jose::jws::Unverified;
use serde_json::Value;

/// Valid vectors that we refuse.
const STRICTER: [(u64, &str); 6] = [
    (346, "the key declares PS256, the token says PS384"),
    (347, "the key declares `ES521`, which is no algorithm's name"),
    (350, "the key declares PS256, the token says PS384"),
    (351, "the key declares `ES521`, which is no algorithm's name"),
    (372, "`?` in the base64url of the header"),
    (373, "`?` in the base64url of the payload"),
];

struct Case {
    id: u64,
    valid: bool,
    comment: String,
    token: String,
    keys: Value,
}

fn cases(text: &str) -> Vec<Case> {
    let file: Value = serde_json::from_str(text).unwrap();
    let mut found = Vec::new();
    for group in file["testGroups"].as_array().unwrap() {
        let keys = group.get("public").unwrap_or(&group["private"]);
        for test in group["tests"].as_array().unwrap() {
            found.push(Case {
                id: test["tcId"].as_u64().unwrap(),
                valid: test["result"] == "valid",
                comment: test["comment"].as_str().unwrap().to_owned(),
                token: test["jws"].as_str().unwrap().to_owned(),
                keys: keys.clone(),
            });
        }
    }
    assert_eq!(found.len() as u64, file["numberOfTests"].as_u64().unwrap());
    found
}

fn accepts(case: &Case) -> bool {
    let octets = case.keys.to_string();
    let set = if case.keys.get("keys").is_some() {
        KeySet::parse(octets.as_bytes())
    } else {
        Jwk::parse(octets.as_bytes()).map(|key| KeySet::new(vec![key]))
    };
    let Ok(set) = set else { return false };
    Unverified::parse(&case.token).and_then(|token| token.verify(&set)).is_ok()
}

/// The identifiers of accepted invalid and of refused valid vectors.
fn differences(cases: &[Case]) -> (Vec<(u64, String)>, Vec<u64>) {
    let wrongly_in =
        cases.iter().filter(|case| !case.valid && accepts(case)).map(|case| (case.id, case.comment.clone())).collect();
    let wrongly_out = cases.iter().filter(|case| case.valid && !accepts(case)).map(|case| case.id).collect();
    (wrongly_in, wrongly_out)
}

#[test]
fn signatures() {
    let cases = cases(include_str!("vectors/wycheproof/json_web_signature_test.json"));
    let (wrongly_in, wrongly_out) = differences(&cases);
    // Two vectors marked invalid are, octet for octet, a valid one of the same key: whatever padding
    // they had was lost in the file. They are accepted because they are good.
    let good: HashMap<&str, &Value> =
        cases.iter().filter(|case| case.valid).map(|case| (case.token.as_str(), &case.keys)).collect();
    let spoilt: Vec<u64> = cases
        .iter()
        .filter(|case| !case.valid && good.get(case.token.as_str()) == Some(&&case.keys))
        .map(|case| case.id)
        .collect();
    assert_eq!(spoilt, [367, 370]);
    assert_eq!(wrongly_in.into_iter().map(|(id, _)| id).collect::<Vec<_>>(), spoilt);
    assert_eq!(wrongly_out, STRICTER.map(|(id, _)| id));
}

#[test]
fn keys() {
    let cases = cases(include_str!("vectors/wycheproof/json_web_key_test.json"));
    assert_eq!(differences(&cases), (Vec::new(), Vec::new()));
}
