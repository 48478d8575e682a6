//! What no token may do: a table of attacks, a table of claims, and properties.

use std::time::Duration;

use gatepost_auth::jose::algorithm::Algorithm;
use gatepost_auth::jose::base64url;
use gatepost_auth::jose::json::{self, NotStrict};
use gatepost_auth::jose::jwk::{Jwk, KeySet};
use gatepost_auth::jose::jws::{self, Unverified};
use gatepost_auth::jose::jwt::{self, Claims};
use gatepost_auth::jose::refused::Refused;
use gatepost_auth::jose::signing::SigningKey;
use gatepost_auth::settings::Bearer;
use gatepost_model::secret::Secret;
use gatepost_model::time::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const SECRET: &str = "a secret of this test, long enough for every hash that there is, 512 bits";
const BOOK: &str = include_str!("vectors/jose-rfc7520.json");
const EXAMPLES: &str = include_str!("vectors/jose.json");

fn key() -> SigningKey {
    SigningKey::from_secret(Algorithm::Hs256, None, &Secret::from(SECRET)).unwrap()
}

fn keys() -> KeySet {
    KeySet::new(vec![key().verification_key().clone()])
}

/// A token with this very header and payload, rightly signed by HS256.
fn forged(header: &str, payload: &str) -> String {
    let message = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(payload.as_bytes()));
    let mac = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET.as_bytes());
    format!("{message}.{}", base64url::encode(aws_lc_rs::hmac::sign(&mac, message.as_bytes()).as_ref()))
}

fn verify(token: &str) -> Result<Claims, Refused> {
    jwt::verify(token, &keys(), &Bearer::default(), NOW)
}

/// The claims of a good token, changed.
fn claims(change: &Value) -> String {
    let mut claims = json!({ "sub": "ada", "exp": 1_700_000_300 });
    for (name, value) in change.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims.to_string()
}

