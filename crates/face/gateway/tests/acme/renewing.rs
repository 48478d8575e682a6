//! Renewal in time, and again after a failure.

use std::time::Duration;

use gatepost::model::event::Event;
use gatepost_gateway::acme::renewal::Renewals;

use crate::authority::{Fake, Mood};
use crate::bad_paths::Client;

/// Waits for what another task does.
async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let patience = tokio::time::timeout(Duration::from_secs(30), async {
        while !condition().await {
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    patience.await.unwrap_or_else(|_| panic!("still not: {what}"));
}

#[tokio::test]
async fn what_is_missing_is_fetched_and_what_ends_is_renewed() {
    let fake = Fake::start(Mood::Brief(3));
    let client = Client::of(&fake, &["a.test"]);
    let mut renewals = Renewals::new(client.house.clone());
    renewals.follow(vec![client.charge.clone()]);
    until("two certificates", async || client.house.store.certificates().await.unwrap().len() >= 2).await;
    until("a second binding", async || client.steps().iter().filter(|step| **step == "bound").count() >= 2).await;
    assert!(client.steps().contains(&"due"));
    assert_eq!(fake.count("/account"), 1);
    // Followed again, nothing is begun anew; followed no more, it ends.
    renewals.follow(vec![client.charge.clone()]);
    renewals.follow(Vec::new());
}

#[tokio::test]
async fn a_failure_is_said_and_tried_again_later() {
    let fake = Fake::start(Mood::Limits);
    let client = Client::of(&fake, &["a.test"]);
    let mut renewals = Renewals::new(client.house.clone());
    renewals.follow(vec![client.charge.clone()]);
    until("it is postponed", async || client.steps().contains(&"postponed")).await;
    let seen = client.seen.lock().unwrap().clone();
    let failed = seen.iter().find_map(|event| match event {
        Event::Failed { code, detail, .. } => Some((*code, detail.clone())),
        _ => None,
    });
    let (code, detail) = failed.unwrap();
    assert_eq!(code, "GP-ACME-003");
    assert!(detail.starts_with("no certificate for a.test: ") && detail.ends_with("; try again in 7 s"), "{detail}");
    let postponed =
        Event::Certificate { names: "a.test".into(), step: "postponed", detail: "the next try is in 120 s".into() };
    assert!(seen.contains(&postponed), "{seen:?}");
    assert_eq!(fake.count("/order"), 1);
}

#[tokio::test]
async fn what_is_kept_already_is_bound_and_nobody_is_asked() {
    let fake = Fake::start(Mood::Good);
    let client = Client::of(&fake, &["a.test"]);
    let mut renewals = Renewals::new(client.house.clone());
    renewals.follow(vec![client.charge.clone()]);
    until("it is bound", async || client.bound().await.len() == 1).await;
    drop(renewals);
    let key = "a.test:0".parse().unwrap();
    client.house.store.remove_binding(&key, gatepost::store::store::Owner::Anyone).await.unwrap();
    let mut renewals = Renewals::new(client.house.clone());
    renewals.follow(vec![client.charge.clone()]);
    until("it is bound again", async || client.bound().await.len() == 1).await;
    assert_eq!(fake.count("/order"), 1);
}
