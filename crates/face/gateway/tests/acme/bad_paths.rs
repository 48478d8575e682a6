//! What goes wrong on the way, and that the last good certificate stays.

use std::sync::Arc;
use std::time::Duration;

use gatepost::events::Events;
use gatepost::model::binding::Answer;
use gatepost::model::event::Event;
use gatepost::model::fault::{Fault, Retry};
use gatepost::store::memory::MemoryStore;
use gatepost_gateway::acme::fetch::{Charge, House, fetch};
use gatepost_gateway::acme::proofs::Proofs;
use gatepost_gateway::acme::stand::Ground;
use gatepost_gateway::acme::wanted::{Challenge, Names, Wanted};
use gatepost_gateway::error::GatewayError;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::authority::{Fake, Mood};

/// Somebody who wants a certificate of the authority.
pub(crate) struct Client {
    pub(crate) house: House,
    pub(crate) charge: Charge,
    pub(crate) seen: UnboundedReceiver<Event>,
    _folder: tempfile::TempDir,
}

impl Client {
    pub(crate) fn of(fake: &Fake, names: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, fake.ca_pem()).unwrap();
        let names = Names::new(names.iter().map(|name| name.parse().unwrap()).collect()).unwrap();
        let (sink, seen) = unbounded_channel();
        // Nobody hears it any more at the end of a test.
        let sink = Arc::new(move |event: &Event| drop(sink.send(event.clone())));
        let wanted = Wanted {
            names,
            directory: fake.directory(),
            ca_file: Some(ca_file),
            contact: Vec::new(),
            challenge: Challenge::TlsAlpn01,
            listen: None,
        };
        let house = House {
            store: Arc::new(MemoryStore::new()),
            proofs: Proofs::default(),
            ground: Ground::own().unwrap(),
            events: Events::to(vec![sink]),
        };
        Self { house, charge: Charge { wanted, external: None }, seen, _folder: folder }
    }

    async fn fetch(&self) -> Result<[u8; 32], GatewayError> {
        fetch(&self.house, &self.charge, None).await.map(|leaf| leaf.fingerprint)
    }

    pub(crate) async fn bound(&self) -> Vec<(String, Answer)> {
        let bindings = self.house.store.bindings().await.unwrap();
        bindings.into_iter().map(|binding| (binding.key.to_string(), binding.answer)).collect()
    }

    /// The steps that were told since it was asked last.
    pub(crate) fn steps(&mut self) -> Vec<&'static str> {
        let step = |event: Event| match event {
            Event::Certificate { step, .. } => Some(step),
            _ => None,
        };
        std::iter::from_fn(|| self.seen.try_recv().ok()).filter_map(step).collect()
    }

    /// Waits for this step; everything that was told before it, and itself.
    pub(crate) async fn until(&mut self, wanted: &str) -> Vec<Event> {
        let mut seen = Vec::new();
        let heard = tokio::time::timeout(Duration::from_secs(60), async {
            while let Some(event) = self.seen.recv().await {
                seen.push(event);
                if matches!(seen.last(), Some(Event::Certificate { step, .. }) if *step == wanted) {
                    break;
                }
            }
        });
        heard.await.unwrap_or_else(|_| panic!("nobody told of `{wanted}`"));
        seen
    }
}

#[tokio::test]
async fn the_whole_road() {
    let fake = Fake::start(Mood::Good);
    let mut client = Client::of(&fake, &["b.test", "a.test"]);
    let first = client.fetch().await.unwrap();
    let bound = |leaf| ["a.test:0", "b.test:0"].map(|key| (key.to_owned(), Answer::Certificate(leaf))).to_vec();
    assert_eq!(client.bound().await, bound(first));
    assert_eq!(client.steps(), ["account", "ordered", "proving", "proving", "proved", "issued", "bound"]);
    let second = client.fetch().await.unwrap();
    assert_ne!(first, second);
    assert_eq!(client.bound().await, bound(second));
    assert_eq!(fake.count("/account"), 1, "the account is kept");
}

#[tokio::test]
async fn what_can_be_mended_is() {
    for (mood, accounts) in [(Mood::Forgets, 1), (Mood::Renounces, 2)] {
        let fake = Fake::start(mood);
        let client = Client::of(&fake, &["a.test"]);
        client.fetch().await.unwrap();
        assert_eq!(fake.count("/account"), accounts, "{mood:?}");
    }
}

