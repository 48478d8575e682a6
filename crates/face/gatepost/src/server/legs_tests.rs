//! Proofs of several legs: on one connection, in their order, in time, and then for that connection alone.

use std::net::SocketAddr;
use std::sync::Arc;

use gatepost_auth::challenge::Challenge;
use gatepost_auth::error::AuthError;
use gatepost_auth::scheme::{Scheme, Step, Strength, Turn};
use gatepost_auth::settings::Settings;
use gatepost_auth::verdict::{Refusal, Verdict};
use gatepost_model::head::{Party, RequestHead};
use gatepost_model::principal::Principal;
use gatepost_model::url::Url;
use gatepost_net::body::Body;
use gatepost_net::handler::Peer;
use gatepost_store::memory::MemoryStore;
use http::header::{AUTHORIZATION, HeaderName};
use http::{HeaderMap, HeaderValue, Method};

use crate::events::Events;
use crate::server::authenticate::Authenticator;
use crate::server::content::Content;
use crate::server::denied::Denied;
use crate::server::doorkeeper::Doorkeeper;
use crate::server::keys::Keys;

/// Says a number, and believes whoever says it again.
#[derive(Debug)]
struct Echo;

impl Scheme for Echo {
    fn name(&self) -> &'static str {
        "Echo"
    }

    fn strength(&self) -> Strength {
        Strength::Digest
    }

    fn binds_connection(&self) -> bool {
        true
    }

    fn prove(&self, _turn: &Turn<'_>) -> Result<Step, AuthError> {
        Ok(Step::Decline(String::new()))
    }

    fn challenge(&self, turn: &Turn<'_>, _refusal: Option<&Refusal>) -> Option<Challenge> {
        let multiplexed = turn.answers.channel.as_ref().is_some_and(|channel| channel.multiplexed);
        (!multiplexed).then(|| Challenge::new("Echo"))
    }

    fn verify(&self, turn: &Turn<'_>) -> Result<Verdict, AuthError> {
        let Some(said) = turn.request.headers.get(AUTHORIZATION) else { return Ok(Verdict::Absent) };
        Ok(match (said.as_bytes(), turn.memory) {
            (b"Echo hello", []) => Verdict::Continue { challenge: Challenge::new("Echo"), memory: b"Echo 7".to_vec() },
            (said, memory) if said == memory => Verdict::Accept {
                principal: Principal::new("ada", "Echo"),
                fields: vec![(HeaderName::from_static("authentication-info"), HeaderValue::from_static("hi"))],
            },
            _ => Verdict::Reject(Refusal::WrongSecret),
        })
    }
}

fn authenticator() -> Authenticator {
    let door = Doorkeeper::new(Arc::new(MemoryStore::new()), Keys::none()).unwrap();
    Authenticator::new(vec![&Echo], Settings::default(), Arc::new(door), Events::default())
}

fn peer(protocol: &'static str) -> Peer {
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    Peer { protocol, ..Peer::new(address, address) }
}

/// What comes of a request with these fields: the answer's own words, or how many challenges there are.
async fn come(at: &Authenticator, peer: &Peer, fields: &[Field]) -> Result<String, usize> {
    let fields = fields.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    let headers = HeaderMap::from_iter(fields);
    let values = |name| headers.get_all(name).iter().map(HeaderValue::as_bytes);
    if let Some(principal) = at.recall_at_once(values, peer) {
        return Ok(format!("{} stands", principal.name));
    }
    if let Some(principal) = at.recall(values, peer).await {
        return Ok(format!("{} stands", principal.name));
    }
    let url = Url::parse("https://example.com/").unwrap();
    let head = RequestHead { method: &Method::GET, url: &url, target: "/", headers: &headers, party: Party::Server };
    match at.authenticate(head, &mut Content::new(Body::empty()), peer).await {
        Ok(who) => {
            Ok(format!("{} proved, {}", who.principal.name, who.fields["authentication-info"].to_str().unwrap()))
        }
        Err(Denied::Unauthenticated(challenges)) => Err(challenges.len()),
        Err(other) => panic!("{other:?}"),
    }
}

/// A name and a value.
type Field = (&'static str, &'static str);

/// The fields of a request, and what comes of it.
type Turned = (&'static [Field], Result<String, usize>);

const HELLO: Field = ("authorization", "Echo hello");
const SEVEN: Field = ("authorization", "Echo 7");
const EIGHT: Field = ("authorization", "Echo 8");
const VIA: Field = ("via", "1.1 other");

#[tokio::test]
async fn legs_come_in_order_and_what_they_prove_is_for_the_connection() {
    let proved = || Ok("ada proved, hi".to_owned());
    let stands = || Ok("ada stands".to_owned());
    let talks: [&[Turned]; 8] = [
        &[(&[], Err(1)), (&[HELLO], Err(1)), (&[SEVEN], proved()), (&[], stands()), (&[], stands())],
        // No leg is answered twice, nor without the one before it.
        &[(&[SEVEN], Err(1))],
        &[(&[HELLO], Err(1)), (&[EIGHT], Err(1)), (&[SEVEN], Err(1))],
        &[(&[HELLO], Err(1)), (&[], Err(1)), (&[SEVEN], Err(1))],
        &[(&[HELLO], Err(1)), (&[SEVEN], proved()), (&[SEVEN], Err(1)), (&[], Err(1))],
        // Who begins anew speaks for nobody until that is judged.
        &[(&[HELLO], Err(1)), (&[SEVEN], proved()), (&[HELLO], Err(1)), (&[], Err(1))],
        // Another hop may carry several people's requests.
        &[(&[HELLO], Err(1)), (&[SEVEN], proved()), (&[VIA], Err(1))],
        &[(&[HELLO, VIA], Err(1)), (&[SEVEN, VIA], proved()), (&[], Err(1))],
    ];
    for talk in talks {
        let (at, peer) = (authenticator(), peer("http/1.1"));
        for (turn, (fields, expected)) in talk.iter().enumerate() {
            assert_eq!(&come(&at, &peer, fields).await, expected, "turn {turn} of {talk:?}");
        }
    }
}

#[tokio::test]
async fn another_connection_authenticator_or_state_of_users_knows_nothing() {
    let (at, one) = (authenticator(), peer("http/1.1"));
    assert_eq!(come(&at, &one, &[HELLO]).await, Err(1));
    assert_eq!(come(&at, &peer("http/1.1"), &[SEVEN]).await, Err(1));
    assert_eq!(come(&authenticator(), &one, &[SEVEN]).await, Err(1));
    let (at, one) = (authenticator(), peer("http/1.1"));
    assert_eq!(come(&at, &one, &[HELLO]).await, Err(1));
    assert!(come(&at, &one, &[SEVEN]).await.is_ok());
    assert_eq!(come(&at, &peer("http/1.1"), &[]).await, Err(1));
    assert_eq!(come(&authenticator(), &one, &[]).await, Err(1));
    at.forget_all();
    assert_eq!(come(&at, &one, &[]).await, Err(1));
}

#[tokio::test]
async fn there_are_no_legs_where_requests_share_a_connection() {
    let (at, peer) = (authenticator(), peer("h2"));
    for fields in [&[][..], &[HELLO], &[SEVEN], &[]] {
        assert_eq!(come(&at, &peer, fields).await, Err(0), "{fields:?}");
    }
}
