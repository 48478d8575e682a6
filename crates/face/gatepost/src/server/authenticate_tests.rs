//! What may stand for its repetition, for how long, and before whom.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gatepost_auth::challenge::Challenge;
use gatepost_auth::error::AuthError;
use gatepost_auth::need::Need;
use gatepost_auth::scheme::{Reuse, Scheme, Step, Strength, Turn};
use gatepost_auth::settings::Settings;
use gatepost_auth::verdict::{Refusal, Verdict};
use gatepost_model::head::{Party, RequestHead};
use gatepost_model::principal::Principal;
use gatepost_model::url::Url;
use gatepost_net::body::Body;
use gatepost_net::handler::Peer;
use gatepost_store::memory::MemoryStore;
use http::{HeaderMap, HeaderValue, Method};

use crate::events::Events;
use crate::server::authenticate::Authenticator;
use crate::server::content::Content;
use crate::server::doorkeeper::Doorkeeper;
use crate::server::keys::Keys;

/// Believes whoever says `I am NAME`, and counts how often it was asked.
#[derive(Debug)]
struct Gullible {
    reuse: Reuse,
    /// Each proof is good once; the record of that never says no here.
    once: bool,
    judged: AtomicUsize,
}

impl Scheme for Gullible {
    fn name(&self) -> &'static str {
        "Gullible"
    }

    fn strength(&self) -> Strength {
        Strength::Clear
    }

    fn reuse(&self) -> Reuse {
        self.reuse
    }

    fn prove(&self, _turn: &Turn<'_>) -> Result<Step, AuthError> {
        Ok(Step::Decline(String::new()))
    }

    fn challenge(&self, _turn: &Turn<'_>, _refusal: Option<&Refusal>) -> Option<Challenge> {
        None
    }

    fn verify(&self, turn: &Turn<'_>) -> Result<Verdict, AuthError> {
        let field = turn.request.headers.get(turn.request.party.answer_field());
        let Some(field) = field.and_then(|value| value.to_str().ok()) else { return Ok(Verdict::Absent) };
        if self.once && turn.answers.first_use.is_none() {
            let key = self.judged.load(Ordering::Relaxed).to_string();
            return Ok(Verdict::Need(Need::FirstUse { key, until: turn.now }));
        }
        self.judged.fetch_add(1, Ordering::Relaxed);
        Ok(match field.strip_prefix("I am ") {
            Some(name) => Verdict::accept(Principal::new(name, "Gullible")),
            None => Verdict::Reject(Refusal::WrongSecret),
        })
    }
}

fn gullible(reuse: Reuse, once: bool) -> &'static Gullible {
    Box::leak(Box::new(Gullible { reuse, once, judged: AtomicUsize::new(0) }))
}

fn door() -> Arc<Doorkeeper> {
    Arc::new(Doorkeeper::new(Arc::new(MemoryStore::new()), Keys::none()).unwrap())
}

fn before(scheme: &'static Gullible, door: &Arc<Doorkeeper>) -> Authenticator {
    Authenticator::new(vec![scheme], Settings::default(), Arc::clone(door), Events::default())
}

/// Comes with this field over a connection of its own, as the pipeline does it; gives the name.
async fn come(authenticator: &Authenticator, field: &'static str, party: Party) -> Option<Arc<Principal>> {
    come_over(&peer(), authenticator, field, party).await
}

fn peer() -> Peer {
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    Peer::new(address, address)
}

async fn come_over(
    peer: &Peer,
    authenticator: &Authenticator,
    field: &'static str,
    party: Party,
) -> Option<Arc<Principal>> {
    let headers = HeaderMap::from_iter([(party.answer_field(), HeaderValue::from_static(field))]);
    let values = |name| headers.get_all(name).iter().map(HeaderValue::as_bytes);
    if let Some(principal) = authenticator.recall_at_once(values, peer) {
        return Some(principal);
    }
    if let Some(principal) = authenticator.recall(values, peer).await {
        return Some(principal);
    }
    let url = Url::parse("https://example.com/").unwrap();
    let head = RequestHead { method: &Method::GET, url: &url, target: "/", headers: &headers, party };
    authenticator.authenticate(head, &mut Content::new(Body::empty()), peer).await.ok().map(|who| who.principal)
}

