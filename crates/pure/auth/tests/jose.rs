//! The published examples of RFC 7515, 7519, 7520, 7638 and 8037, from both ends.
//! Each file in `tests/vectors` names its source.

use gatepost_auth::jose::algorithm::Algorithm;
use gatepost_auth::jose::base64url;
use gatepost_auth::jose::jwk::{Jwk, KeySet};
use gatepost_auth::jose::jws::{self, Unverified};
use gatepost_auth::jose::jwt;
use gatepost_auth::jose::refused::Refused;
use gatepost_auth::jose::signing::SigningKey;
use gatepost_auth::settings::Bearer;
use gatepost_model::secret::Secret;
use gatepost_model::time::Timestamp;
use serde_json::{Map, Value, json};

/// RFC 7519's example ends at 1300819380.
const BEFORE: Timestamp = Timestamp::from_secs(1_300_819_379);

fn vectors(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn cookbook() -> Map<String, Value> {
    vectors(include_str!("vectors/jose-rfc7520.json")).as_object().unwrap().clone()
}

/// The key of a vector, with the vector's algorithm if it names none.
fn with_algorithm(key: &Value, algorithm: &str) -> Vec<u8> {
    let mut key = key.clone();
    key.as_object_mut().unwrap().entry("alg").or_insert_with(|| algorithm.into());
    key.to_string().into_bytes()
}

fn set_of(key: &[u8]) -> KeySet {
    KeySet::new(vec![Jwk::parse(key).unwrap()])
}

fn payload_part(compact: &str) -> Vec<u8> {
    base64url::decode(compact.split('.').nth(1).unwrap()).unwrap()
}

/// Signs the payload with the vector's key. Deterministic algorithms give `expected` when the header
/// is written as we write it; every signature verifies.
fn sign_again(key: &[u8], payload: &[u8]) -> String {
    let signer = SigningKey::from_jwk(&Secret::new(key.to_vec())).unwrap();
    let made = jws::sign(&signer, None, payload).unwrap();
    let verified = Unverified::parse(&made).unwrap().verify(&set_of(key)).unwrap();
    assert_eq!(verified.payload, payload);
    made
}

#[test]
fn rfc_7515_7519_and_8037() {
    let all = vectors(include_str!("vectors/jose.json"));
    let mut verified = 0;
    for vector in all["vectors"].as_array().unwrap() {
        let source = vector["source"].as_str().unwrap();
        let Some(compact) = vector["compact"].as_str() else { continue };
        if vector["valid"] == json!(false) {
            assert_eq!(Unverified::parse(compact), Err(Refused::Algorithm), "{source}");
            continue;
        }
        let key = with_algorithm(&vector["jwk"], vector["alg"].as_str().unwrap());
        let token = Unverified::parse(compact).unwrap().verify(&set_of(&key)).unwrap();
        assert_eq!(token.payload, payload_part(compact), "{source}");
        sign_again(&key, &token.payload);
        verified += 1;
    }
    assert_eq!(verified, 3);
}

#[test]
fn the_claims_of_rfc_7519() {
    let all = vectors(include_str!("vectors/jose.json"));
    for vector in [&all["vectors"][0], &all["vectors"][1]] {
        let key = with_algorithm(&vector["jwk"], vector["alg"].as_str().unwrap());
        let rules = Bearer { subject: "iss".into(), issuer: Some("joe".into()), ..Bearer::default() };
        let claims = jwt::verify(vector["compact"].as_str().unwrap(), &set_of(&key), &rules, BEFORE).unwrap();
        assert_eq!((claims.subject.as_str(), claims.expires), ("joe", Timestamp::from_secs(1_300_819_380)));
        let late = Timestamp::from_secs(1_300_819_440);
        assert_eq!(
            jwt::verify(vector["compact"].as_str().unwrap(), &set_of(&key), &rules, late),
            Err(Refused::Expired)
        );
    }
}

#[test]
fn thumbprints() {
    let all = vectors(include_str!("vectors/jose.json"));
    let mut checked = 0;
    for vector in all["vectors"].as_array().unwrap() {
        if let Some(expected) = vector["thumbprint_sha256"].as_str() {
            let key = Jwk::parse(vector["jwk"].to_string().as_bytes()).unwrap();
            assert_eq!(key.thumbprint().as_deref(), Some(expected));
            checked += 1;
        }
    }
    assert_eq!(checked, 2);
}

#[test]
fn deterministic_signatures_are_those_of_the_examples() {
    // Only these were made with the header as we write it; the others differ in spelling.
    let book = cookbook();
    let expected = [
        ("curve25519/jws.json", "EdDSA"),
        ("jws/4_1.rsa_v15_signature.json", "RS256"),
        ("jws/4_4.hmac-sha2_integrity_protection.json", "HS256"),
    ];
    for (name, algorithm) in expected {
        let vector = &book[name];
        let key = with_algorithm(&vector["input"]["key"], algorithm);
        let payload = vector["input"]["payload"].as_str().unwrap();
        assert_eq!(sign_again(&key, payload.as_bytes()), vector["output"]["compact"].as_str().unwrap(), "{name}");
    }
}

#[test]
fn the_cookbook_verifies() {
    let mut verified = Vec::new();
    let mut other_form = Vec::new();
    let mut encryption = Vec::new();
    for (name, vector) in cookbook() {
        if name.starts_with("jwe/") || name == "curve25519/ecdh-es.json" {
            // JWE is out of scope.
            encryption.push(name);
        } else if name.starts_with("jws/") || name == "curve25519/jws.json" {
            let Some(compact) = vector["output"]["compact"].as_str().filter(|text| !text.contains("..")) else {
                // The JSON serialisation and detached content are out of scope: refused as text.
                let text = vector["output"].to_string();
                assert_eq!(Unverified::parse(&text).map(|_| ()), Err(Refused::NotCompact), "{name}");
                other_form.push(name);
                continue;
            };
            let key = with_algorithm(&vector["input"]["key"], vector["input"]["alg"].as_str().unwrap());
            let token = Unverified::parse(compact).unwrap().verify(&set_of(&key)).unwrap();
            assert_eq!(token.payload, vector["input"]["payload"].as_str().unwrap().as_bytes(), "{name}");
            sign_again(&key, &token.payload);
            verified.push(name);
        }
    }
    assert_eq!(
        verified,
        [
            "curve25519/jws.json",
            "jws/4_1.rsa_v15_signature.json",
            "jws/4_2.rsa-pss_signature.json",
            "jws/4_3.ecdsa_signature.json",
            "jws/4_4.hmac-sha2_integrity_protection.json",
        ]
    );
    assert_eq!(
        other_form,
        [
            "jws/4_5.signature_with_detached_content.json",
            "jws/4_6.protecting_specific_header_fields.json",
            "jws/4_7.protecting_content_only.json",
            "jws/4_8.multiple_signatures.json",
        ]
    );
    assert_eq!(
        encryption,
        [
            "curve25519/ecdh-es.json",
            "jwe/5_6.direct_encryption_using_aes-gcm.json",
            "jwe/5_8.key_wrap_using_aes-keywrap_with_aes-gcm.json",
        ]
    );
}

#[test]
fn the_cookbook_keys_read_and_print() {
    let book = cookbook();
    let read = |name: &str| Jwk::parse(book[name].to_string().as_bytes());
    for (public, private) in [
        ("jwk/3_1.ec_public_key.json", "jwk/3_2.ec_private_key.json"),
        ("jwk/3_3.rsa_public_key.json", "jwk/3_4.rsa_private_key.json"),
    ] {
        let key = read(public).unwrap();
        assert_eq!(key, read(private).unwrap());
        let printed = key.to_json().unwrap();
        assert!(printed.get("d").is_none());
        assert_eq!(Jwk::parse(printed.to_string().as_bytes()).unwrap(), key);
    }
    let shared = read("jwk/3_5.symmetric_key_mac_computation.json").unwrap();
    assert_eq!(shared.algorithms().collect::<Vec<_>>(), [Algorithm::Hs256]);
    assert_eq!((shared.to_json(), shared.thumbprint()), (None, None));
    // For AES-GCM, so not for signatures.
    assert!(read("jwk/3_6.symmetric_key_encryption.json").is_err());
}

#[test]
fn the_cookbook_set_keeps_what_can_verify() {
    let book = cookbook();
    let keys: Vec<&Value> = book.iter().filter(|(name, _)| name.starts_with("jwk/")).map(|(_, key)| key).collect();
    let set = KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap();
    assert_eq!(set.keys().len(), 2);
    assert_eq!(
        set.notes(),
        [
            "key 1 stands there before",
            "key 1 holds a private key, which was not kept",
            "key 3 stands there before",
            "key 3 holds a private key, which was not kept",
            "key 5 left out: `use` is not `sig`",
            "shared secrets left out: they stand beside public keys",
        ]
    );
}
