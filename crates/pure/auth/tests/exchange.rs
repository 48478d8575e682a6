//! The client's conversation as transcripts: what the other end says, what we do next.

#[path = "support/fakes.rs"]
mod fakes;

use gatepost_auth::challenge::Challenge;
use gatepost_auth::choose::Preference;
use gatepost_auth::error::AuthError;
use gatepost_auth::exchange::{Exchange, Leg, MOST_LEGS, Next};
use gatepost_auth::need::{Answers, Need};
use gatepost_auth::settings::Settings;
use gatepost_model::credential::Credential;
use gatepost_model::head::{Party, RequestHead};
use gatepost_model::time::Timestamp;
use gatepost_model::token::Token;
use gatepost_model::url::Url;
use http::{HeaderMap, HeaderValue, Method, StatusCode};

/// A client with a login and a purse of tokens; the engine's loop in small.
struct Client {
    exchange: Exchange,
    answers: Answers,
    login: Option<Credential>,
    tokens: Vec<&'static str>,
    leg: u8,
    asked: Vec<String>,
}

impl Client {
    fn new() -> Self {
        Self::with(Party::Server, Preference::default())
    }

    fn with(party: Party, preference: Preference) -> Self {
        Self {
            exchange: Exchange::with_registry(party, preference, fakes::REGISTRY),
            answers: Answers::default(),
            login: Some(Credential::login("alice", "sesame")),
            tokens: Vec::new(),
            leg: 0,
            asked: Vec::new(),
        }
    }

    fn ahead(mut self, scheme: &str) -> Self {
        self.exchange.ahead(scheme, None).unwrap();
        self
    }

    /// What goes out: `Scheme name…`, or the word for everything else.
    fn next(&mut self) -> String {
        match self.try_next() {
            Ok(Next::Send { scheme, .. }) => format!("send {scheme}"),
            Ok(Next::Done { note: None }) => "done".into(),
            Ok(Next::Done { note: Some(note) }) => format!("done: {note}"),
            Ok(Next::GiveUp { reason }) => format!("give up: {reason}"),
            other => panic!("{other:?}"),
        }
    }

    fn try_next(&mut self) -> Result<Next, AuthError> {
        let (url, headers) = (Url::parse("https://example.com/").unwrap(), HeaderMap::new());
        let settings = Settings::default();
        self.leg += 1;
        let leg = Leg {
            request: RequestHead {
                method: &Method::GET,
                url: &url,
                target: "/a",
                headers: &headers,
                party: Party::Server,
            },
            settings: &settings,
            now: Timestamp::from_secs(1_700_000_000),
            entropy: &[self.leg; 32],
        };
        loop {
            let next = self.exchange.step(&leg, &mut self.answers);
            let Ok(Next::Need { scheme, need }) = next else {
                return next;
            };
            self.asked.push(format!("{scheme} {need:?}"));
            match need {
                Need::Login { .. } => self.answers.login = Some(self.login.clone()),
                Need::Token { .. } => self.answers.token = Some(self.token()),
                Need::Count { .. } => self.answers.count = Some(u64::from(self.leg)),
                other => panic!("{other:?}"),
            }
        }
    }

    fn token(&mut self) -> Option<Token> {
        self.tokens.pop().map(|value| Token { value: value.into(), expires: None })
    }

    /// Takes an answer in and says what goes out.
    fn hears(&mut self, status: u16, challenges: &[&str]) -> String {
        let field = Party::Server.challenge_field();
        let headers = challenges
            .iter()
            .map(|value| (field.clone(), HeaderValue::from_bytes(value.as_bytes()).unwrap()))
            .collect();
        self.exchange.receive(StatusCode::from_u16(status).unwrap(), &headers, &mut self.answers);
        self.next()
    }
}

const BASIC: &str = "Basic realm=\"a\"";
const WSSE: &str = "WSSE realm=\"a\", profile=\"UsernameToken\"";

const SHA: &str = "Digest realm=\"a\", nonce=\"1\", qop=\"auth\", algorithm=SHA-256";
const MD5: &str = "Digest realm=\"a\", nonce=\"1\", qop=\"auth\", algorithm=MD5";

/// The algorithm of the last proof.
fn algorithm(next: Result<Next, AuthError>) -> String {
    let Ok(Next::Send { fields, .. }) = next else { panic!("{next:?}") };
    let line = String::from_utf8_lossy(fields[0].1.as_bytes()).into_owned();
    let (_, rest) = line.split_once("algorithm=").unwrap();
    rest.split(',').next().unwrap().to_owned()
}

#[test]
fn the_strongest_algorithm_goes_first_and_what_we_do_not_know_last() {
    let unknown = SHA.replace("SHA-256", "SHA-512");
    for offer in [[MD5, SHA, &unknown], [&unknown, SHA, MD5], [SHA, &unknown, MD5]] {
        let mut client = Client::new();
        assert_eq!(client.hears(401, &offer), "send Digest");
        assert_eq!(algorithm(client.try_next()), "SHA-256");
    }
    let mut client = Client::new();
    assert_eq!(client.hears(401, &[&unknown, BASIC]), "send Basic");
}

