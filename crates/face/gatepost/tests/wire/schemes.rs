//! Every scheme that needs no key, from session to server over real TLS: in, refused, replayed.

use crate::house::{House, PASSWORD, text};
use gatepost::client::context::Preauthenticate;
use gatepost::model::credential::Credential;
use gatepost::model::event::Event;
use gatepost::server::keys::Keys;

const LOGIN_SCHEMES: [&str; 3] = ["Digest", "WSSE", "Basic"];

#[tokio::test]
async fn the_right_password_comes_in_and_the_wrong_one_does_not() {
    for scheme in LOGIN_SCHEMES {
        let house = House::open(&[scheme], Keys::none()).await;
        let session = house.session().build().unwrap();
        let url = house.url("/hall");

        let nobody = session.get(&url).send().await.unwrap();
        assert_eq!(nobody.status(), 401, "{scheme}");
        assert_eq!(nobody.headers().get_all("www-authenticate").iter().count(), 1, "{scheme}");

        let wrong = session.get(&url).credential(Credential::login("ali", "open barley")).send().await.unwrap();
        assert_eq!(wrong.status(), 401, "{scheme}");
        let unknown = session.get(&url).credential(Credential::login("eve", PASSWORD)).send().await.unwrap();
        assert_eq!(unknown.status(), 401, "{scheme}");

        let right = session.get(&url).credential(Credential::login("ali", PASSWORD)).send().await.unwrap();
        assert_eq!(right.status(), 200, "{scheme}");
        assert_eq!(text(right).await, "ali GET /hall 0", "{scheme}");
        house.running.drain().await;
    }
}

#[tokio::test]
async fn a_body_is_sent_again_after_the_challenge() {
    for scheme in LOGIN_SCHEMES {
        let house = House::open(&[scheme], Keys::none()).await;
        let session = house.session().credential(Credential::login("ali", PASSWORD)).build().unwrap();
        let answer = session.post(&house.url("/in")).body(vec![b'x'; 1024 * 1024]).send().await.unwrap();
        assert_eq!(text(answer).await, "ali POST /in 1048576");
    }
}

#[tokio::test]
async fn a_learned_space_is_proved_ahead() {
    let house = House::open(&["Basic"], Keys::none()).await;
    let session = house.session().credential(Credential::login("ali", PASSWORD)).build().unwrap();
    for path in ["/a/one", "/a/two", "/a/deep/three"] {
        assert_eq!(session.get(&house.url(path)).send().await.unwrap().status(), 200, "{path}");
    }
    let statuses: Vec<u16> = answered(&house);
    assert_eq!(statuses, [401, 200, 200, 200]);
}

#[tokio::test]
async fn always_means_ahead_of_the_first_challenge() {
    let house = House::open(&["WSSE"], Keys::none()).await;
    let builder = house.session().credential(Credential::login("ali", PASSWORD));
    let session = builder.scheme("wsse").preauthenticate(Preauthenticate::Always).build().unwrap();
    for _ in 0..2 {
        assert_eq!(session.get(&house.url("/")).send().await.unwrap().status(), 200);
    }
    assert_eq!(answered(&house), [200, 200]);
}

#[tokio::test]
async fn what_was_learned_does_not_bind_another_credential() {
    let house = House::open(&["WSSE", "Basic"], Keys::none()).await;
    let session = house.session().build().unwrap();
    let login = || Credential::login("ali", PASSWORD);
    for scheme in ["Basic", "WSSE", "Basic"] {
        let request = session.get(&house.url("/")).credential(login().only_for(scheme));
        assert_eq!(request.send().await.unwrap().status(), 200, "{scheme}");
    }
}

#[tokio::test]
async fn one_proof_opens_once() {
    let house = House::open(&["WSSE"], Keys::none()).await;
    let proof = wsse_proof("replayed nonce");
    let session = house.session().build().unwrap();
    let mut statuses = Vec::new();
    for _ in 0..2 {
        let request = session.get(&house.url("/")).header("x-wsse", &proof);
        statuses.push(request.send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [200, 401]);
}

#[tokio::test]
async fn nothing_secret_is_in_an_event() {
    let house = House::open(&LOGIN_SCHEMES, Keys::none()).await;
    for scheme in LOGIN_SCHEMES {
        let session = house.session().scheme(scheme).credential(Credential::login("ali", PASSWORD)).build().unwrap();
        assert_eq!(session.get(&house.url("/")).send().await.unwrap().status(), 200);
    }
    let all = format!("{:?}", house.events.lock().unwrap());
    assert!(all.contains("ali"));
    for secret in [PASSWORD, "YWxpOm9wZW4gc2VzYW1lIMKj"] {
        assert!(!all.contains(secret), "{all}");
    }
}

/// The statuses that the server answered with, in order.
fn answered(house: &House) -> Vec<u16> {
    let status = |event: &Event| match event {
        Event::Answered { status, .. } => Some(*status),
        _ => None,
    };
    house.events.lock().unwrap().iter().filter_map(status).collect()
}

/// What ali sends in X-WSSE with this nonce.
pub(crate) fn wsse_proof(nonce: &str) -> String {
    use base64::Engine;
    let created = gatepost::clock::now().to_string();
    let digest = wsse_digest(nonce.as_bytes(), &created, PASSWORD);
    let nonce = base64::engine::general_purpose::STANDARD.encode(nonce);
    format!("UsernameToken Username=\"ali\", PasswordDigest=\"{digest}\", Nonce=\"{nonce}\", Created=\"{created}\"")
}

/// base64(SHA-1(nonce + created + password)), made here so that the scheme is not its own witness.
fn wsse_digest(nonce: &[u8], created: &str, password: &str) -> String {
    use base64::Engine;
    let whole = [nonce, created.as_bytes(), password.as_bytes()].concat();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, &whole);
    base64::engine::general_purpose::STANDARD.encode(digest)
}
