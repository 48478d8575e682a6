//! Basic at its edges (RFC 7617).

#[path = "support/world.rs"]
mod world;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gatepost_auth::error::AuthError;
use gatepost_auth::need::Need;
use gatepost_auth::scheme::Step;
use gatepost_auth::schemes::basic::Basic;
use gatepost_auth::verdict::{Refusal, Verdict};
use gatepost_model::credential::Credential;
use gatepost_model::secret::Secret;
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use proptest::prelude::*;
use world::World;

fn header(value: &[u8]) -> HeaderMap {
    [(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap())].into_iter().collect()
}

/// The pair that the server reads out of a header field, or how it refuses.
fn read(value: &str) -> Result<(String, Secret), Refusal> {
    let mut world = World::of_alice();
    let verdict = world.verify(&Basic, &header(value.as_bytes()));
    match (world.asked.pop(), verdict) {
        (Some(Need::Password { user, password }), _) => Ok((user, password)),
        (None, Verdict::Reject(refusal)) => Err(refusal),
        other => panic!("{value}: {other:?}"),
    }
}

#[test]
fn every_pair_that_can_be_sent_is_read_as_it_was() {
    for (user, password) in [
        ("", ""),
        ("", "p"),
        ("u", ""),
        ("u", "a:b::"),
        ("u", ":"),
        ("ü", "\u{10ffff}£"),
        (" u ", " "),
        ("u", "\u{85}"),
    ] {
        let mut world = World::of_alice();
        world.login = Some(Credential::login(user, password));
        let headers = world.proof(&Basic, None);
        let value = std::str::from_utf8(headers[AUTHORIZATION].as_bytes()).unwrap();
        assert_eq!(read(value), Ok((user.to_owned(), Secret::from(password))), "{user}:{password}");
    }
}

#[test]
fn what_cannot_be_sent() {
    let table: [(&str, &[u8], &str); 6] = [
        ("a:b", b"p", "a colon in the user name"),
        ("a\n", b"p", "a control character in the user name or password"),
        ("a\x7f", b"p", "a control character in the user name or password"),
        ("a", b"p\0", "a control character in the user name or password"),
        ("a", b"\tp", "a control character in the user name or password"),
        ("a", b"\xa3", "the password is not UTF-8"),
    ];
    for (user, password, detail) in table {
        let mut world = World::of_alice();
        world.login = Some(Credential::login(user, Secret::new(password.to_vec())));
        let error = AuthError::Unsuitable { scheme: "Basic", detail: detail.into() };
        assert_eq!(world.prove(&Basic, None), Err(error), "{user:?}");
    }
}

#[test]
fn a_login_kept_for_another_scheme_is_not_sent() {
    let mut world = World::of_alice();
    world.login = Some(Credential::login("alice", "x").only_for("WSSE"));
    assert_eq!(world.prove(&Basic, None), Ok(Step::Decline("the login is kept for another scheme".into())));
}

#[test]
fn only_canonical_base64_of_a_pair_is_read() {
    let encode = |octets: &[u8]| format!("Basic {}", STANDARD.encode(octets));
    let table = [
        ("Basic".to_owned(), "no base64"),
        ("Basic user=x".to_owned(), "no base64"),
        ("Basic YTpi YTpi".to_owned(), "a parameter has no `=`"),
        ("Basic YTpiYw".to_owned(), "not base64"),
        ("Basic YTpiYx==".to_owned(), "not base64"),
        ("Basic YTpi====".to_owned(), "not base64"),
        ("Basic YT-_".to_owned(), "not base64"),
        (encode(b"alice"), "no colon"),
        (encode(b"a:\xa3"), "not UTF-8"),
        (encode(b"a:b\n"), "a control character"),
        (encode(b"a\0:b"), "a control character"),
        (encode(&[b':'; 6145]), "too long"),
    ];
    for (value, detail) in table {
        assert_eq!(read(&value), Err(Refusal::Malformed(detail.into())), "{value:.40}");
    }
    assert_eq!(read("bAsIc  YTpi  "), Ok(("a".to_owned(), Secret::from("b"))));
    assert!(read(&encode(&[b':'; 6144])).is_ok());
}

proptest! {
    #[test]
    fn arbitrary_fields_do_no_harm(tail in proptest::collection::vec(0x20_u8..=0xff, 0..64)) {
        let value: Vec<u8> = b"Basic ".iter().chain(&tail).copied().filter(|octet| *octet != 0x7f).collect();
        let verdict = World::of_alice().verify(&Basic, &header(&value));
        prop_assert!(matches!(verdict, Verdict::Reject(_)));
    }

    #[test]
    fn read_is_the_inverse_of_send(user in "[^:\\x00-\\x1f\\x7f]{0,12}", password in "[^\\x00-\\x1f\\x7f]{0,12}") {
        let mut world = World::of_alice();
        world.login = Some(Credential::login(user.as_str(), password.as_str()));
        let headers = world.proof(&Basic, None);
        let value = std::str::from_utf8(headers[AUTHORIZATION].as_bytes()).unwrap();
        prop_assert_eq!(read(value), Ok((user, Secret::from(password))));
    }
}
