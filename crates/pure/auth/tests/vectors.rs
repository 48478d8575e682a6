//! The published and computed examples in `vectors/`, run on both ends of the wire.

#[path = "support/world.rs"]
mod world;

use gatepost_auth::challenge::Challenge;
use gatepost_auth::need::Need;
use gatepost_auth::schemes::{basic::Basic, wsse::Wsse};
use gatepost_auth::settings::WsseDialect;
use gatepost_auth::verdict::{Refusal, Verdict};
use gatepost_model::credential::Credential;
use gatepost_model::principal::Principal;
use gatepost_model::time::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use world::World;

const BASIC: &str = include_str!("vectors/basic.json");
const WSSE: &str = include_str!("vectors/wsse.json");

fn text<'a>(entry: &'a Value, key: &str) -> &'a str {
    entry[key].as_str().unwrap_or_else(|| panic!("no {key} in {entry}"))
}

fn world_of(user: &str, password: &str) -> World {
    let mut world = World::of_alice();
    let login = Credential::login(user, password);
    world.users = [(user.to_owned(), login.clone())].into();
    world.login = Some(login);
    world
}

fn one(name: &'static str, value: &str) -> HeaderMap {
    [(HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())].into_iter().collect()
}

#[test]
fn basic() {
    let file: Value = serde_json::from_str(BASIC).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 2);
    for entry in vectors {
        let (user, password, header) = (text(entry, "user"), text(entry, "password"), text(entry, "header"));
        let mut world = world_of(user, password);
        assert_eq!(world.proof(&Basic, None), one("authorization", header));
        let verdict = world.verify(&Basic, &one("authorization", header));
        assert_eq!(verdict, Verdict::accept(Principal::new(user, "Basic")));
        let verdict = world_of(user, "wrong").verify(&Basic, &one("authorization", header));
        assert_eq!(verdict, Verdict::Reject(Refusal::WrongSecret));
    }
    let challenges: Vec<&str> = file["challenges"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
    let expected = vec![
        Challenge::new("Basic").with("realm", "WallyWorld"),
        Challenge::new("Basic").with("realm", "foo").with("charset", "UTF-8"),
    ];
    let parsed = Challenge::parse_all(&challenges);
    assert_eq!((parsed.challenges, parsed.faults), (expected.clone(), vec![]));
    assert_eq!(expected.iter().map(Challenge::to_string).collect::<Vec<_>>(), challenges);
}

fn dialect(name: &str) -> WsseDialect {
    match name {
        "nonce-base64" => WsseDialect::Decoded,
        "nonce-text" => WsseDialect::Literal,
        "hex-sha1" => WsseDialect::HexSha1,
        "sha256" => WsseDialect::Sha256,
        "hex-sha256" => WsseDialect::HexSha256,
        other => panic!("no dialect {other}"),
    }
}

const DIALECTS: [WsseDialect; 5] =
    [WsseDialect::Decoded, WsseDialect::Literal, WsseDialect::HexSha1, WsseDialect::Sha256, WsseDialect::HexSha256];

fn x_wsse(user: &str, digest: &str, nonce: &str, created: &str) -> String {
    format!(r#"UsernameToken Username="{user}", PasswordDigest="{digest}", Nonce="{nonce}", Created="{created}""#)
}

#[test]
fn wsse_server() {
    let file: Value = serde_json::from_str(WSSE).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 7);
    for entry in vectors {
        let (user, created) = (text(entry, "username"), text(entry, "created"));
        let spoken = dialect(text(entry, "dialect"));
        let line = x_wsse(user, text(entry, "digest"), text(entry, "nonce_header"), created);
        let judge = |dialects: &[WsseDialect], password: &str| {
            let mut world = world_of(user, password);
            world.now = Timestamp::parse_rfc3339(created).unwrap();
            world.settings.wsse.dialects = dialects.to_vec();
            let verdict = world.verify(&Wsse, &one("x-wsse", &line));
            assert_eq!(world.asked[0], Need::Login { user: Some(user.to_owned()) });
            verdict
        };
        assert_eq!(judge(&DIALECTS, "wrong"), Verdict::Reject(Refusal::WrongSecret), "{line}");
        // Examples whose secret was never published can only be read.
        let Some(password) = entry["password"].as_str() else { continue };
        let accepted = Verdict::accept(Principal::new(user, "WSSE"));
        assert_eq!(judge(&DIALECTS, password), accepted, "{line}");
        for dialect in DIALECTS {
            let expected = if dialect == spoken { accepted.clone() } else { Verdict::Reject(Refusal::WrongSecret) };
            assert_eq!(judge(&[dialect], password), expected, "{dialect:?} {line}");
        }
    }
}