#[test]
fn a_nonce_that_grew_old_is_followed_by_one_new_proof_and_by_nothing_less() {
    let stale = |offer: &str| format!("{offer}, stale=true");
    let mut client = Client::new();
    assert_eq!(client.hears(401, &[SHA, MD5]), "send Digest");
    assert_eq!(client.hears(401, &[&stale(SHA), &stale(MD5), BASIC]), "send Digest");
    assert_eq!(algorithm(client.try_next()), "SHA-256");
    assert_eq!(client.hears(401, &[&stale(SHA)]), "give up: the Digest proof was refused");

    // A server that took the better function before and offers only the lesser now is not asked twice.
    let mut client = Client::new();
    assert_eq!(client.hears(401, &[SHA, MD5]), "send Digest");
    assert_eq!(client.hears(401, &[&stale(MD5), BASIC]), "give up: the Digest proof was refused");

    // Ahead, with a challenge of before: nor is the lesser one answered then.
    let mut client = Client::new();
    let remembered = Challenge::parse_all([SHA]).challenges.pop();
    client.exchange.ahead("Digest", remembered).unwrap();
    assert_eq!(client.next(), "send Digest");
    let refused = client.hears(401, &[MD5]);
    assert!(refused.contains("weaker than what it asked for before"), "{refused}");
}

#[test]
fn nobody_asks() {
    let mut client = Client::new();
    assert_eq!((client.next(), client.hears(200, &[BASIC])), ("done".into(), "done".into()));
    assert_eq!((client.asked.len(), client.exchange.proved_by()), (0, None));
}

#[test]
fn a_challenge_is_answered_once_with_the_strongest() {
    let mut client = Client::new();
    assert_eq!(client.next(), "done");
    assert_eq!(client.hears(401, &[BASIC, "Foo x=1", WSSE]), "send WSSE");
    assert_eq!(client.exchange.offered(), ["WSSE", "Basic", "Foo"]);
    // Until an answer comes, the next step stays what it was, to the octet.
    let again = (client.try_next(), client.try_next());
    assert_eq!(again.0, again.1);
    assert_eq!(client.exchange.proved_by(), Some("WSSE"));
    assert_eq!(client.asked, ["WSSE Login { user: None }"]);
    assert_eq!(client.hears(200, &[]), "done");

    let mut refused = Client::new();
    assert_eq!(refused.hears(401, &[BASIC, WSSE]), "send WSSE");
    assert_eq!(refused.hears(401, &[BASIC, WSSE]), "give up: the WSSE proof was refused");
    assert_eq!(refused.next(), "give up: the WSSE proof was refused");
}

#[test]
fn ahead_and_accepted() {
    let mut client = Client::new().ahead("basic");
    assert_eq!((client.next(), client.hears(204, &[])), ("send Basic".into(), "done".into()));
    client.exchange.ahead("WSSE", None).unwrap();
    assert_eq!(client.next(), "done", "one proof ahead in an exchange");
}

#[test]
fn ahead_and_refused_runs_the_normal_way_once() {
    let mut wsse = Client::new().ahead("WSSE");
    assert_eq!(wsse.next(), "send WSSE");
    assert_eq!(wsse.hears(401, &[WSSE]), "send WSSE");
    assert_eq!(wsse.hears(401, &[WSSE]), "give up: the WSSE proof was refused");

    // The same octets a second time would only count as a second failed login.
    let mut basic = Client::new().ahead("Basic");
    assert_eq!(basic.next(), "send Basic");
    assert_eq!(basic.hears(401, &[BASIC]), "give up: the Basic proof was refused");

    let mut stronger = Client::new().ahead("Basic");
    assert_eq!(stronger.next(), "send Basic");
    assert_eq!(stronger.hears(401, &[BASIC, WSSE]), "send WSSE");

    let mut weaker = Client::new().ahead("WSSE");
    assert_eq!(weaker.next(), "send WSSE");
    let reason = "no scheme on offer can be answered: Basic (weaker than WSSE, which was tried ahead)";
    assert_eq!(weaker.hears(401, &[BASIC]), format!("give up: {reason}"));
}

#[test]
fn ahead_with_nothing_to_say_goes_without() {
    let mut client = Client::new().ahead("Basic");
    client.login = None;
    assert_eq!(client.next(), "done");
    assert_eq!(
        client.hears(401, &[BASIC]),
        "give up: no scheme on offer can be answered: Basic (no login for this address)"
    );
}

