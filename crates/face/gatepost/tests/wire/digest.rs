//! Digest from session to server over real TLS: counts under load, replays, bodies that are covered, and servers that lie.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gatepost::auth::digest::algorithm::Algorithm;
use gatepost::auth::digest::nonce::NonceKey;
use gatepost::auth::digest::qop::Qop;
use gatepost::auth::hash::Hash;
use gatepost::auth::record::Kind;
use gatepost::auth::settings::Settings;
use gatepost::client::payload::{Factory, Payload};
use gatepost::model::credential::Credential;
use gatepost::model::event::Event;
use gatepost::model::fault::Fault;
use gatepost::model::secret::Secret;
use gatepost::net::body::Body;
use gatepost::server::doorkeeper::Doorkeeper;
use gatepost::server::keys::Keys;
use gatepost::server::site::Visitor;
use gatepost::store::memory::MemoryStore;
use gatepost::store::store::{Store, User, UserRecord};
use http::{Request, Response};

use crate::house::{House, PASSWORD, ali, greet, store_of_ali, text};

const REQUESTS: usize = 10_000;
/// So many are under way at a time.
const AT_ONCE: usize = 100;

async fn door() -> Doorkeeper {
    Doorkeeper::new(store_of_ali().await, Keys::none()).unwrap()
}

fn login() -> Credential {
    Credential::login("ali", PASSWORD)
}

/// The settings with one change.
fn set(change: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = Settings::default();
    change(&mut settings);
    settings
}

/// Notes what each request showed, and says who it was.
fn noting(
    seen: &Arc<Mutex<Vec<String>>>,
) -> impl Fn(Request<Body>, Visitor) -> std::future::Ready<Response<Body>> + use<> {
    let seen = Arc::clone(seen);
    move |request, visitor| {
        let field = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
        seen.lock().unwrap().extend(field);
        let name = visitor.principal.map(|principal| principal.name.clone());
        std::future::ready(Response::new(Body::from(name.unwrap_or_default())))
    }
}

fn param<'a>(line: &'a str, name: &str) -> &'a str {
    let (_, rest) = line.split_once(&format!("{name}=")).unwrap_or_else(|| panic!("no {name} in {line}"));
    rest.trim_start_matches('"').split(['"', ',']).next().unwrap()
}

fn count(house: &House, of: fn(&Event) -> bool) -> usize {
    house.events.lock().unwrap().iter().filter(|event| of(event)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_requests_at_once_share_a_nonce_and_no_count() {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let house = House::with(&["Digest"], door().await, Settings::default(), noting(&seen));
    let session = house.session().credential(login()).demand_mutual().build().unwrap();
    let url = house.url("/hall");
    assert_eq!(session.get(&url).send().await.unwrap().status(), 200);
    let ask = || {
        let (session, url) = (session.clone(), url.clone());
        tokio::spawn(async move {
            for _ in 0..REQUESTS / AT_ONCE {
                assert_eq!(text(session.get(&url).send().await.unwrap()).await, "ali");
            }
        })
    };
    let asking: Vec<_> = (0..AT_ONCE).map(|_| ask()).collect();
    for asked in asking {
        asked.await.unwrap();
    }
    let refused = count(&house, |event| matches!(event, Event::Refused { .. }));
    assert_eq!(refused, 1, "only the first had to be asked");
    let seen = seen.lock().unwrap();
    let nonces: BTreeSet<&str> = seen.iter().map(|line| param(line, "nonce")).collect();
    let counts: BTreeSet<u32> = seen.iter().map(|line| u32::from_str_radix(param(line, "nc"), 16).unwrap()).collect();
    assert_eq!((nonces.len(), seen.len()), (1, REQUESTS + 1));
    assert!(counts.into_iter().eq(1..=u32::try_from(REQUESTS + 1).unwrap()), "a count is lost or doubled");
}

#[tokio::test]
async fn one_proof_opens_once_and_only_what_it_was_made_for() {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let house = House::with(&["Digest"], door().await, Settings::default(), noting(&seen));
    let session = house.session().credential(login()).build().unwrap();
    assert_eq!(session.get(&house.url("/a?b")).send().await.unwrap().status(), 200);
    let proof = seen.lock().unwrap().pop().unwrap();
    let bare = house.session().build().unwrap();
    let shown = async |path: &str, proof: &str| {
        let request = bare.get(&house.url(path)).header("authorization", proof);
        let answer = request.send().await.unwrap();
        let challenge = answer.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), challenge.is_some_and(|challenge| challenge.contains("stale=true")))
    };
    let nonce = param(&proof, "nonce");
    let forged = NonceKey::new([1; 32]).make("gatepost", gatepost::clock::now() + Duration::from_secs(60), &[2; 32]);
    // Replayed: whoever knows the secret may go on with a new nonce. Otherwise: nothing is said of the secret.
    assert_eq!(shown("/a?b", &proof).await, (401, true));
    assert_eq!(shown("/a?b", &proof.replace(nonce, &forged)).await, (401, true));
    assert_eq!(shown("/a?b", &proof.replace("nc=00000001", "nc=00000002")).await, (401, false));
    assert_eq!(shown("/a", &proof).await, (400, false));
    assert_eq!(shown("/%61?b", &proof).await, (400, false));
}

