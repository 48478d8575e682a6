//! WSSE at its edges: what the parser takes, what it refuses, and every way to show one proof twice.

#[path = "support/world.rs"]
mod world;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use gatepost_auth::challenge::Challenge;
use gatepost_auth::error::AuthError;
use gatepost_auth::need::Need;
use gatepost_auth::scheme::Step;
use gatepost_auth::schemes::wsse::Wsse;
use gatepost_auth::settings::WsseDialect::{self, Decoded, HexSha1, Literal};
use gatepost_auth::verdict::{Refusal, Verdict};
use gatepost_model::credential::Credential;
use gatepost_model::principal::Principal;
use gatepost_model::secret::Secret;
use gatepost_model::time::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use world::World;

const NONCE: &str = "d36e316282959a9ed4c89851497a717f";
const DIGEST: &str = "quR/EWLAV4xLf9Zqyw4pDmfV9OY=";
const CREATED: &str = "2003-12-15T14:43:07Z";

/// A server that knows bob of the Atom article, at the moment of its example.
fn bobs_server(dialects: &[WsseDialect]) -> World {
    let mut world = World::of_alice();
    world.users = [("bob".to_owned(), Credential::login("bob", "taadtaadpstcsm"))].into();
    world.now = Timestamp::parse_rfc3339(CREATED).unwrap();
    world.settings.wsse.dialects = dialects.to_vec();
    world
}