#[test]
fn ahead_with_a_scheme_that_may_not_be() {
    for (scheme, detail) in [("Foo", "not a scheme that we speak"), ("Basic", "not allowed here")] {
        let preference = Preference { allowed: Some(vec!["WSSE".into()]), ..Preference::default() };
        let error = Client::with(Party::Server, preference).exchange.ahead(scheme, None).unwrap_err();
        let what = format!("pre-authentication with {scheme}");
        assert_eq!(error, AuthError::Setting { what, detail: detail.into() });
    }
}

#[test]
fn a_token_is_renewed_once() {
    let mut client = Client::new().ahead("Renewable");
    client.tokens = vec!["third", "second", "first"];
    assert_eq!(client.next(), "send Renewable");
    assert_eq!(client.hears(401, &["Renewable", BASIC]), "send Renewable");
    assert_eq!(client.hears(401, &["Renewable", BASIC]), "give up: the Renewable proof was refused");
    assert_eq!(client.asked, ["Renewable Token { refresh: false }", "Renewable Token { refresh: true }"]);

    let mut asked = Client::new();
    asked.tokens = vec!["second", "first"];
    assert_eq!(asked.hears(401, &["Renewable"]), "send Renewable");
    assert_eq!(asked.hears(401, &["Renewable"]), "send Renewable");
    assert_eq!(asked.hears(200, &[]), "done");

    let mut stubborn = Client::new();
    stubborn.tokens = vec!["same", "same"];
    assert_eq!(stubborn.hears(401, &["Renewable"]), "send Renewable");
    assert_eq!(stubborn.hears(401, &["Renewable"]), "give up: the Renewable proof was refused");
}

#[test]
fn two_legs_stay_with_their_scheme() {
    let mut client = Client::new();
    assert_eq!(client.hears(401, &["TwoLegs", BASIC]), "send TwoLegs");
    assert!(!format!("{:?}", client.exchange).contains("115, 101, 99"), "memory is not shown");
    assert_eq!(client.hears(401, &["TwoLegs c2Vjb25k", BASIC]), "send TwoLegs");
    assert_eq!(client.hears(401, &["TwoLegs", BASIC]), "give up: the TwoLegs proof was refused");

    let mut broken = Client::new();
    assert_eq!(broken.hears(401, &["TwoLegs", BASIC]), "send TwoLegs");
    assert_eq!(broken.hears(401, &[BASIC]), "give up: the other end broke off the TwoLegs handshake");

    let mut endless = Client::new();
    for _ in 0..MOST_LEGS {
        assert_eq!(endless.hears(401, &["TwoLegs more"]), "send TwoLegs");
    }
    assert_eq!(endless.hears(401, &["TwoLegs more"]), "give up: no end after 8 proofs");
}

#[test]
fn who_cannot_answer_makes_room_for_the_next() {
    let mut client = Client::new();
    assert_eq!(client.hears(401, &["Renewable", "WSSE profile=\"Other\"", BASIC]), "send Basic");
    let skipped: Vec<_> = client.exchange.skipped().iter().map(|skipped| skipped.scheme.as_str()).collect();
    assert_eq!(skipped, ["Renewable", "WSSE"]);

    let mut kept = Client::new();
    kept.login = Some(Credential::login("alice", "sesame").only_for("Basic"));
    assert_eq!(kept.hears(401, &[WSSE, BASIC]), "send Basic");
    assert_eq!(kept.asked, ["WSSE Login { user: None }", "Basic Login { user: None }"]);

    let mut unsuitable = Client::new();
    unsuitable.login = Some(Credential::login("a:b", "sesame"));
    unsuitable.exchange.receive(
        StatusCode::UNAUTHORIZED,
        &[(Party::Server.challenge_field(), HeaderValue::from_static(BASIC))].into_iter().collect(),
        &mut unsuitable.answers,
    );
    let error = AuthError::Unsuitable { scheme: "Basic", detail: "a colon in the user name".into() };
    assert_eq!(unsuitable.try_next(), Err(error));
}

#[test]
fn an_answer_that_asks_for_nothing() {
    assert_eq!(Client::new().hears(401, &[]), "done: 401 with no www-authenticate field");
    let mut unreadable = Client::new();
    assert_eq!(unreadable.hears(401, &["\""]), "done: 401 with no readable www-authenticate field");
    assert_eq!(unreadable.exchange.faults().len(), 1);
    assert_eq!(
        Client::new().hears(401, &["Foo"]),
        "give up: no scheme on offer can be answered: Foo (not a scheme that we speak)"
    );
    assert_eq!(Client::new().hears(407, &[BASIC]), "done", "a proxy's challenge is not the server's");
    assert_eq!(Client::with(Party::Proxy, Preference::default()).hears(401, &[BASIC]), "done");
}

#[test]
fn a_scheme_that_asks_without_end_is_stopped() {
    assert_eq!(Client::new().hears(401, &["Endless"]), "give up: Endless asks without end");
}