#[tokio::test]
async fn a_nonce_that_is_too_old_is_followed_by_a_new_one_once() {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let note = noting(&seen);
    let answer = move |request, visitor| {
        drop(note(request, visitor));
        let challenge = r#"Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256, stale=true"#;
        let response = Response::builder().status(401).header("www-authenticate", challenge);
        std::future::ready(response.body(Body::empty()).unwrap())
    };
    let house = House::with(&[], door().await, Settings::default(), answer);
    let session = house.session().credential(login()).build().unwrap();
    assert_eq!(session.get(&house.url("/")).send().await.unwrap().status(), 401);
    let seen = seen.lock().unwrap();
    let counts: Vec<&str> = seen.iter().map(|line| param(line, "nc")).collect();
    assert_eq!(counts, ["00000001", "00000002"]);
}

#[tokio::test]
async fn nodes_with_one_key_take_each_others_nonces() {
    let store = store_of_ali().await;
    let house = |key| {
        let door = Doorkeeper::new(Arc::clone(&store), Keys::none()).unwrap();
        House::with(&["Digest"], door.signing_nonces_with(NonceKey::new([key; 32])), Settings::default(), greet)
    };
    let (one, other, stranger) = (house(1), house(1), house(2));
    let nonce = async |house: &House| {
        let answer = house.session().build().unwrap().get(&house.url("/")).send().await.unwrap();
        param(answer.headers()["www-authenticate"].to_str().unwrap(), "nonce").to_owned()
    };
    let nonce = nonce(&one).await;
    let is_stale = async |house: &House, key| {
        let opaque = NonceKey::new([key; 32]).opaque("gatepost");
        let line = format!(
            r#"Digest username="ali", realm="gatepost", uri="/", algorithm=SHA-256, nonce="{nonce}", nc=00000001, cnonce="c", qop=auth, response="0", opaque="{opaque}""#
        );
        let session = house.session().build().unwrap();
        let answer = session.get(&house.url("/")).header("authorization", &line).send().await.unwrap();
        answer.headers()["www-authenticate"].to_str().unwrap().contains("stale=true")
    };
    assert!(!is_stale(&one, 1).await && !is_stale(&other, 1).await, "both take the nonce, and refuse the response");
    assert!(is_stale(&stranger, 2).await, "it has another key");
}

#[tokio::test]
async fn records_and_hashed_names_do_in_the_place_of_the_password() {
    let kind = Kind::DigestHa1 { hash: Hash::Sha512_256, realm: "gatepost".into() };
    let record = UserRecord {
        kind: kind.key(),
        alias: kind.alias("ali"),
        secret: kind.compute("ali", &Secret::from(PASSWORD)).unwrap(),
    };
    let store = MemoryStore::new();
    store.add_user(User { secret: None, records: vec![record], ..ali(PASSWORD) }).await.unwrap();
    let settings = set(|settings| {
        settings.digest.algorithms = vec![Algorithm::of(Hash::Sha512_256), Algorithm::of(Hash::Sha256)];
        settings.digest.userhash = true;
    });
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let door = Doorkeeper::new(Arc::new(store), Keys::none()).unwrap();
    let house = House::with(&["Digest"], door, settings, noting(&seen));
    let session = house.session().credential(login()).build().unwrap();
    assert_eq!(text(session.get(&house.url("/")).send().await.unwrap()).await, "ali");
    assert!(seen.lock().unwrap()[0].contains("algorithm=SHA-512-256") && !seen.lock().unwrap()[0].contains("ali"));
}