#[test]
fn headers_that_are_refused() {
    let good = r#"{"sub":"ada","exp":1700000300}"#;
    let strict = |why| Refused::NotStrict { part: "header", why };
    assert!(verify(&forged(r#"{"alg":"HS256"}"#, good)).is_ok());
    assert!(verify(&forged(r#"{"alg":"HS256","x":[{"y":1}],"x5t":"AA","typ":"application/JWT"}"#, good)).is_ok());
    let table = [
        (r#"{"alg":"none"}"#, Refused::Algorithm),
        (r#"{"alg":"None"}"#, Refused::Algorithm),
        (r#"{"alg":"hs256"}"#, Refused::Algorithm),
        (r#"{"alg":["HS256"]}"#, Refused::Algorithm),
        (r#"{"typ":"JWT"}"#, Refused::Algorithm),
        (r#"{"alg":"HS512"}"#, Refused::KeyMismatch),
        (r#"{"alg":"RS256"}"#, Refused::KeyMismatch),
        (r#"{"alg":"HS256","crit":["exp"]}"#, Refused::Header("crit")),
        (r#"{"alg":"HS256","crit":[]}"#, Refused::Header("crit")),
        (r#"{"alg":"HS256","b64":false}"#, Refused::Header("b64")),
        (r#"{"alg":"HS256","zip":"DEF"}"#, Refused::Header("zip")),
        (r#"{"alg":"HS256","jwk":{}}"#, Refused::Header("jwk")),
        (r#"{"alg":"HS256","jku":"https://attacker.example/"}"#, Refused::Header("jku")),
        (r#"{"alg":"HS256","x5u":"https://attacker.example/"}"#, Refused::Header("x5u")),
        (r#"{"alg":"HS256","x5c":[]}"#, Refused::Header("x5c")),
        (r#"{"alg":"HS256","kid":1}"#, Refused::Malformed("kid")),
        (r#"{"alg":"HS256","kid":"../../etc/passwd"}"#, Refused::NoKey),
        (r#"{"alg":"HS256","typ":null}"#, Refused::Malformed("typ")),
        (r#"{"alg":"HS256","typ":"dpop+jwt"}"#, Refused::Type),
        (r#"{"alg":"HS256","alg":"HS256"}"#, strict(NotStrict::Duplicate)),
        (r#"{"alg":"HS256","x":{"y":1,"y":1}}"#, strict(NotStrict::Duplicate)),
        (r#"{"alg":"HS256""#, strict(NotStrict::Malformed)),
        (r#"["HS256"]"#, strict(NotStrict::NotAnObject)),
    ];
    for (header, why) in table {
        assert_eq!(verify(&forged(header, good)), Err(why), "{header}");
    }
}

#[test]
fn claims_that_are_refused() {
    let malformed = Refused::Malformed;
    let table = [
        (json!({ "exp": null }), Refused::Missing("exp")),
        (json!({ "exp": "1700000300" }), malformed("exp")),
        (json!({ "exp": true }), malformed("exp")),
        (json!({ "exp": [1_700_000_300] }), malformed("exp")),
        (json!({ "exp": -1 }), malformed("exp")),
        (json!({ "exp": 1e300 }), malformed("exp")),
        (json!({ "exp": 1_699_999_940 }), Refused::Expired),
        (json!({ "exp": 0 }), Refused::Expired),
        (json!({ "nbf": 1_700_000_061 }), Refused::Early),
        (json!({ "nbf": "now" }), malformed("nbf")),
        (json!({ "iat": 1_700_000_060.5 }), Refused::IssuedInFuture),
        (json!({ "iat": {} }), malformed("iat")),
        (json!({ "iss": ["a"] }), malformed("iss")),
        (json!({ "aud": 1 }), malformed("aud")),
        (json!({ "aud": ["a", 1] }), malformed("aud")),
        (json!({ "jti": 1 }), malformed("jti")),
        (json!({ "scope": ["a"] }), malformed("scope")),
        (json!({ "scp": [1] }), malformed("scp")),
        (json!({ "scope": "a\"b" }), malformed("scope")),
        (json!({ "scope": "a\nb" }), malformed("scope")),
        (json!({ "scp": ["a b"] }), malformed("scope")),
        (json!({ "sub": null }), Refused::Missing("sub")),
        (json!({ "sub": 1 }), malformed("sub")),
        (json!({ "sub": "" }), malformed("subject claim")),
        (json!({ "sub": "a\r\nx: y" }), malformed("subject claim")),
        (json!({ "cnf": { "jkt": "AA" } }), Refused::Bound),
    ];
    for (change, why) in table {
        assert_eq!(verify(&forged(r#"{"alg":"HS256"}"#, &claims(&change))), Err(why), "{change}");
    }
    let strict = |why| Err(Refused::NotStrict { part: "claims", why });
    for (text, why) in [
        (r#"{"sub":"ada","sub":"eve","exp":1700000300}"#, NotStrict::Duplicate),
        (r#"{"sub":"ada","exp":1700000300}x"#, NotStrict::Malformed),
        ("foo", NotStrict::Malformed),
        ("[]", NotStrict::NotAnObject),
    ] {
        assert_eq!(verify(&forged(r#"{"alg":"HS256"}"#, text)), strict(why), "{text}");
    }
}

#[test]
fn claims_that_are_taken() {
    let read = |change: Value| verify(&forged(r#"{"alg":"HS256"}"#, &claims(&change))).unwrap();
    let edge = read(json!({ "exp": 1_699_999_940.5, "nbf": 1_700_000_060, "iat": 1_700_000_060 }));
    assert_eq!(edge.expires, Timestamp::from_millis(1_699_999_940_500));
    assert_eq!(read(json!({ "aud": "a" })).audience, ["a"]);
    assert_eq!(read(json!({ "aud": ["a", "b"] })).audience, ["a", "b"]);
    assert_eq!(read(json!({ "scope": "read  write" })).scopes, ["read", "write"]);
    assert_eq!(read(json!({ "scp": ["read", "write"] })).scopes, ["read", "write"]);
    assert_eq!(read(json!({ "scp": "read write" })).scopes, ["read", "write"]);
}

#[test]
fn issuer_audience_type_and_subject_are_held_to_the_settings() {
    let rules = Bearer {
        issuer: Some("https://issuer.example".into()),
        audience: Some("api".into()),
        types: vec!["at+jwt".into()],
        subject: "client_id".into(),
        ..Bearer::default()
    };
    let judge = |kind: &str, change: Value| {
        let mut whole = json!({ "iss": "https://issuer.example", "aud": ["x", "api"], "client_id": "c1" });
        whole.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let header = json!({ "alg": "HS256", "typ": kind }).to_string();
        jwt::verify(&forged(&header, &claims(&whole)), &keys(), &rules, NOW)
    };
    assert_eq!(judge("at+jwt", json!({})).unwrap().subject, "c1");
    assert_eq!(judge("application/AT+JWT", json!({})).unwrap().subject, "c1");
    let table = [
        ("JWT", json!({}), Refused::Type),
        ("at+jwt", json!({ "iss": null }), Refused::Missing("iss")),
        ("at+jwt", json!({ "iss": "https://issuer.example/" }), Refused::Issuer),
        ("at+jwt", json!({ "aud": null }), Refused::Missing("aud")),
        ("at+jwt", json!({ "aud": [] }), Refused::Missing("aud")),
        ("at+jwt", json!({ "aud": "apis" }), Refused::Audience),
        ("at+jwt", json!({ "client_id": null }), Refused::Missing("subject claim")),
        ("at+jwt", json!({ "client_id": 1 }), Refused::Malformed("subject claim")),
    ];
    for (kind, change, why) in table {
        assert_eq!(judge(kind, change.clone()), Err(why), "{kind} {change}");
    }
}

#[test]
fn a_public_key_is_never_a_secret() {
    let book: Value = serde_json::from_str(BOOK).unwrap();
    let public = &book["jwk/3_3.rsa_public_key.json"];
    let set = KeySet::new(vec![Jwk::parse(public.to_string().as_bytes()).unwrap()]);
    let modulus = base64url::decode(public["n"].as_str().unwrap()).unwrap();
    for secret in [modulus, public.to_string().into_bytes()] {
        let attacker = SigningKey::from_secret(Algorithm::Hs256, None, &Secret::new(secret)).unwrap();
        let token = jws::sign(&attacker, None, b"{}").unwrap();
        assert_eq!(Unverified::parse(&token).unwrap().verify(&set), Err(Refused::KeyMismatch));
    }
}

#[test]
fn keys_that_are_refused() {
    let book: Value = serde_json::from_str(BOOK).unwrap();
    let changed = |name: &str, member: &str, value: Value| {
        let mut key = book[name].clone();
        key[member] = value;
        Jwk::parse(key.to_string().as_bytes()).map(|_| ())
    };
    let (ec, rsa, oct) =
        ("jwk/3_1.ec_public_key.json", "jwk/3_3.rsa_public_key.json", "jwk/3_5.symmetric_key_mac_computation.json");
    let x = book[ec]["x"].as_str().unwrap();
    let weak = base64url::encode(&[0xff; 128]);
    let padded = base64url::encode(&[&[0], &[0xff; 256][..]].concat());
    let huge = base64url::encode(&[0xff; 1025]);
    let table = [
        (ec, "crv", json!("P-256")),
        (ec, "crv", json!("secp256k1")),
        (ec, "y", json!(x)),
        (ec, "x", json!("AA")),
        (ec, "alg", json!("RS256")),
        (ec, "alg", json!("ES256")),
        (ec, "use", json!("enc")),
        (ec, "kid", json!(1)),
        (ec, "kty", json!("OKP")),
        (ec, "kty", json!("AKP")),
        (ec, "key_ops", json!(["sign"])),
        (ec, "key_ops", json!(["verify", "verify"])),
        (ec, "key_ops", json!("verify")),
        (rsa, "n", json!(weak)),
        (rsa, "n", json!(padded)),
        (rsa, "n", json!(huge)),
        (rsa, "e", json!("AQ")),
        (rsa, "e", json!("AA")),
        (rsa, "e", json!("")),
        (rsa, "e", json!("AQAC")),
        (rsa, "alg", json!("HS256")),
        (rsa, "alg", json!("RSA-OAEP")),
        (oct, "k", json!("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg")),
        (oct, "alg", json!("HS512")),
        (oct, "alg", json!("ES256")),
        (oct, "alg", json!(null)),
    ];
    for (name, member, value) in table {
        assert!(changed(name, member, value.clone()).is_err(), "{name} {member} {value}");
    }
    assert_eq!(changed(ec, "key_ops", json!(["verify"])), Ok(()));
    assert!(Jwk::parse(br#"{"kty":"oct","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}"#).is_err());
    assert!(
        Jwk::parse(br#"{"kty":"oct","kty":"oct","alg":"HS256","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}"#)
            .is_err()
    );
}

#[test]
fn secrets_are_not_printed() {
    let text = format!("{:?} {:?}", key(), keys());
    assert!(!text.contains("secret of this test"), "{text}");
    assert!(!text.contains(&base64url::encode(SECRET.as_bytes())), "{text}");
    let token = forged(r#"{"alg":"HS256"}"#, &claims(&json!({})));
    let text = format!("{:?}", Unverified::parse(&token).unwrap());
    assert!(token.split('.').all(|part| !text.contains(part)), "{text}");
    let examples: Value = serde_json::from_str(EXAMPLES).unwrap();
    let private = examples["vectors"][1]["jwk"].clone();
    let d = private["d"].as_str().unwrap().to_owned();
    let signer = SigningKey::from_jwk(&Secret::from(private.to_string())).unwrap();
    let text = format!("{signer:?} {:?}", signer.verification_key());
    assert!(!text.contains(&d), "{text}");
    let mut broken = private;
    broken["y"] = broken["x"].clone();
    let error = SigningKey::from_jwk(&Secret::from(broken.to_string())).unwrap_err().to_string();
    assert!(!error.contains(&d), "{error}");
}

#[test]
fn sets_that_are_refused() {
    let many = json!({ "keys": vec![json!({ "kty": "x" }); 101] }).to_string();
    let long = format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(256 * 1024));
    for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[1]}"#, r#"{"keys":[],"keys":[]}"#, &many, &long] {
        assert!(KeySet::parse(text.as_bytes()).is_err(), "{}", text.chars().take(40).collect::<String>());
    }
    let none = KeySet::parse(br#"{"keys":[{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"}]}"#).unwrap();
    assert_eq!((none.keys().len(), none.notes().len()), (0, 1));
    assert_eq!(verify_with(&none), Err(Refused::NoKey));
    assert_eq!(verify_with(&KeySet::default()), Err(Refused::NoKey));
    let one = key().verification_key().clone();
    let other = SigningKey::from_secret(Algorithm::Hs256, Some("b".into()), &Secret::from(SECRET)).unwrap();
    let two = KeySet::new(vec![one, other.verification_key().clone()]);
    assert_eq!(verify_with(&two), Err(Refused::AmbiguousKey));
    assert!(two.knows("b") && !two.knows("a") && two.is_symmetric());
}

fn verify_with(keys: &KeySet) -> Result<Claims, Refused> {
    jwt::verify(&forged(r#"{"alg":"HS256"}"#, &claims(&json!({}))), keys, &Bearer::default(), NOW)
}

#[test]
fn a_token_is_bounded() {
    let long = "a".repeat(jws::SIZE + 1);
    assert_eq!(Unverified::parse(&long), Err(Refused::TooLong));
    assert!(jws::sign(&key(), None, long.as_bytes()).is_err());
}

#[test]
fn what_we_would_refuse_is_not_issued() {
    let good = Claims::new("ada", NOW, Duration::from_secs(1));
    assert!(jwt::issue(&key(), &good).is_ok());
    for subject in ["", "a\nb"] {
        assert!(jwt::issue(&key(), &Claims { subject: subject.into(), ..good.clone() }).is_err());
    }
    for scope in ["", "a b", "a\"", "ä"] {
        assert!(jwt::issue(&key(), &good.clone().granting([scope])).is_err(), "{scope:?}");
    }
}

/// One good token of each kind of key, with its set.
fn good_tokens() -> Vec<(String, KeySet)> {
    let book: Value = serde_json::from_str(BOOK).unwrap();
    [
        "curve25519/jws.json",
        "jws/4_1.rsa_v15_signature.json",
        "jws/4_2.rsa-pss_signature.json",
        "jws/4_3.ecdsa_signature.json",
    ]
    .map(|name| {
        let key = Jwk::parse(book[name]["input"]["key"].to_string().as_bytes()).unwrap();
        (book[name]["output"]["compact"].as_str().unwrap().to_owned(), KeySet::new(vec![key]))
    })
    .into_iter()
    .chain([(forged(r#"{"alg":"HS256"}"#, &claims(&json!({}))), keys())])
    .collect()
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        prop_assert!(verify(&text).is_err());
        prop_assert!(Jwk::parse(text.as_bytes()).is_err());
        prop_assert!(KeySet::parse(text.as_bytes()).is_err());
    }

    #[test]
    fn no_header_and_no_claims_panic(header in "[ -~]{0,60}", payload in "[ -~]{0,60}") {
        prop_assert!(verify(&forged(&header, &payload)).is_err());
        prop_assert!(json::object(payload.as_bytes(), 10).is_err() || payload.len() <= 10);
        let _ = verify(&forged(r#"{"alg":"HS256"}"#, &format!("{{\"sub\":\"a\",\"exp\":{payload}}}")));
    }

    #[test]
    fn a_changed_bit_never_verifies(at in any::<proptest::sample::Index>(), bit in 0..8_u8) {
        for (token, keys) in good_tokens() {
            let mut octets = token.clone().into_bytes();
            let position = at.index(octets.len());
            octets[position] ^= 1 << bit;
            let Ok(changed) = String::from_utf8(octets) else { continue };
            prop_assert!(Unverified::parse(&changed).and_then(|token| token.verify(&keys)).is_err(), "{position}");
        }
    }
}
