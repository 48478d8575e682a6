//! NTLM and Negotiate from session to server over real TLS: legs on one connection, which then speaks for one user.

use std::sync::Arc;

use gatepost::auth::password::{self, Cost};
use gatepost::auth::record::Kind;
use gatepost::auth::settings::{ChannelBinding, Settings};
use gatepost::client::lane::Over;
use gatepost::model::credential::Credential;
use gatepost::model::event::Event;
use gatepost::model::secret::Secret;
use gatepost::server::doorkeeper::Doorkeeper;
use gatepost::server::keys::Keys;
use gatepost::store::memory::MemoryStore;
use gatepost::store::store::{Store, User, UserRecord};
use gatepost::ws::message::Message;

use crate::house::{House, PASSWORD, greet, text};

const SCHEMES: [&str; 2] = ["NTLM", "Negotiate"];

/// A user of whom no password is kept, but its NT hash.
fn hashed(name: &str, secret: &str) -> User {
    let secret = Secret::from(secret);
    let password_hash = password::hash(&secret, &[7; 16], Cost::default()).unwrap();
    let kind = Kind::NtHash;
    let record = UserRecord { kind: kind.key(), alias: None, secret: kind.compute(name, &secret).unwrap() };
    User { name: name.into(), password_hash, secret: None, records: vec![record] }
}

/// A house that knows ali and bo, by their hashes.
async fn house(scheme: &str, settings: Settings) -> House {
    let store = MemoryStore::new();
    store.add_user(hashed("ali", PASSWORD)).await.unwrap();
    store.add_user(hashed("bo", "open barley")).await.unwrap();
    House::with(&[scheme], Doorkeeper::new(Arc::new(store), Keys::none()).unwrap(), settings, greet)
}

/// The statuses that the server answered with, in order.
fn answered(house: &House) -> Vec<u16> {
    let status = |event: &Event| match event {
        Event::Answered { status, .. } => Some(*status),
        _ => None,
    };
    house.events.lock().unwrap().iter().filter_map(status).collect()
}

#[tokio::test]
async fn one_proof_speaks_for_its_connection() {
    for scheme in SCHEMES {
        let house = house(scheme, Settings::default()).await;
        let session = house.session().credential(Credential::login("GATEPOST\\ali", PASSWORD)).build().unwrap();
        let answer = session.post(&house.url("/in")).body(vec![b'x'; 1024 * 1024]).send().await.unwrap();
        assert_eq!(text(answer).await, "ali POST /in 1048576", "{scheme}");
        for _ in 0..2 {
            let answer = session.get(&house.url("/in")).send().await.unwrap();
            assert_eq!(text(answer).await, "ali GET /in 0", "{scheme}");
        }
        assert_eq!(answered(&house), [401, 401, 200, 200, 200], "{scheme}");
        let said = format!("{:?}", house.events.lock().unwrap());
        assert!(!said.contains(PASSWORD) && !said.contains("TlRMTVNT"), "{said}");
        house.running.drain().await;
    }
}

#[tokio::test]
async fn who_does_not_know_the_password_is_refused_and_asked_no_more() {
    for scheme in SCHEMES {
        let house = house(scheme, Settings::default()).await;
        let session = house.session().build().unwrap();
        let strangers = [("ali", "open barley"), ("eve", PASSWORD), ("ALI", PASSWORD), ("bo", PASSWORD)];
        for (user, secret) in strangers {
            let login = Credential::login(user, secret);
            let answer = session.get(&house.url("/")).credential(login).send().await.unwrap();
            assert_eq!(answer.status(), 401, "{scheme} {user}");
        }
        assert_eq!(answered(&house), [401; 12], "{scheme}");
        house.running.drain().await;
    }
}

/// The connection of one is never lent to the other, however their requests take turns.
#[tokio::test]
async fn two_users_of_one_session_never_meet() {
    for scheme in SCHEMES {
        let house = house(scheme, Settings::default()).await;
        let session = house.session().build().unwrap();
        for (user, secret) in [("ali", PASSWORD), ("bo", "open barley")].repeat(3) {
            let login = Credential::login(user, secret);
            let answer = session.get(&house.url("/")).credential(login).send().await.unwrap();
            assert_eq!(text(answer).await, format!("{user} GET / 0"), "{scheme}");
        }
        let nobody = session.get(&house.url("/")).send().await.unwrap();
        assert_eq!(nobody.status(), 401, "{scheme}");
        house.running.drain().await;
    }
}

/// A WebSocket is asked for on the connection that proves; one that requests share is left for it.
#[tokio::test]
async fn a_websocket_is_asked_for_on_the_connection_that_proves() {
    for scheme in SCHEMES {
        let house = house(scheme, Settings::default()).await;
        let session = house.session().credential(Credential::login("ali", PASSWORD)).build().unwrap();
        let url = house.url("/talk").replacen("https", "wss", 1);
        // The challenge comes over a connection of HTTP/2, which stays.
        assert_eq!(text(session.get(&house.url("/")).send().await.unwrap()).await, "ali GET / 0");
        for over in [Over::Http1, Over::Any] {
            let mut opened = session.websocket(&url).version(over).connect().await.unwrap();
            assert_eq!(opened.info.protocol, "http/1.1", "{scheme} {over:?}");
            assert_eq!(opened.socket.receive().await.unwrap(), Some(Message::from("ali GET HTTP/1.1")));
        }
        let refused = session.websocket(&url).version(Over::Http2).connect().await.unwrap_err();
        assert_eq!(refused.refusal().unwrap().status, 401, "{scheme}");
    }
}

#[tokio::test]
async fn both_ends_see_one_tls_channel() {
    for scheme in SCHEMES {
        let settings = Settings { channel_binding: ChannelBinding::Required, ..Settings::default() };
        let house = house(scheme, settings).await;
        let session = house.session().credential(Credential::login("ali", PASSWORD)).build().unwrap();
        let answer = session.get(&house.url("/")).send().await.unwrap();
        assert_eq!(text(answer).await, "ali GET / 0", "{scheme}");
        house.running.drain().await;
    }
}
