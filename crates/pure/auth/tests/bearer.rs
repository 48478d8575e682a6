//! The examples of RFC 6750, from both ends (`tests/vectors/bearer.json`).

use gatepost_auth::challenge::Challenge;
use gatepost_auth::choose::Preference;
use gatepost_auth::exchange::{Exchange, Leg, Next};
use gatepost_auth::need::{Answers, Need};
use gatepost_auth::scheme::{Scheme, Step, Turn};
use gatepost_auth::schemes::bearer::Bearer;
use gatepost_auth::settings::Settings;
use gatepost_auth::verdict::{Refusal, Verdict};
use gatepost_model::head::{Party, RequestHead};
use gatepost_model::time::Timestamp;
use gatepost_model::token::Token;
use gatepost_model::url::Url;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors/bearer.json")).unwrap()
}

/// Calls with a turn for this target and these Authorization fields.
fn with_turn<T>(target: &str, fields: &[&str], answers: &Answers, call: impl FnOnce(Turn<'_>) -> T) -> T {
    let mut headers = HeaderMap::new();
    for field in fields {
        headers.append("authorization", HeaderValue::from_str(field).unwrap());
    }
    let url = Url::parse(&format!("https://server.example.com{target}")).unwrap();
    let request = RequestHead { method: &Method::GET, url: &url, target: "/", headers: &headers, party: Party::Server };
    let settings = Settings { realm: "example".into(), ..Settings::default() };
    call(Turn {
        request,
        challenge: None,
        answers,
        settings: &settings,
        now: Timestamp::from_secs(0),
        entropy: &[0; 32],
        memory: &[],
    })
}

#[test]
fn the_client_writes_the_authorization_field() {
    let expected = vectors()["authorization"].as_str().unwrap().to_owned();
    let token = Token { value: expected.strip_prefix("Bearer ").unwrap().into(), expires: None };
    let answers = Answers { token: Some(Some(token)), ..Answers::default() };
    let step = with_turn("/resource", &[], &answers, |turn| Bearer.prove(&turn).unwrap());
    let field = (http::header::AUTHORIZATION, HeaderValue::from_str(&expected).unwrap());
    assert_eq!(step, Step::Send { fields: vec![field], memory: Vec::new(), preliminary: false });
}

#[test]
fn the_server_reads_it_and_no_other_carrier() {
    let all = vectors();
    let field = all["authorization"].as_str().unwrap();
    let verdict = |target: &str, fields: &[&str]| {
        with_turn(target, fields, &Answers::default(), |turn| Bearer.verify(&turn).unwrap())
    };
    // The example's token is opaque; ours are signed.
    assert_eq!(verdict("/resource", &[field]), Verdict::Reject(Refusal::BadToken("header: not a JSON text".into())));
    assert_eq!(verdict(all["query"].as_str().unwrap(), &[]), Verdict::Absent);
}

#[test]
fn challenges_are_written_and_answered_as_in_section_3() {
    let all = vectors();
    let offered = [None, Some(Refusal::Expired)].map(|refusal| {
        with_turn("/", &[], &Answers::default(), |turn| Bearer.challenge(&turn, refusal.as_ref()).unwrap())
    });
    let printed: Vec<Value> = offered.iter().map(|challenge| challenge.to_string().into()).collect();
    assert_eq!(Value::Array(printed), all["challenges"]);
    for (text, refresh) in all["challenges"].as_array().unwrap().iter().zip([false, true]) {
        let parsed = Challenge::parse_all([text.as_str().unwrap()]);
        let challenge = parsed.challenges.first().unwrap();
        let step = with_turn("/", &[], &Answers::default(), |turn| {
            Bearer.prove(&Turn { challenge: Some(challenge), ..turn }).unwrap()
        });
        assert_eq!(step, Step::Need(Need::Token { refresh }));
    }
}

#[test]
fn a_refused_token_is_renewed_once() {
    let refusal = vectors()["challenges"][1].as_str().unwrap().to_owned();
    let refusal = HeaderMap::from_iter([(http::header::WWW_AUTHENTICATE, HeaderValue::from_str(&refusal).unwrap())]);
    let mut exchange = Exchange::new(Party::Server, Preference::default());
    exchange.ahead("Bearer", None).unwrap();
    let mut answers = Answers::default();
    let mut said = Vec::new();
    for token in ["old", "new", "never"] {
        with_turn("/", &[], &Answers::default(), |turn| {
            let leg = Leg { request: turn.request, settings: turn.settings, now: turn.now, entropy: turn.entropy };
            loop {
                match exchange.step(&leg, &mut answers).unwrap() {
                    Next::Need { need: Need::Token { refresh }, .. } => {
                        said.push(format!("token, refresh {refresh}"));
                        answers.token = Some(Some(Token { value: token.into(), expires: None }));
                    }
                    Next::Send { fields, .. } => return said.push(fields[0].1.to_str().unwrap().to_owned()),
                    Next::GiveUp { .. } => return said.push("give up".into()),
                    other => panic!("{other:?}"),
                }
            }
        });
        exchange.receive(StatusCode::UNAUTHORIZED, &refusal, &mut answers);
    }
    assert_eq!(said, ["token, refresh false", "Bearer old", "token, refresh true", "Bearer new", "give up"]);
}
