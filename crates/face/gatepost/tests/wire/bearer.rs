//! Bearer tokens from session to server: keys from a file, from a URL, rotated, and away.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use crate::house::{House, store_of_ali, text};
use gatepost::auth::jose::algorithm::Algorithm;
use gatepost::auth::jose::jwk::KeySet;
use gatepost::auth::jose::jwt::{Claims, issue};
use gatepost::auth::jose::signing::SigningKey;
use gatepost::clock;
use gatepost::model::credential::Credential;
use gatepost::model::secret::Secret;
use gatepost::server::doorkeeper::Doorkeeper;
use gatepost::server::keys::{KeySource, Keys};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_token_comes_in_until_it_ends() {
    let key = key("one", b"a key of thirty-two octets or so");
    let keys = KeySet::new(vec![key.verification_key().clone()]);
    let house = House::open(&["Bearer"], Keys::new(KeySource::Fixed(Arc::new(keys)))).await;
    let session = house.session().build().unwrap();
    let ask = |token: Secret| session.get(&house.url("/")).credential(Credential::token(token)).send();

    let good = issue(&key, &Claims::new("ali", clock::now(), HOUR)).unwrap();
    assert_eq!(text(ask(good.value.clone()).await.unwrap()).await, "ali GET / 0");

    let a_moment_ago = clock::now() - HOUR - Duration::from_secs(10);
    let within_leeway = issue(&key, &Claims::new("ali", a_moment_ago, HOUR)).unwrap();
    assert_eq!(ask(within_leeway.value).await.unwrap().status(), 200);

    let long_ago = clock::now() - HOUR - HOUR;
    let ended = issue(&key, &Claims::new("ali", long_ago, HOUR)).unwrap();
    let refused = ask(ended.value).await.unwrap();
    assert_eq!(refused.status(), 401);
    let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");

    let other = self::key("one", b"another key of as many octets...");
    let forged = issue(&other, &Claims::new("ali", clock::now(), HOUR)).unwrap();
    assert_eq!(ask(forged.value).await.unwrap().status(), 401);
}

#[tokio::test]
async fn a_changed_key_file_is_read_again_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let (first, second) =
        (key("one", b"a key of thirty-two octets or so"), key("two", b"another key of as many octets..."));
    write(&path, &set_of(&[&first]), 1);
    let door = Doorkeeper::new(store_of_ali().await, Keys::new(KeySource::File(path.clone()))).unwrap();
    let house = House::behind(&["Bearer"], door.looking_every(Duration::ZERO));
    let session = house.session().build().unwrap();
    // One token a key, so that it is known from before when the keys change.
    let claims = Claims::new("ali", clock::now(), HOUR);
    let status = async |key: &SigningKey| {
        let token = issue(key, &claims).unwrap();
        let request = session.get(&house.url("/")).credential(Credential::token(token.value));
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!((status(&first).await, status(&second).await), (200, 401));
    write(&path, &set_of(&[&second]), 2);
    assert_eq!((status(&first).await, status(&second).await), (401, 200));
    write(&path, "{ half a file", 3);
    assert_eq!((status(&first).await, status(&second).await), (401, 200));
}

#[tokio::test]
async fn a_missing_key_file_denies() {
    let house = House::open(&["Bearer"], Keys::new(KeySource::File("/nowhere/keys.json".into()))).await;
    let token = issue(&key("one", b"a key of thirty-two octets or so"), &Claims::new("ali", clock::now(), HOUR));
    let request = house.session().build().unwrap().get(&house.url("/"));
    let answer = request.credential(Credential::token(token.unwrap().value)).send().await.unwrap();
    assert_eq!(answer.status(), 503);
}

fn key(id: &str, octets: &[u8]) -> SigningKey {
    SigningKey::from_secret(Algorithm::Hs256, Some(id.into()), &Secret::new(octets.to_vec())).unwrap()
}

/// A JWK Set with the shared secrets in it, written by hand: a set never prints them.
fn set_of(keys: &[&SigningKey]) -> String {
    let octets = |key: &SigningKey| match key.id() {
        Some("one") => "YSBrZXkgb2YgdGhpcnR5LXR3byBvY3RldHMgb3Igc28",
        _ => "YW5vdGhlciBrZXkgb2YgYXMgbWFueSBvY3RldHMuLi4",
    };
    let jwk = |key: &&SigningKey| {
        format!(r#"{{"kty":"oct","alg":"HS256","kid":"{}","k":"{}"}}"#, key.id().unwrap(), octets(key))
    };
    format!(r#"{{"keys":[{}]}}"#, keys.iter().map(jwk).collect::<Vec<_>>().join(","))
}

/// Writes a file with a modification time of its own, so that no test waits for the clock.
fn write(path: &std::path::Path, text: &str, version: u64) {
    fs::write(path, text).unwrap();
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(1_000_000 + version)).unwrap();
}