#[tokio::test]
async fn bodies_are_covered_and_can_be_had_again() {
    let settings = set(|settings| settings.digest.qop = vec![Qop::AuthInt]);
    let house = House::with(&["Digest"], door().await, settings, greet);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("body");
    std::fs::write(&path, vec![b'x'; 300_000]).unwrap();
    let factory = || {
        Factory::new(|| {
            let (sender, body) = Body::channel(1);
            tokio::spawn(async move {
                for _ in 0..3 {
                    sender.send(vec![b'y'; 100_000]).await.unwrap();
                }
                sender.finish().await
            });
            body
        })
    };
    let bodies: [fn(&std::path::Path, Factory) -> Payload; 3] =
        [|_, _| vec![b'z'; 300_000].into(), |path, _| path.to_path_buf().into(), |_, factory| factory.into()];
    let session = house.session().credential(login()).build().unwrap();
    for body in bodies {
        // Once asked, and once ahead.
        for _ in 0..2 {
            let request = session.post(&house.url("/in")).body(body(&path, factory()));
            assert_eq!(text(request.send().await.unwrap()).await, "ali POST /in 300000");
        }
    }
    let answer = session.post(&house.url("/in")).body(vec![0; 1024 * 1024 + 1]).send().await.unwrap();
    assert_eq!(answer.status(), 413);

    let fresh = house.session().credential(login()).build().unwrap();
    let error = fresh.post(&house.url("/in")).body(Payload::Once(Body::from("once"))).send().await.unwrap_err();
    let reason = "the credential does not suit Digest: auth-int covers the body, and this one can be read but once";
    assert_eq!((error.to_string().as_str(), error.code()), (reason, "GP-AUTH-002"));
}

#[tokio::test]
async fn a_stream_that_was_sent_is_a_clear_error_and_not_an_empty_body() {
    let house = House::open(&["Digest"], Keys::none()).await;
    let session = house.session().credential(login()).build().unwrap();
    let post = || session.post(&house.url("/in")).body(Payload::Once(Body::from("once")));
    let error = post().send().await.unwrap_err();
    assert_eq!(error.to_string(), "the server wants the body again, and it was a stream");
    // Where a proof goes ahead it is sent once.
    assert_eq!(session.get(&house.url("/in")).send().await.unwrap().status(), 200);
    assert_eq!(text(post().send().await.unwrap()).await, "ali POST /in 4");
}

/// Asks for a proof, and then claims with these words to know the secret itself.
fn liar(words: &'static str) -> impl Fn(Request<Body>, Visitor) -> std::future::Ready<Response<Body>> {
    move |request, _| {
        let mut response = Response::new(Body::from("hello"));
        if request.headers().contains_key("authorization") {
            if !words.is_empty() {
                response.headers_mut().insert("authentication-info", words.parse().unwrap());
            }
        } else if request.uri().path() != "/open" {
            let challenge = r#"Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256"#;
            *response.status_mut() = http::StatusCode::UNAUTHORIZED;
            response.headers_mut().insert("www-authenticate", challenge.parse().unwrap());
        }
        std::future::ready(response)
    }
}

#[tokio::test]
async fn a_server_that_does_not_know_the_secret_is_not_believed() {
    let wrong = "the server's Digest proof is wrong: it does not know the secret that it asked for";
    let missing = "the server has not proved that it knows the secret, which is demanded here";
    let rspauth = r#"rspauth="0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", qop=auth"#;
    let table = [
        (rspauth, "/", false, Some(wrong)),
        (rspauth, "/", true, Some(wrong)),
        ("", "/", false, None),
        ("", "/", true, Some(missing)),
        ("nextnonce=\"m\"", "/", true, Some(missing)),
        // Nobody asked for a proof, so nobody has given one.
        ("", "/open", true, Some(missing)),
        ("", "/open", false, None),
    ];
    for (words, path, demanded, expected) in table {
        let house = House::with(&[], door().await, Settings::default(), liar(words));
        let mut session = house.session().credential(login());
        if demanded {
            session = session.demand_mutual();
        }
        let answer = session.build().unwrap().get(&house.url(path)).send().await;
        assert_eq!(answer.map(drop).map_err(|error| error.to_string()).err().as_deref(), expected, "{words} {path}");
    }
}
