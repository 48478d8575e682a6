//! Digest at both ends: what is agreed on, what is refused and why, and what the two say to each other after.

#[path = "support/world.rs"]
mod world;

use std::time::Duration;

use gatepost_auth::challenge::Challenge;
use gatepost_auth::digest::algorithm::Algorithm;
use gatepost_auth::digest::nonce::NonceKey;
use gatepost_auth::digest::qop::Qop;
use gatepost_auth::error::AuthError;
use gatepost_auth::hash::Hash;
use gatepost_auth::need::Need;
use gatepost_auth::record::Kind;
use gatepost_auth::scheme::{Confirmation, Step};
use gatepost_auth::schemes::digest::Digest;
use gatepost_auth::verdict::{Refusal, Verdict};
use gatepost_model::credential::Credential;
use gatepost_model::head::Party;
use gatepost_model::principal::Principal;
use http::{HeaderMap, HeaderValue, Method};
use world::World;

const MD5: Algorithm = Algorithm::of(Hash::Md5);
const SHA256: Algorithm = Algorithm::of(Hash::Sha256);

fn offered(params: &str) -> Challenge {
    Challenge::parse_all([format!("Digest {params}")]).challenges.remove(0)
}

/// What the one field of these says.
fn line(fields: &HeaderMap) -> String {
    assert_eq!(fields.len(), 1);
    let (_, value) = fields.iter().next().unwrap();
    String::from_utf8(value.as_bytes().to_vec()).unwrap()
}

/// The credentials with one text in the place of another.
fn forged(fields: &HeaderMap, from: &str, to: &str) -> HeaderMap {
    let line = line(fields);
    assert!(line.contains(from), "{from} in {line}");
    authorization(&line.replace(from, to))
}

fn authorization(line: &str) -> HeaderMap {
    HeaderMap::from_iter([(http::header::AUTHORIZATION, HeaderValue::from_bytes(line.as_bytes()).unwrap())])
}

/// A proof of alice's, and the world in which it was made.
fn proved() -> (World, HeaderMap) {
    let mut world = World::of_alice();
    let proof = world.proof(&Digest, None);
    (world, proof)
}