fn fields(fields: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        map.append(HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

fn token(digest: &str, nonce: &str, created: &str) -> HeaderMap {
    let value =
        format!(r#"UsernameToken Username="bob", PasswordDigest="{digest}", Nonce="{nonce}", Created="{created}""#);
    fields(&[("x-wsse", &value)])
}

fn accepted() -> Verdict {
    Verdict::accept(Principal::new("bob", "WSSE"))
}

#[test]
fn spellings_that_are_taken() {
    let unpadded = DIGEST.trim_end_matches('=');
    for value in [
        format!(
            r#"WSSE UsernameToken Username="bob", PasswordDigest="{DIGEST}", Nonce="{NONCE}", Created="{CREATED}""#
        ),
        format!(r#"usernametoken  Username="bob",PasswordDigest="{DIGEST}",Nonce="{NONCE}",Created="{CREATED}""#),
        format!(r#"UsernameToken Created = "{CREATED}" , nonce="{NONCE}", PASSWORDDIGEST="{DIGEST}",, Username=bob"#),
        format!(
            r#"UsernameToken Username="b\ob", PasswordDigest="{unpadded}", Nonce={NONCE}, Created="{CREATED}", x=y"#
        ),
    ] {
        assert_eq!(bobs_server(&[Literal]).verify(&Wsse, &fields(&[("x-wsse", &value)])), accepted(), "{value}");
    }
}

#[test]
fn what_stands_beside_x_wsse() {
    let x_wsse =
        format!(r#"UsernameToken Username="bob", PasswordDigest="{DIGEST}", Nonce="{NONCE}", Created="{CREATED}""#);
    let malformed = |detail: &str| Verdict::Reject(Refusal::Malformed(detail.into()));
    let table = [
        (Some("WSSE profile=\"UsernameToken\""), accepted()),
        (Some("wsse realm=\"SDP\",profile=\"usernametoken\",type=\"Appkey\""), accepted()),
        (Some("WSSE"), accepted()),
        (None, accepted()),
        (Some("WSSE profile=\"Kerberos\""), malformed("another profile than UsernameToken")),
        (Some("Basic Ym9iOng="), Verdict::Absent),
    ];
    for (authorization, expected) in table {
        let mut headers = fields(&[("x-wsse", &x_wsse)]);
        headers.extend(authorization.map(|value| (http::header::AUTHORIZATION, HeaderValue::from_str(value).unwrap())));
        assert_eq!(bobs_server(&[Literal]).verify(&Wsse, &headers), expected, "{authorization:?}");
    }
    let alone = fields(&[("authorization", "WSSE profile=\"UsernameToken\"")]);
    assert_eq!(bobs_server(&[Literal]).verify(&Wsse, &alone), malformed("no X-WSSE field"));
}

#[test]
fn malformed_tokens_ask_for_nothing() {
    let long = "x".repeat(300);
    let table = [
        (token(DIGEST, "", CREATED), "a nonce that is empty, too long or not ASCII"),
        (token(DIGEST, &long, CREATED), "a nonce that is empty, too long or not ASCII"),
        (token(DIGEST, "é", CREATED), "a nonce that is empty, too long or not ASCII"),
        (token("%", NONCE, CREATED), "a digest that is not base64"),
        (token(DIGEST, NONCE, "2003-12-15 14:43"), "a creation time that is not RFC 3339"),
        (token(DIGEST, NONCE, "2003-12-15T14:43:07"), "a creation time that is not RFC 3339"),
        (token(DIGEST, NONCE, "1071499387"), "a creation time that is not RFC 3339"),
        (fields(&[("x-wsse", "UsernameToken Username=\"bob\"")]), "no Nonce"),
        (fields(&[("x-wsse", "UsernameToken a=b, A=c")]), "a parameter comes twice"),
        (fields(&[("x-wsse", "Kerberos a=b")]), "no UsernameToken"),
        (fields(&[("x-wsse", "WSSE")]), "no scheme"),
        (fields(&[("x-wsse", &"x".repeat(5000))]), "too long"),
        (fields(&[("x-wsse", "a"), ("x-wsse", "b")]), "more than one X-WSSE field"),
    ];
    for (headers, detail) in table {
        let mut world = bobs_server(&[Literal]);
        let expected = Verdict::Reject(Refusal::Malformed(detail.into()));
        assert_eq!((world.verify(&Wsse, &headers), world.asked.len()), (expected, 0));
    }
}

#[test]
fn the_window_has_two_edges_and_offsets_count() {
    let table = [(300, true), (301, false), (-30, true), (-31, false), (0, true)];
    for (seconds, timely) in table {
        let mut world = bobs_server(&[Literal]);
        world.now = Timestamp::from_secs(world.now.as_secs() + seconds);
        let expected = if timely { accepted() } else { Verdict::Reject(Refusal::Stale) };
        assert_eq!(world.verify(&Wsse, &token(DIGEST, NONCE, CREATED)), expected, "{seconds}");
    }
    // The digest covers the text of the time, the window its meaning.
    let offset = "2003-12-15T16:43:07+02:00";
    let digest = sha1(&[NONCE, offset, "taadtaadpstcsm"]);
    assert_eq!(bobs_server(&[Literal]).verify(&Wsse, &token(&STANDARD.encode(&digest), NONCE, offset)), accepted());
    let verdict = bobs_server(&[Literal]).verify(&Wsse, &token(DIGEST, NONCE, "2003-12-15T14:43:07+00:00"));
    assert_eq!(verdict, Verdict::Reject(Refusal::WrongSecret));
}

#[test]
fn one_proof_in_another_spelling_is_still_the_same_proof() {
    let mut world = bobs_server(&[Decoded, Literal, HexSha1]);
    let text = "d36e316282959a9ed4c89851497a717f";
    let encoded = STANDARD.encode(text);
    let hexadecimal: String = STANDARD.decode(DIGEST).unwrap().iter().map(|octet| format!("{octet:02x}")).collect();
    let spellings = [
        token(DIGEST, text, CREATED),
        token(DIGEST, &encoded, CREATED),
        token(DIGEST, &STANDARD_NO_PAD.encode(text), CREATED),
        token(&STANDARD.encode(hexadecimal), text, CREATED),
    ];
    for headers in &spellings {
        let fresh = bobs_server(&[Decoded, Literal, HexSha1]).verify(&Wsse, headers);
        assert_eq!(fresh, accepted(), "valid on its own: {headers:?}");
    }
    assert_eq!(world.verify(&Wsse, &spellings[0]), accepted());
    for headers in &spellings {
        assert_eq!(world.verify(&Wsse, headers), Verdict::Reject(Refusal::Replayed), "{headers:?}");
    }
}

#[test]
fn a_name_that_the_store_folds_is_one_user() {
    let mut world = bobs_server(&[Literal]);
    world.users.insert("BOB".into(), Credential::login("bob", "taadtaadpstcsm"));
    let shouted =
        format!(r#"UsernameToken Username="BOB", PasswordDigest="{DIGEST}", Nonce="{NONCE}", Created="{CREATED}""#);
    assert_eq!(world.verify(&Wsse, &fields(&[("x-wsse", &shouted)])), accepted());
    let verdict = world.verify(&Wsse, &token(DIGEST, NONCE, CREATED));
    assert_eq!(verdict, Verdict::Reject(Refusal::Replayed));
}

#[test]
fn first_use_is_asked_last_and_remembered_past_the_window() {
    let mut world = bobs_server(&[Literal]);
    world.verify(&Wsse, &token(DIGEST, NONCE, CREATED));
    let [Need::Login { user }, Need::FirstUse { key, until }] = &world.asked[..] else { panic!("{:?}", world.asked) };
    assert_eq!(user.as_deref(), Some("bob"));
    assert_eq!((key.len(), key.starts_with("wsse:")), (5 + 64, true));
    assert_eq!(*until, world.now + Duration::from_secs(330));
}

#[test]
fn a_user_without_a_usable_secret_is_like_no_user() {
    let empty = STANDARD.encode(sha1(&[NONCE, CREATED]));
    for login in [Credential::login("bob", ""), Credential::login("bob", "taadtaadpstcsm").only_for("Basic")] {
        for digest in [DIGEST, &empty] {
            let mut world = bobs_server(&[Literal]);
            world.users.insert("bob".into(), login.clone());
            let verdict = world.verify(&Wsse, &token(digest, NONCE, CREATED));
            assert_eq!(verdict, Verdict::Reject(Refusal::WrongSecret), "{login:?} {digest}");
        }
    }
    let dummy = STANDARD.encode(sha1(&[NONCE, CREATED, "no such user"]));
    let mut world = bobs_server(&[Literal]);
    world.users.clear();
    assert_eq!(world.verify(&Wsse, &token(&dummy, NONCE, CREATED)), Verdict::Reject(Refusal::WrongSecret));
}

#[test]
fn the_client_declines_or_complains() {
    let unsuitable = |detail: &str| Err(AuthError::Unsuitable { scheme: "WSSE", detail: detail.into() });
    let prove = |login: Credential, challenge: Option<&Challenge>| {
        let mut world = World::of_alice();
        world.login = Some(login);
        world.prove(&Wsse, challenge)
    };
    assert_eq!(prove(Credential::login("a", ""), None), unsuitable("an empty secret proves nothing"));
    assert_eq!(prove(Credential::login("a\n", "x"), None), unsuitable("a control character in a value"));
    let other = Challenge::new("WSSE").with("profile", "Kerberos");
    let reason = "the challenge asks for another profile than UsernameToken".to_owned();
    assert_eq!(prove(Credential::login("a", "x"), Some(&other)), Ok(Step::Decline(reason)));
    let binary = prove(Credential::login("a\"\\é", Secret::new(vec![0xff])), Some(&Challenge::new("WSSE")));
    assert!(matches!(binary, Ok(Step::Send { .. })), "any octets can be a secret: {binary:?}");
}

#[test]
fn settings_are_obeyed() {
    let mut world = World::of_alice();
    world.settings.wsse.authorization = false;
    assert!(!world.proof(&Wsse, None).contains_key("authorization"));
    world.settings.wsse.authorization = true;
    world.settings.wsse.parameters = vec![("realm".into(), "SDP".into()), ("type".into(), "Appkey".into())];
    let telecom = r#"WSSE profile="UsernameToken", realm="SDP", type="Appkey""#;
    assert_eq!(world.proof(&Wsse, None)["authorization"], HeaderValue::from_static(telecom));
    world.settings.wsse.parameters = vec![("Profile".into(), "x".into())];
    let what = "the WSSE parameter `Profile`".into();
    assert_eq!(world.prove(&Wsse, None), Err(AuthError::Setting { what, detail: "it is there already".into() }));
    let error = AuthError::Setting { what: "the list of WSSE dialects".into(), detail: "it is empty".into() };
    world.settings.wsse.dialects.clear();
    assert_eq!(world.prove(&Wsse, None), Err(error));
}

#[test]
fn another_entropy_is_another_nonce() {
    let with = |octet: u8| {
        let mut world = World::of_alice();
        world.entropy = [octet; 32];
        world.proof(&Wsse, None)
    };
    assert_ne!(with(1), with(2));
    assert_eq!(with(1), with(1));
}

fn sha1(parts: &[&str]) -> Vec<u8> {
    let text = parts.concat();
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()).as_ref().to_vec()
}

proptest! {
    #[test]
    fn arbitrary_fields_do_no_harm(value in proptest::collection::vec(0x20_u8..=0x7e, 0..80), prefix in 0_usize..3) {
        let value = [b"".as_slice(), b"UsernameToken ", b"WSSE UsernameToken Username=\"bob\", Nonce="][prefix]
            .iter().chain(&value).copied().collect::<Vec<_>>();
        let headers = fields(&[("x-wsse", std::str::from_utf8(&value).unwrap())]);
        let verdict = bobs_server(&[Decoded, Literal]).verify(&Wsse, &headers);
        prop_assert!(matches!(verdict, Verdict::Reject(_)), "{:?}", verdict);
    }

    #[test]
    fn any_user_and_secret_work_in_any_dialect(
        user in "[ -~¡-\u{2fff}]{0,12}",
        secret in proptest::collection::vec(any::<u8>(), 1..24),
        entropy in any::<[u8; 32]>(),
        dialect in prop_oneof![
            Just(Decoded), Just(Literal), Just(HexSha1), Just(WsseDialect::Sha256), Just(WsseDialect::HexSha256)
        ],
    ) {
        let mut world = World::of_alice();
        let login = Credential::login(user.as_str(), Secret::new(secret));
        world.users = [(user.clone(), login.clone())].into();
        world.login = Some(login);
        world.entropy = entropy;
        world.settings.wsse.dialects = vec![dialect];
        let headers = world.proof(&Wsse, None);
        prop_assert_eq!(world.verify(&Wsse, &headers), Verdict::accept(Principal::new(user, "WSSE")));
    }
}
