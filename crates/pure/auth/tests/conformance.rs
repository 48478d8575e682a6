//! What every scheme must do, as loops over `ALL`: a new scheme is held to it by being listed.

#[path = "support/world.rs"]
mod world;

use std::time::Duration;

use gatepost_auth::challenge::Challenge;
use gatepost_auth::need::Need;
use gatepost_auth::scheme::{Reuse, Scheme, Step};
use gatepost_auth::schemes::{ALL, by_name};
use gatepost_auth::verdict::{Refusal, Verdict};
use gatepost_model::credential::Credential;
use gatepost_model::head::Party;
use gatepost_model::token::Token;
use http::HeaderMap;
use world::World;

/// Proves and verifies in one world; gives the principal's name or the refusal.
fn meet(world: &mut World, scheme: &dyn Scheme) -> Result<String, Refusal> {
    let headers = world.proof(scheme, None);
    judge(world, scheme, &headers)
}

fn judge(world: &mut World, scheme: &dyn Scheme, headers: &HeaderMap) -> Result<String, Refusal> {
    match world.verify(scheme, headers) {
        Verdict::Accept { principal, .. } => {
            assert_eq!(principal.scheme, scheme.name());
            Ok(principal.name)
        }
        Verdict::Reject(refusal) => Err(refusal),
        other => panic!("{}: {other:?}", scheme.name()),
    }
}

#[test]
fn the_registry_is_in_order_and_found_by_name() {
    for pair in ALL.windows(2) {
        assert!(pair[0].strength() >= pair[1].strength(), "{} stands before {}", pair[0].name(), pair[1].name());
    }
    for scheme in ALL {
        let found = by_name(&scheme.name().to_ascii_uppercase()).map(|found| found.name());
        assert_eq!(found, Some(scheme.name()));
    }
    assert!(by_name("Bas\u{212a}c").is_none() && by_name("").is_none());
}

/// The schemes whose proof is in the request. A certificate is shown before there is one: `certificate.rs`.
fn spoken() -> Vec<&'static dyn Scheme> {
    ALL.iter().copied().filter(|scheme| !scheme.fields().is_empty()).collect()
}

#[test]
fn its_challenge_survives_the_wire_and_is_answered() {
    for scheme in &spoken() {
        let mut world = World::of_alice();
        world.settings.realm = r#"the "inner" \ gärten, a=b"#.into();
        let challenge = world.challenge(*scheme).unwrap_or_else(|| panic!("{}", scheme.name()));
        let field = challenge.to_header_value().unwrap();
        let parsed = Challenge::parse_all([&field]);
        assert_eq!((parsed.challenges.as_slice(), parsed.faults.len()), ([challenge].as_slice(), 0));
        let headers = world.proof(*scheme, parsed.challenges.first());
        assert_eq!(judge(&mut world, *scheme, &headers), Ok("alice".to_owned()), "{}", scheme.name());
    }
}

#[test]
fn its_own_proof_is_accepted_without_a_challenge() {
    for scheme in &spoken() {
        assert_eq!(meet(&mut World::of_alice(), *scheme), Ok("alice".to_owned()), "{}", scheme.name());
    }
}

#[test]
fn what_it_sends_is_sensitive_and_named_by_fields() {
    for scheme in &spoken() {
        let headers = World::of_alice().proof(*scheme, None);
        assert!(!headers.is_empty());
        for (name, value) in &headers {
            assert!(scheme.fields().contains(&name.as_str()), "{}: {name}", scheme.name());
            assert!(value.is_sensitive(), "{}: {name}", scheme.name());
            let text = String::from_utf8_lossy(value.as_bytes());
            assert!(!text.contains("sesame"), "{}: {name}", scheme.name());
        }
    }
}

#[test]
fn one_turn_gives_one_result() {
    for scheme in &spoken() {
        let prove = || World::of_alice().prove(*scheme, None);
        assert_eq!(prove(), prove(), "{}", scheme.name());
    }
}

#[test]
fn a_wrong_secret_and_an_unknown_user_are_refused_alike() {
    for scheme in &spoken() {
        let with = |login: Credential, token: Token| {
            let mut world = World::of_alice();
            (world.login, world.token) = (Some(login), Some(token));
            meet(&mut world, *scheme).unwrap_err()
        };
        let now = World::of_alice().now;
        let forged = |user: &str| world::token(user, now, "what a stranger signs with, 32 octets or more");
        let wrong = with(Credential::login("alice", "wrong"), forged("alice"));
        let unknown = with(Credential::login("mallory", "open: sesame £"), forged("mallory"));
        assert_eq!(wrong, unknown, "{}", scheme.name());
        assert!(matches!(wrong, Refusal::WrongSecret | Refusal::BadToken(_)), "{}: {wrong:?}", scheme.name());
    }
}

#[test]
fn a_replay_is_refused_and_recorded_only_after_the_proof() {
    let mut single_use = Vec::new();
    for scheme in &spoken() {
        let mut world = World::of_alice();
        let headers = world.proof(*scheme, None);
        let mut stranger = World::of_alice();
        stranger.users.insert("alice".into(), Credential::login("alice", "another"));
        assert_eq!(judge(&mut world, *scheme, &headers), Ok("alice".to_owned()));
        if !world.asked.iter().any(|need| matches!(need, Need::FirstUse { .. })) {
            continue;
        }
        assert_eq!(judge(&mut world, *scheme, &headers), Err(Refusal::Replayed), "{}", scheme.name());
        assert_eq!(judge(&mut stranger, *scheme, &headers), Err(Refusal::WrongSecret), "{}", scheme.name());
        assert!(stranger.used.is_empty(), "{} records what it did not believe", scheme.name());
        single_use.push(scheme.name());
    }
    assert_eq!(single_use, ["Digest", "WSSE"]);
}