fn refusal(world: &mut World, proof: &HeaderMap) -> Refusal {
    match world.verify(&Digest, proof) {
        Verdict::Reject(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

/// What the server says beside its content.
fn accepted(world: &mut World, proof: &HeaderMap) -> HeaderMap {
    match world.verify(&Digest, proof) {
        Verdict::Accept { principal, fields } => {
            assert_eq!(principal, Principal::new(&*principal.name, "Digest"));
            fields.into_iter().collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_algorithm_and_cover_goes_from_end_to_end() {
    for algorithm in Algorithm::ALL {
        for qop in [Qop::Auth, Qop::AuthInt] {
            for party in [Party::Server, Party::Proxy] {
                let mut world = World::of_alice();
                (world.party, world.method, world.body) = (party, Method::POST, Some(b"{}".to_vec()));
                (world.settings.digest.algorithms, world.settings.digest.qop) = (vec![algorithm], vec![qop]);
                let challenge = world.challenge(&Digest).unwrap();
                let proof = world.proof(&Digest, Some(&challenge));
                let info = accepted(&mut world, &proof);
                let confirmation = world.confirm(&Digest, &challenge, &proof, &info).unwrap();
                let expected = Confirmation { mutual: true, challenge: Some(challenge), space: Vec::new() };
                assert_eq!(confirmation, expected, "{algorithm} {qop} {party:?}");
            }
        }
    }
}

#[test]
fn the_wire_is_that_of_the_rfc() {
    let mut world = World::of_alice();
    world.settings.digest.algorithms = vec![SHA256, MD5];
    world.settings.digest.qop = vec![Qop::Auth, Qop::AuthInt];
    world.settings.digest.domain = vec!["/a".into(), "/b".into()];
    world.settings.digest.userhash = true;
    let end = world.now + world.settings.digest.nonce_lifetime;
    let nonce = NonceKey::new([0x6b; 32]).make("gatepost", end, &world.entropy);
    let opaque = NonceKey::new([0x6b; 32]).opaque("gatepost");
    let expected = |algorithm: &str, stale: &str| {
        format!(
            "Digest realm=\"gatepost\", domain=\"/a /b\", qop=\"auth, auth-int\", algorithm={algorithm}, \
             nonce=\"{nonce}\", opaque=\"{opaque}\"{stale}, charset=UTF-8, userhash=true"
        )
    };
    let told = |refusal: Option<&Refusal>| -> Vec<String> {
        world.challenges(&Digest, refusal).iter().map(Challenge::to_string).collect()
    };
    assert_eq!(told(None), [expected("SHA-256", ""), expected("MD5", "")]);
    for refusal in [Refusal::Stale, Refusal::Replayed] {
        assert_eq!(told(Some(&refusal))[0], expected("SHA-256", ", stale=true"));
    }
    assert_eq!(told(Some(&Refusal::WrongSecret))[0], expected("SHA-256", ""));

    let (mut world, proof) = proved();
    let sent = line(&proof);
    let cnonce = "WlpaWlpaWlpaWlpaWlpaWlpa";
    let start = format!(
        "Digest username=\"alice\", realm=\"gatepost\", uri=\"/a\", algorithm=SHA-256, nonce=\"{nonce}\", \
         nc=00000001, cnonce=\"{cnonce}\", qop=auth, response=\""
    );
    assert!(sent.starts_with(&start) && sent.ends_with(&format!("\", opaque=\"{opaque}\"")), "{sent}");
    let said = line(&accepted(&mut world, &proof));
    assert!(said.ends_with(&format!("\", qop=auth, cnonce=\"{cnonce}\", nc=00000001")), "{said}");
    let hash = Hash::Sha256;
    let kind = Kind::DigestHa1 { hash, realm: "gatepost".into() };
    assert!(world.asked.contains(&Need::Record { user: "alice".into(), kind }), "{:?}", world.asked);
}

#[test]
fn what_is_not_for_this_request_here_and_now_is_refused() {
    let malformed = Refusal::Malformed("the uri is not the request's target".into());
    let not_taken = |what: &str| Refusal::NotTaken(what.into());
    let key = NonceKey::new([0x6b; 32]).opaque("gatepost");
    let table: &[(&str, &str, Refusal)] = &[
        ("uri=\"/a\"", "uri=\"/b\"", malformed.clone()),
        ("uri=\"/a\"", "uri=\"/%61\"", malformed.clone()),
        ("uri=\"/a\"", "uri=\"https://example.com/a\"", malformed),
        ("realm=\"gatepost\"", "realm=\"other\"", not_taken("another realm")),
        ("algorithm=SHA-256, ", "algorithm=MD5, ", not_taken("an algorithm that was not offered")),
        ("algorithm=SHA-256, ", "", not_taken("an algorithm that was not offered")),
        ("algorithm=SHA-256, ", "algorithm=SHA-512, ", not_taken("an algorithm that was not offered")),
        ("qop=auth", "qop=auth-int", not_taken("a qop that was not offered")),
        ("qop=auth", "qop=auth-conf", not_taken("a qop that was not offered")),
        ("nc=00000001, cnonce=\"WlpaWlpaWlpaWlpaWlpaWlpa\", qop=auth, ", "", not_taken("a qop that was not offered")),
        (&key, "another", not_taken("another opaque, or none")),
        ("response=", "userhash=true, response=", not_taken("a hashed user name")),
        ("nc=00000001", "nc=00010001", Refusal::Stale),
        ("nc=00000001", "nc=00000002", Refusal::WrongSecret),
        ("username=\"alice\"", "username=\"bob\"", Refusal::WrongSecret),
        ("response=\"", "response=\"0", Refusal::WrongSecret),
        ("cnonce=\"W", "cnonce=\"X", Refusal::WrongSecret),
    ];
    for (from, to, expected) in table {
        let (mut world, proof) = proved();
        assert_eq!(refusal(&mut world, &forged(&proof, from, to)), *expected, "{to}");
        // Nobody's count was used up by it.
        assert!(world.used.is_empty(), "{to}");
        accepted(&mut world, &proof);
    }
    let (mut world, proof) = proved();
    world.method = Method::DELETE;
    assert_eq!(refusal(&mut world, &proof), Refusal::WrongSecret);
}

#[test]
fn a_nonce_that_is_forged_or_old_is_told_to_be_stale_before_anybody_is_looked_up() {
    let (mut world, proof) = proved();
    let nonce = world.challenge(&Digest).unwrap().param("nonce").unwrap().to_owned();
    let made_up = NonceKey::new([1; 32]).make("gatepost", world.now + Duration::from_secs(60), &[7; 32]);
    for other in ["", "1", &made_up, &nonce.to_uppercase()] {
        assert_eq!(refusal(&mut world, &forged(&proof, &nonce, other)), Refusal::Stale, "{other}");
    }
    let then = world.now;
    world.now = then + Duration::from_millis(300_001);
    assert_eq!(refusal(&mut world, &proof), Refusal::Stale);
    let looked_up = |need: &Need| matches!(need, Need::Record { .. });
    assert!(!world.asked.iter().any(looked_up), "{:?}", world.asked);
    world.now = then + Duration::from_millis(300_000);
    let info = accepted(&mut world, &proof);
    // Its uses are forgotten when it ends: that nonces live longer now must not bring them back.
    (world.now, world.settings.digest.nonce_lifetime) = (then + Duration::from_secs(301), Duration::from_secs(3600));
    world.used.clear();
    assert_eq!(refusal(&mut world, &proof), Refusal::Stale);
    (world.now, world.settings.digest.nonce_lifetime) = (then + Duration::from_secs(300), Duration::from_secs(300));
    // So late in its life, the next nonce comes along.
    let challenge = world.challenge(&Digest).unwrap();
    assert!(line(&info).contains(&format!("nextnonce=\"{}\"", challenge.param("nonce").unwrap())), "{}", line(&info));
}

#[test]
fn each_count_is_taken_once_in_any_order_by_any_node() {
    let mut world = World::of_alice();
    let challenge = world.challenge(&Digest).unwrap();
    let mut proofs: Vec<_> = (0..50).map(|_| world.proof(&Digest, Some(&challenge))).collect();
    proofs.reverse();
    for proof in &proofs {
        accepted(&mut world, proof);
    }
    for proof in &proofs {
        assert_eq!(refusal(&mut world, proof), Refusal::Replayed);
        // Respelled, it is the same use.
        let respelled = forged(proof, "username=\"alice\"", "username=\"al\\ice\"");
        assert_eq!(refusal(&mut world, &respelled), Refusal::Replayed);
    }
    // Another node has the key and the records, and nothing else of this one.
    let mut node = World::of_alice();
    node.used = world.used.clone();
    assert_eq!(refusal(&mut node, &proofs[7]), Refusal::Replayed);
    accepted(&mut node, &world.proof(&Digest, Some(&challenge)));
}

#[test]
fn the_body_is_covered_where_that_is_agreed_on() {
    let mut world = World::of_alice();
    world.settings.digest.qop = vec![Qop::AuthInt];
    (world.method, world.body) = (Method::POST, Some(b"pay 1".to_vec()));
    let proof = world.proof(&Digest, None);
    world.body = Some(b"pay 1000".to_vec());
    assert_eq!(refusal(&mut world, &proof), Refusal::WrongSecret);
    world.body = Some(b"pay 1".to_vec());
    accepted(&mut world, &proof);
    world.body = None;
    let error = world.prove(&Digest, None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the credential does not suit Digest: auth-int covers the body, and this one can be read but once"
    );
}

#[test]
fn names_go_out_in_the_form_that_the_server_reads() {
    let table = [
        ("alice", "", "username=\"alice\", "),
        (r#"a"\b"#, "", r#"username="a\"\\b", "#),
        ("Jäsøn", "", "username=\"Jäsøn\", "),
        ("Jäsøn", ", charset=UTF-8", "username*=UTF-8''J%C3%A4s%C3%B8n, "),
        ("Jäsøn", ", charset=utf-8, userhash=TRUE", "username=\"1b"),
    ];
    for (name, params, expected) in table {
        let mut world = World::of_alice();
        world.login = Some(Credential::login(name, "secret"));
        let challenge = offered(&format!(r#"realm="r", nonce="n", qop="auth", algorithm=SHA-256{params}"#));
        let line = line(&world.proof(&Digest, Some(&challenge)));
        let hashed = params.contains("userhash");
        assert_eq!(line.ends_with(", userhash=true"), hashed, "{line}");
        let head = if hashed { "Digest username=\"" } else { &format!("Digest {expected}") };
        assert!(line.starts_with(head), "{line}");
    }
    for (name, secret) in [("a:b", "x"), ("a", ""), ("a\u{1}", "x")] {
        let mut world = World::of_alice();
        world.login = Some(Credential::login(name, secret));
        let error = world.prove(&Digest, None).unwrap_err();
        assert!(matches!(error, AuthError::Unsuitable { .. }), "{error:?}");
    }
}

#[test]
fn a_hashed_name_is_found() {
    let mut world = World::of_alice();
    world.settings.digest.userhash = true;
    let proof = world.proof(&Digest, None);
    assert!(!line(&proof).contains("alice"), "{}", line(&proof));
    let Verdict::Accept { principal, .. } = world.verify(&Digest, &proof) else { panic!() };
    assert_eq!(principal.name, "alice");
    world.login = Some(Credential::login("mallory", "x"));
    let proof = world.proof(&Digest, None);
    assert_eq!(refusal(&mut world, &proof), Refusal::WrongSecret);
}

#[test]
fn terms_that_are_not_ours_are_declined() {
    let table = [
        ("algorithm=SHA-512, qop=\"auth\"", "an algorithm that we do not know"),
        ("qop=\"auth-conf\"", "no qop that we know"),
        ("algorithm=MD5", "no qop: the form of RFC 2069 is not allowed here"),
        ("algorithm=SHA-256-sess, qop=\"\"", "no qop: the form of RFC 2069 is not allowed here"),
    ];
    for (params, reason) in table {
        let challenge = offered(&format!(r#"realm="r", nonce="n", {params}"#));
        let step = World::of_alice().prove(&Digest, Some(&challenge)).unwrap();
        assert_eq!(step, Step::Decline(reason.into()), "{params}");
    }
    let mut world = World::of_alice();
    world.settings.digest.answered = vec![SHA256];
    let challenge = offered(r#"realm="r", nonce="n", qop="auth", algorithm=MD5"#);
    let step = world.prove(&Digest, Some(&challenge)).unwrap();
    assert_eq!(step, Step::Decline("an algorithm that is not answered here".into()));
    world.settings.digest.nonce_key = None;
    assert_eq!(world.challenge(&Digest), None);
}

#[test]
fn the_form_of_rfc_2069_takes_a_word_and_a_nonce_is_good_for_once_then() {
    let mut world = World::of_alice();
    world.settings.digest.danger_rfc2069 = true;
    let mut challenge = world.challenge(&Digest).unwrap();
    challenge.params.retain(|(name, _)| name != "qop");
    let proof = world.proof(&Digest, Some(&challenge));
    assert!(!line(&proof).contains("qop") && !line(&proof).contains("cnonce"), "{}", line(&proof));
    let info = accepted(&mut world, &proof);
    assert!(line(&info).starts_with("nextnonce=\""), "{}", line(&info));
    let next = world.confirm(&Digest, &challenge, &proof, &info).unwrap();
    assert!(!next.mutual && next.challenge.is_some());
    assert_eq!(refusal(&mut world, &proof), Refusal::Replayed);
}

#[test]
fn a_server_that_does_not_know_the_secret_is_found_out() {
    let mut world = World::of_alice();
    world.settings.digest.domain = vec!["/a".into(), "/b".into()];
    let challenge = world.challenges(&Digest, Some(&Refusal::Stale)).remove(0);
    let proof = world.proof(&Digest, Some(&challenge));
    let info = line(&accepted(&mut world, &proof));
    let mut heard = |info: &str| {
        let fields = HeaderMap::from_iter([("authentication-info".parse().unwrap(), info.parse().unwrap())]);
        world.confirm(&Digest, &challenge, &proof, &fields)
    };
    let mut remembered = challenge.clone();
    remembered.params.retain(|(name, _)| name != "stale");
    let space = vec!["/a".to_owned(), "/b".to_owned()];
    let told = |mutual, challenge: &Challenge| Confirmation {
        mutual,
        challenge: Some(challenge.clone()),
        space: space.clone(),
    };
    assert_eq!(heard(&info), Ok(told(true, &remembered)));
    assert_eq!(heard(&info.replace("qop=auth, ", "")), Ok(told(true, &remembered)));
    let wrong = Err(AuthError::Unconfirmed { scheme: "Digest" });
    for (from, to) in [("rspauth=\"", "rspauth=\"0"), ("nc=00000001", "nc=00000002"), ("cnonce=\"W", "cnonce=\"X")] {
        assert_eq!(heard(&info.replace(from, to)), wrong, "{to}");
    }
    // It covers content that is not here yet, or says nothing that can be read: no proof, and no lie.
    for said in [info.replace("qop=auth", "qop=auth-int"), "qop=auth".into(), "rspauth".into(), String::new()] {
        assert_eq!(heard(&said), Ok(told(false, &remembered)), "{said}");
    }
    let mut expected = remembered.clone();
    for (_, value) in expected.params.iter_mut().filter(|(name, _)| name == "nonce") {
        *value = "other".into();
    }
    assert_eq!(heard("nextnonce=\"other\""), Ok(told(false, &expected)));
}
