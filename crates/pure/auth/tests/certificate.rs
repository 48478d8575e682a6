//! The scheme whose proof was made in the handshake.

use std::sync::Arc;
use std::time::Duration;

use gatepost_auth::client_rules::{Naming, Part, Rule};
use gatepost_auth::need::Answers;
use gatepost_auth::scheme::{Scheme, Step, Turn};
use gatepost_auth::schemes::certificate::Certificate;
use gatepost_auth::settings::Settings;
use gatepost_auth::verdict::{Refusal, Verdict};
use gatepost_model::channel::Channel;
use gatepost_model::head::{Party, RequestHead};
use gatepost_model::presented::Presented;
use gatepost_model::principal::Principal;
use gatepost_model::time::Timestamp;
use gatepost_model::url::Url;
use http::{HeaderMap, Method};

fn now() -> Timestamp {
    Timestamp::from_secs(1_700_000_000)
}

/// What becomes of a turn on a connection whose client has shown this.
fn turn<T>(client: Option<Presented>, run: impl FnOnce(&Turn<'_>) -> T) -> T {
    let mut settings = Settings::default();
    settings.certificate.rules = vec![Rule { part: Part::CommonName, naming: Naming::Prefixed("cn:".to_owned()) }];
    let channel = Channel { tls: true, client: client.map(Arc::new), ..Channel::default() };
    let answers = Answers { channel: Some(Arc::new(channel)), ..Answers::default() };
    let url = Url::parse("https://example.com/").unwrap();
    let (method, headers) = (Method::GET, HeaderMap::new());
    let request = RequestHead { method: &method, url: &url, target: "/", headers: &headers, party: Party::Server };
    let entropy = [0; 32];
    run(&Turn {
        request,
        challenge: None,
        answers: &answers,
        settings: &settings,
        now: now(),
        entropy: &entropy,
        memory: &[],
    })
}

fn ali(until: Timestamp) -> Presented {
    Presented { common_names: vec![Some("ali".to_owned())], until, ..Presented::default() }
}

#[test]
fn a_certificate_stands_for_whom_the_rules_say_until_it_ends() {
    let verify = |client| turn(client, |turn| Certificate.verify(turn).unwrap());
    let principal = Principal { expires: Some(now()), ..Principal::new("cn:ali", "Certificate") };
    assert_eq!(verify(Some(ali(now()))), Verdict::accept(principal));
    assert_eq!(verify(Some(ali(now() - Duration::from_secs(1)))), Verdict::Reject(Refusal::Expired));
    assert_eq!(verify(None), Verdict::Absent);
    let nobody = Presented { fingerprint: "ab".to_owned(), until: now(), ..Presented::default() };
    let reason = "no rule knows subject `nobody`, fingerprint ab".to_owned();
    assert_eq!(verify(Some(nobody)), Verdict::Reject(Refusal::NotTaken(reason)));
    let two = Presented { common_names: vec![Some("ali".to_owned()), Some("root".to_owned())], ..ali(now()) };
    let reason = "its common-name is there more than once".to_owned();
    assert_eq!(verify(Some(two)), Verdict::Reject(Refusal::NotTaken(reason)));
}

#[test]
fn it_asks_for_nothing_and_sends_nothing() {
    assert!(turn(None, |turn| Certificate.challenge(turn, None)).is_none());
    assert!(matches!(turn(None, |turn| Certificate.prove(turn)), Ok(Step::Decline(_))));
    assert_eq!(Certificate.fields(), [""; 0]);
}

#[test]
fn without_rules_it_is_nobodys() {
    let verdict = turn(Some(ali(now())), |turn| {
        let settings = Settings::default();
        Certificate.verify(&Turn { settings: &settings, ..*turn }).unwrap()
    });
    assert!(matches!(verdict, Verdict::Reject(Refusal::NotTaken(_))), "{verdict:?}");
}
