//! What we sign, we verify: every algorithm, keys as JSON Web Keys and as PKCS#8.

use std::time::Duration;

use gatepost_auth::jose::algorithm::Algorithm;
use gatepost_auth::jose::base64url;
use gatepost_auth::jose::jwk::KeySet;
use gatepost_auth::jose::jws::{self, Unverified};
use gatepost_auth::jose::jwt::{self, Claims};
use gatepost_auth::jose::signing::SigningKey;
use gatepost_auth::settings::Bearer;
use gatepost_model::secret::Secret;
use gatepost_model::time::Timestamp;
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const SECRET: &str = "a secret of this test, long enough for every hash that there is, 512 bits";
const BOOK: &str = include_str!("vectors/jose-rfc7520.json");
const EXAMPLES: &str = include_str!("vectors/jose.json");

#[test]
fn what_is_issued_verifies_with_every_algorithm() {
    let book: Value = serde_json::from_str(BOOK).unwrap();
    let examples: Value = serde_json::from_str(EXAMPLES).unwrap();
    let rsa = &book["jwk/3_4.rsa_private_key.json"];
    let shared = json!({ "kty": "oct", "k": base64url::encode(SECRET.as_bytes()) });
    let issued = Claims::new("ada", NOW, Duration::from_secs(300))
        .issued_by("https://issuer.example")
        .meant_for("api")
        .meant_for("other")
        .identified("1")
        .granting(["read"]);
    for algorithm in Algorithm::ALL {
        let mut private = match algorithm.name().get(..2).unwrap() {
            "HS" => shared.clone(),
            "RS" | "PS" => rsa.clone(),
            "Ed" => examples["vectors"][3]["jwk"].clone(),
            _ => match algorithm {
                Algorithm::Es256 => examples["vectors"][1]["jwk"].clone(),
                Algorithm::Es512 => book["jwk/3_2.ec_private_key.json"].clone(),
                // No published example has a P-384 key; `pkcs8_keys_sign` makes one.
                _ => continue,
            },
        };
        private["alg"] = algorithm.name().into();
        let signer = SigningKey::from_jwk(&Secret::from(private.to_string())).unwrap();
        let token = jwt::issue(&signer, &issued).unwrap();
        assert_eq!(token.expires, Some(issued.expires));
        let keys = KeySet::new(vec![signer.verification_key().clone()]);
        let rules =
            Bearer { issuer: Some("https://issuer.example".into()), audience: Some("api".into()), ..Bearer::default() };
        let read = jwt::verify(token.value.reveal_text().unwrap(), &keys, &rules, NOW);
        assert_eq!(read, Ok(issued.clone()), "{algorithm}");
    }
}

#[test]
fn pkcs8_keys_sign() {
    use aws_lc_rs::encoding::AsDer;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature as aws;
    let ec = |algorithm| aws::EcdsaKeyPair::generate(algorithm).unwrap().to_pkcs8v1().unwrap().as_ref().to_vec();
    let rsa = aws::RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let rsa = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&rsa).unwrap().as_ref().to_vec();
    let ed25519 = aws::Ed25519KeyPair::generate().unwrap().to_pkcs8().unwrap().as_ref().to_vec();
    let table = [
        (Algorithm::Es256, ec(&aws::ECDSA_P256_SHA256_FIXED_SIGNING)),
        (Algorithm::Es384, ec(&aws::ECDSA_P384_SHA384_FIXED_SIGNING)),
        (Algorithm::Es512, ec(&aws::ECDSA_P521_SHA512_FIXED_SIGNING)),
        (Algorithm::Ed25519, ed25519),
        (Algorithm::Rs256, rsa.clone()),
        (Algorithm::Ps512, rsa),
    ];
    for (position, (algorithm, der)) in table.iter().enumerate() {
        let der = Secret::new(der.clone());
        let signer = SigningKey::from_pkcs8(*algorithm, Some("k".into()), &der).unwrap();
        let token = jws::sign(&signer, Some("JWT"), b"payload").unwrap();
        let set = KeySet::parse(KeySet::new(vec![signer.verification_key().clone()]).to_json().to_string().as_bytes());
        let set = set.unwrap();
        assert_eq!(set.keys(), [signer.verification_key().clone()]);
        assert_eq!(Unverified::parse(&token).unwrap().verify(&set).unwrap().payload, b"payload", "{algorithm}");
        let (other, _) = &table[(position + 1) % 4];
        if *algorithm != *other {
            assert!(SigningKey::from_pkcs8(*other, None, &der).is_err(), "{algorithm} as {other}");
        }
        assert!(SigningKey::from_pkcs8(Algorithm::Hs256, None, &der).is_err());
    }
    assert!(SigningKey::from_pkcs8(Algorithm::Es256, None, &Secret::from("no key")).is_err());
}