/// The client's nonce has 16 octets; these are the examples with such a nonce: the file's, and for
/// the other dialects values computed over the same octets.
#[test]
fn wsse_client() {
    let octets = 0xd36e_3162_8295_9a9e_d4c8_9851_497a_717f_u128.to_be_bytes();
    let text_nonce = "d36e316282959a9ed4c89851497a717f";
    let (atom, customer) = (("bob", "taadtaadpstcsm"), ("customer001", "secret"));
    let hex_sha256 = "OTM2Mzk3MDJhZTU3OWY4M2IwNTJkZmU0OGNjOGU0ODRmNmUxMDliOGZhZDM0NDg1M2FkZTZmNTYwYjY5NGRlMg==";
    let published = "quR/EWLAV4xLf9Zqyw4pDmfV9OY=";
    let sha256 = "k2OXAq5Xn4OwUt/kjMjkhPbhCbj600SFOt5vVgtpTeI=";
    let adobe = "NDg3MTE0MjJhNTdkYjljNDQ0NDJhODI5MTZhYzYyOTcxYWJkMWRhNw==";
    let telecom = "OTk3MTdjMWFhMDhjNzI1NzVjZTgxZjgxMDA3ZDdkN2E4MjBhYzFkYWMyODUyYTY3ZjYyMGI3NjA3NGQ1ZjRiYg==";
    let then = "2003-12-15T14:43:07Z";
    let table = [
        (WsseDialect::Literal, atom, text_nonce, then, published),
        (WsseDialect::Decoded, atom, "024xYoKVmp7UyJhRSXpxfw==", then, "xzwbFlkhLtAK/hc7kIcULNndAxI="),
        (WsseDialect::Sha256, atom, text_nonce, then, sha256),
        (WsseDialect::HexSha256, atom, text_nonce, then, hex_sha256),
        (WsseDialect::HexSha1, customer, text_nonce, "2014-03-20T12:51:45Z", adobe),
        (WsseDialect::HexSha256, customer, text_nonce, "2019-03-20T12:10:20Z", telecom),
    ];
    for (dialect, (user, password), nonce, created, digest) in table {
        let mut world = world_of(user, password);
        world.now = Timestamp::parse_rfc3339(created).unwrap();
        world.settings.wsse.dialects = vec![dialect];
        world.entropy[..16].copy_from_slice(&octets);
        let mut expected = one("x-wsse", &x_wsse(user, digest, nonce, created));
        expected.extend(one("authorization", r#"WSSE profile="UsernameToken""#));
        assert_eq!(world.proof(&Wsse, None), expected, "{dialect:?}");
        assert_eq!(world.verify(&Wsse, &expected), Verdict::accept(Principal::new(user, "WSSE")), "{dialect:?}");
    }
}

#[test]
fn wsse_as_published_for_atom() {
    let file: Value = serde_json::from_str(WSSE).unwrap();
    let atom = &file["vectors"][0];
    let mut world = world_of("bob", "taadtaadpstcsm");
    world.now = Timestamp::parse_rfc3339(text(atom, "created")).unwrap();
    world.settings.realm = "foo".into();
    assert_eq!(world.challenge(&Wsse).unwrap().to_string(), text(atom, "challenge"));
    let mut headers = one("x-wsse", text(atom, "x_wsse"));
    headers.extend(one("authorization", text(atom, "authorization")));
    assert_eq!(world.verify(&Wsse, &headers), Verdict::accept(Principal::new("bob", "WSSE")));
    assert_eq!(world.verify(&Wsse, &headers), Verdict::Reject(Refusal::Replayed));
}