/// What a mood leads to: the code, a part of the words.
const BAD: [(Mood, &str, &str); 18] = [
    (Mood::Limits, "GP-ACME-003", "too many (rateLimited)"),
    (Mood::Page, "GP-ACME-001", "it answered 503"),
    (Mood::Redirects, "GP-ACME-001", "it answered 302"),
    (Mood::Mumbles, "GP-ACME-001", "does not speak ACME"),
    (Mood::Babbles, "GP-ACME-001", "524288"),
    (Mood::Plain, "GP-ACME-001", "http"),
    (Mood::Multiplies, "GP-ACME-005", "it wants more proofs than there are names"),
    (Mood::Digresses, "GP-ACME-005", "it wants a proof for evil.test, and nobody asked for that"),
    (Mood::Climbs, "GP-ACME-001", "its token is none"),
    (Mood::Dns, "GP-ACME-002", "it does not take tls-alpn-01 for a.test"),
    (Mood::Doubts, "GP-ACME-004", "a.test: saw nothing (unauthorized)"),
    (Mood::Refuses, "GP-ACME-002", "not that\\u{a}name (rejectedIdentifier)"),
    (Mood::OtherNames, "GP-ACME-005", "it is for other.test, and a.test was asked for"),
    (Mood::MoreNames, "GP-ACME-005", "it is for a.test, bank.test, and a.test was asked for"),
    (Mood::OtherKey, "GP-ACME-005", "key-mismatch"),
    (Mood::Ended, "GP-ACME-005", "expired"),
    (Mood::Nonsense, "GP-ACME-005", "cannot be read"),
    (Mood::Good, "", ""),
];

#[tokio::test]
async fn a_bad_authority_changes_nothing() {
    let fake = Fake::start(Mood::Good);
    let client = Client::of(&fake, &["a.test"]);
    let good = client.fetch().await.unwrap();
    for (mood, code, words) in BAD {
        fake.turn_to(mood);
        let outcome = client.fetch().await;
        if mood == Mood::Good {
            assert!(outcome.is_ok(), "nothing is left behind: {outcome:?}");
            continue;
        }
        let error = outcome.unwrap_err();
        assert_eq!(error.code(), code, "{mood:?}: {error}");
        assert!(error.to_string().contains(words), "{mood:?}: {error}");
        let wait = if mood == Mood::Limits { Retry::After(Duration::from_secs(7)) } else { error.retry() };
        assert_eq!(error.retry(), wait, "{mood:?}");
        assert_eq!(client.bound().await, [("a.test:0".to_owned(), Answer::Certificate(good))], "{mood:?}");
        assert_eq!(client.house.store.certificates().await.unwrap().len(), 1, "{mood:?}");
    }
}

#[tokio::test]
async fn an_authority_that_is_not_who_it_should_be_hears_nothing() {
    let (fake, other) = (Fake::start(Mood::Good), Fake::start(Mood::Good));
    let mut client = Client::of(&fake, &["a.test"]);
    client.charge.wanted.ca_file = Client::of(&other, &["a.test"]).charge.wanted.ca_file.clone();
    let error = client.fetch().await.unwrap_err();
    // The folder of the other client is gone, so the file is; either way nobody is asked.
    assert_eq!((error.code(), fake.count("/dir")), ("GP-CONF-002", 0));
    let kept = tempfile::tempdir().unwrap();
    let file = kept.path().join("ca.pem");
    std::fs::write(&file, other.ca_pem()).unwrap();
    client.charge.wanted.ca_file = Some(file);
    let error = client.fetch().await.unwrap_err();
    assert_eq!((error.code(), fake.count("/dir")), ("GP-ACME-001", 0), "{error}");
}

#[tokio::test]
async fn nobody_is_asked_for_a_name_that_cannot_be_bound() {
    let fake = Fake::start(Mood::Good);
    let client = Client::of(&fake, &["a.test"]);
    let own = client.house.store.application().await.unwrap();
    let rejects = gatepost::model::binding::Binding {
        answer: Answer::Reject(None),
        ..gatepost::model::binding::Binding::to_certificate("a.test:0".parse().unwrap(), [0; 32], own)
    };
    client.house.store.put_binding(rejects).await.unwrap();
    assert_eq!(client.fetch().await.unwrap_err().code(), "GP-ACME-006");
    assert_eq!(fake.house.seen.lock().unwrap().len(), 0);
}