#[test]
fn only_what_is_good_more_than_once_and_comes_from_its_fields_is_taken_again() {
    let mut reusable = Vec::new();
    for scheme in &spoken() {
        let Reuse::For(span) = scheme.reuse() else { continue };
        reusable.push(scheme.name());
        assert!(!span.is_zero() && span <= Duration::from_secs(60), "{}", scheme.name());
        let mut world = World::of_alice();
        let mut headers = world.proof(*scheme, None);
        let verdict = world.verify(*scheme, &headers);
        assert!(matches!(verdict, Verdict::Accept { .. }), "{}: {verdict:?}", scheme.name());
        // Another method, another address, other random octets, a moment later, other fields: the same verdict.
        (world.method, world.url) = (http::Method::PUT, "http://other.example:81/b?c".into());
        (world.entropy, world.now) = ([1; 32], world.now + Duration::from_secs(1));
        headers.insert("cookie", "a=b".parse().unwrap());
        assert_eq!(world.verify(*scheme, &headers), verdict, "{}", scheme.name());
        let once = |need: &Need| matches!(need, Need::FirstUse { .. } | Need::Login { user: Some(_) });
        assert!(!world.asked.iter().any(once), "{} makes single-use proofs", scheme.name());
    }
    assert_eq!(reusable, ["Bearer", "Basic"]);
}

#[test]
fn a_stale_proof_is_refused() {
    let mut timeless = Vec::new();
    for scheme in &spoken() {
        let mut world = World::of_alice();
        let headers = world.proof(*scheme, None);
        let Verdict::Accept { principal, .. } = world.verify(*scheme, &headers) else { panic!("{}", scheme.name()) };
        let timed = world.asked.iter().any(|need| matches!(need, Need::FirstUse { .. }));
        if !timed && principal.expires.is_none() {
            timeless.push(scheme.name());
            continue;
        }
        world.used.clear();
        world.now = world.now + Duration::from_secs(7 * 86_400);
        let refusal = judge(&mut world, *scheme, &headers).unwrap_err();
        assert!(matches!(refusal, Refusal::Stale | Refusal::Expired), "{}: {refusal:?}", scheme.name());
    }
    // What is for one connection ends with it, and with the challenge that it answers.
    assert_eq!(timeless, ["Negotiate", "NTLM", "Basic"]);
}

#[test]
fn without_credentials_or_with_those_of_another_scheme_it_is_silent() {
    for scheme in &spoken() {
        let mut world = World::of_alice();
        assert_eq!(world.verify(*scheme, &HeaderMap::new()), Verdict::Absent);
        for other in ["Foo", "Foo a=b;c", "FooBasic x", "\u{e9} x", "Bearerish x", ""] {
            let headers = authorization(other);
            assert_eq!(world.verify(*scheme, &headers), Verdict::Absent, "{}: {other}", scheme.name());
        }
        assert_eq!(world.asked, []);
    }
}

#[test]
fn what_it_cannot_read_is_malformed() {
    for scheme in &spoken() {
        for tail in ["", " \"", " a=b=c", " a=\"b", " =", " a b", " \u{1}", " %%%"] {
            let mut world = World::of_alice();
            let headers = authorization(&format!("{}{tail}", scheme.name()));
            if headers.is_empty() {
                continue;
            }
            let verdict = world.verify(*scheme, &headers);
            assert!(matches!(verdict, Verdict::Reject(Refusal::Malformed(_))), "{}{tail}: {verdict:?}", scheme.name());
        }
        let mut twice = World::of_alice().proof(*scheme, None);
        for name in scheme.fields() {
            if let Some(value) = twice.get(*name).cloned() {
                twice.append(*name, value);
            }
        }
        let verdict = World::of_alice().verify(*scheme, &twice);
        assert!(matches!(verdict, Verdict::Reject(Refusal::Malformed(_))), "{}: {verdict:?}", scheme.name());
    }
}

#[test]
fn a_proxy_is_answered_in_its_own_field_or_not_at_all() {
    for scheme in &spoken() {
        let mut world = World::of_alice();
        world.party = Party::Proxy;
        match world.prove(*scheme, None).unwrap() {
            Step::Decline(_) => assert_eq!(world.challenge(*scheme), None),
            Step::Send { .. } => {
                let headers = world.proof(*scheme, None);
                assert!(headers.contains_key("proxy-authorization") && !headers.contains_key("authorization"));
                assert_eq!(judge(&mut world, *scheme, &headers), Ok("alice".to_owned()), "{}", scheme.name());
            }
            other => panic!("{}: {other:?}", scheme.name()),
        }
    }
}

#[test]
fn without_a_credential_it_declines() {
    for scheme in &spoken() {
        let mut world = World::of_alice();
        (world.login, world.token) = (None, None);
        let step = world.prove(*scheme, None).unwrap();
        assert!(matches!(step, Step::Decline(_)), "{}: {step:?}", scheme.name());
    }
}

/// A request with this Authorization field; empty if it cannot be one.
fn authorization(value: &str) -> HeaderMap {
    let value = http::HeaderValue::from_bytes(value.as_bytes());
    value.into_iter().map(|value| (http::header::AUTHORIZATION, value)).collect()
}