#[tokio::test]
async fn only_what_may_stand_for_its_repetition_does() {
    let minute = Reuse::For(Duration::from_secs(60));
    // The scheme, the field, whom it is for; then who it is, and how often five of them are judged.
    let table = [
        (minute, false, "I am ada", Party::Server, Some("ada"), 1),
        (minute, false, "I am ada", Party::Proxy, Some("ada"), 5),
        (minute, false, "who knows", Party::Server, None, 5),
        (minute, true, "I am ada", Party::Server, Some("ada"), 5),
        (Reuse::Never, false, "I am ada", Party::Server, Some("ada"), 5),
        (Reuse::For(Duration::ZERO), false, "I am ada", Party::Server, Some("ada"), 5),
    ];
    for (reuse, once, field, party, name, judged) in table {
        let (scheme, door) = (gullible(reuse, once), door());
        let authenticator = before(scheme, &door);
        for _ in 0..5 {
            let found = come(&authenticator, field, party).await;
            assert_eq!(found.map(|principal| principal.name.clone()).as_deref(), name, "{field} {party:?}");
        }
        assert_eq!(scheme.judged.load(Ordering::Relaxed), judged, "{reuse:?} {once} {field} {party:?}");
    }
}

#[tokio::test]
async fn it_is_one_allocation_for_all_and_ends_with_what_it_rests_on() {
    let (scheme, door) = (gullible(Reuse::For(Duration::from_secs(60)), false), door());
    let authenticator = before(scheme, &door);
    let come = async || come(&authenticator, "I am ada", Party::Server).await.unwrap();
    let first = come().await;
    assert!(Arc::ptr_eq(&first, &come().await));
    door.forget();
    assert!(!Arc::ptr_eq(&first, &come().await));
    assert_eq!(scheme.judged.load(Ordering::Relaxed), 2);
    door.store.put_secret("any", "change".into()).await.unwrap();
    come().await;
    assert_eq!(scheme.judged.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_connection_that_repeats_itself_is_believed_no_longer_than_others() {
    let (scheme, door) = (gullible(Reuse::For(Duration::from_secs(60)), false), door());
    let (authenticator, peer) = (before(scheme, &door), peer());
    // What comes over one connection; then who it is, and how often somebody was judged by then.
    let table = [
        ("I am ada", Some("ada"), 1),
        ("I am ada", Some("ada"), 1),
        ("I am ida", Some("ida"), 2),
        ("I am ada", Some("ada"), 2),
        ("I am ida", Some("ida"), 2),
        ("who knows", None, 3),
        ("who knows", None, 4),
        ("I am ida", Some("ida"), 4),
        ("forget", None, 5),
        ("I am ida", Some("ida"), 6),
        ("change", None, 7),
        ("I am ida", Some("ida"), 8),
        ("I am ida", Some("ida"), 8),
    ];
    for (row, (field, name, judged)) in table.into_iter().enumerate() {
        match field {
            "forget" => door.forget(),
            "change" => door.store.put_secret("any", "change".into()).await.unwrap(),
            _ => {}
        }
        let found = come_over(&peer, &authenticator, field, Party::Server).await;
        assert_eq!(found.map(|principal| principal.name.clone()).as_deref(), name, "{row}");
        assert_eq!(scheme.judged.load(Ordering::Relaxed), judged, "{row}");
    }
}

#[tokio::test]
async fn what_one_authenticator_believes_says_nothing_before_another() {
    let (scheme, door) = (gullible(Reuse::For(Duration::from_secs(60)), false), door());
    for (authenticator, judged) in [(before(scheme, &door), 1), (before(scheme, &door), 2)] {
        for again in [authenticator.clone(), authenticator] {
            come(&again, "I am ada", Party::Server).await.unwrap();
            assert_eq!(scheme.judged.load(Ordering::Relaxed), judged);
        }
    }
}
