//! What was accepted a moment ago: whose it is, and what ends it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gatepost::auth::jose::algorithm::Algorithm;
use gatepost::auth::jose::jwk::KeySet;
use gatepost::auth::jose::jwt::{Claims, issue};
use gatepost::auth::jose::signing::SigningKey;
use gatepost::clock;
use gatepost::model::credential::Credential;
use gatepost::model::event::Event;
use gatepost::model::secret::Secret;
use gatepost::server::doorkeeper::Doorkeeper;
use gatepost::server::keys::{KeySource, Keys};
use gatepost::store::key_source::KeySource as Sealing;
use gatepost::store::open::{Options, open};
use gatepost::store::seal::SealingKey;
use gatepost::store::store::Store;

use crate::house::{House, PASSWORD, ali, store_of_ali, text};

#[tokio::test]
async fn everybody_is_greeted_by_their_own_name() {
    let (key, keys) = signing();
    let house = House::open(&["Bearer", "Basic"], keys).await;
    let session = house.session().build().unwrap();
    let token = |name: &str| {
        let claims = Claims::new(name, clock::now(), Duration::from_secs(3600));
        Credential::token(issue(&key, &claims).unwrap().value)
    };
    let (eve, ida) = (token("eve"), token("ida"));
    let ali = Credential::login("ali", PASSWORD).only_for("Basic");
    let mut greeted = Vec::new();
    for _ in 0..3 {
        for credential in [&eve, &ida, &ali] {
            let request = session.get(&house.url("/")).credential(credential.clone());
            greeted.push(text(request.send().await.unwrap()).await);
        }
    }
    assert_eq!(greeted, ["eve GET / 0", "ida GET / 0", "ali GET / 0"].repeat(3));
    let proved = |event: &&Event| matches!(event, Event::Authenticated { .. });
    assert_eq!(house.events.lock().unwrap().iter().filter(proved).count(), 9, "one event each, remembered or not");
}

#[tokio::test]
async fn whoever_is_gone_is_refused_at_once_and_so_is_an_old_password() {
    let store = store_of_ali().await;
    let house = House::behind(&["Basic"], Doorkeeper::new(Arc::clone(&store), Keys::none()).unwrap());
    let status = async |password: &str| ask(&house, Credential::login("ali", password)).await;
    assert_eq!((status(PASSWORD).await, status(PASSWORD).await), (200, 200));
    store.remove_user("ali").await.unwrap();
    assert_eq!(status(PASSWORD).await, 401);
    store.add_user(ali("another")).await.unwrap();
    assert_eq!((status(PASSWORD).await, status("another").await), (401, 200));
}

#[tokio::test]
async fn a_user_whom_another_process_removed_is_refused_after_the_next_look() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (ours, theirs) = (store_at(&path), store_at(&path));
    ours.add_user(ali(PASSWORD)).await.unwrap();
    let door = Doorkeeper::new(ours, Keys::none()).unwrap().looking_every(Duration::ZERO);
    let house = House::behind(&["Basic"], door);
    let status = async |password: &str| ask(&house, Credential::login("ali", password)).await;
    assert_eq!((status(PASSWORD).await, status(PASSWORD).await), (200, 200));
    theirs.remove_user("ali").await.unwrap();
    assert_eq!(status(PASSWORD).await, 401);
    theirs.add_user(ali("another")).await.unwrap();
    assert_eq!((status(PASSWORD).await, status("another").await), (401, 200));
}

#[tokio::test]
async fn what_was_forgotten_is_judged_anew_and_still_right() {
    let (key, keys) = signing();
    let house = House::open(&["Bearer"], keys).await;
    let token = issue(&key, &Claims::new("ali", clock::now(), Duration::from_secs(3600))).unwrap().value;
    for _ in 0..2 {
        assert_eq!(ask(&house, Credential::token(token.clone())).await, 200);
        house.door.forget();
    }
}

#[tokio::test]
async fn a_proof_for_once_is_refused_also_where_others_are_remembered() {
    let house = House::open(&["WSSE", "Basic"], Keys::none()).await;
    let basic = Credential::login("ali", PASSWORD).only_for("Basic");
    assert_eq!((ask(&house, basic.clone()).await, ask(&house, basic).await), (200, 200));
    let proof = crate::schemes::wsse_proof("once and never again");
    let session = house.session().build().unwrap();
    let basic = "Basic YWxpOm9wZW4gc2VzYW1lIMKj";
    for (fields, expected) in [
        (vec![("x-wsse", proof.as_str())], 200),
        (vec![("x-wsse", proof.as_str())], 401),
        // An Authorization field of another scheme takes the X-WSSE beside it out of the question.
        (vec![("x-wsse", proof.as_str()), ("authorization", basic)], 200),
        (vec![("x-wsse", proof.as_str())], 401),
        (vec![("authorization", basic)], 200),
    ] {
        let request = session.get(&house.url("/"));
        let request = fields.iter().fold(request, |request, (name, value)| request.header(name, value));
        assert_eq!(request.send().await.unwrap().status(), expected, "{fields:?}");
    }
}

#[tokio::test]
async fn a_refusal_is_not_remembered_and_nothing_near_a_good_proof_passes() {
    let house = House::open(&["Basic"], Keys::none()).await;
    let session = house.session().build().unwrap();
    let good = "Basic YWxpOm9wZW4gc2VzYW1lIMKj";
    let table = [
        ("Basic YWxpOm9wZW4gYmFybGV5", 401),
        (good, 200),
        ("Basic YWxpOm9wZW4gYmFybGV5", 401),
        ("Basic YWxpOm9wZW4gc2VzYW1lIMK", 400),
        ("Bearer YWxpOm9wZW4gc2VzYW1lIMKj", 401),
        ("basic YWxpOm9wZW4gc2VzYW1lIMKj", 200),
        (good, 200),
    ];
    for (value, status) in table {
        let answer = session.get(&house.url("/")).header("authorization", value).send().await.unwrap();
        assert_eq!(answer.status(), status, "{value}");
    }
}

async fn ask(house: &House, credential: Credential) -> u16 {
    let session = house.session().build().unwrap();
    session.get(&house.url("/")).credential(credential).send().await.unwrap().status().as_u16()
}

fn signing() -> (SigningKey, Keys) {
    let secret = Secret::from("a key of thirty-two octets or so");
    let key = SigningKey::from_secret(Algorithm::Hs256, Some("one".into()), &secret).unwrap();
    let keys = KeySet::new(vec![key.verification_key().clone()]);
    (key, Keys::new(KeySource::Fixed(Arc::new(keys))))
}

fn store_at(path: &Path) -> Arc<dyn Store> {
    open(path, Sealing::Key(SealingKey::from_bytes(&[7; 32]).unwrap()), &Options::default()).unwrap()
}
