//! Renewal in time, and again after a failure.

use gatepost::model::event::Event;
use gatepost::store::store::Owner;
use gatepost_gateway::acme::fetch::fetch;
use gatepost_gateway::acme::renewal::Renewals;

use crate::authority::{Fake, Mood};
use crate::bad_paths::Client;

#[tokio::test]
async fn what_is_missing_is_fetched_and_what_ends_is_renewed() {
    let fake = Fake::start(Mood::Late);
    let mut client = Client::of(&fake, &["a.test"]);
    let mut renewals = Renewals::new(client.house.clone());
    renewals.follow(vec![client.charge.clone()]);
    client.until("bound").await;
    let first = client.bound().await;
    // Followed again, nothing is begun anew.
    renewals.follow(vec![client.charge.clone()]);
    client.until("due").await;
    client.until("bound").await;
    assert_eq!((client.bound().await.len(), client.bound().await == first), (1, false));
    assert_eq!((fake.count("/account"), fake.count("/order")), (1, 2));
}

#[tokio::test]
async fn a_failure_is_said_and_tried_again_later() {
    let fake = Fake::start(Mood::Limits);
    let mut client = Client::of(&fake, &["a.test"]);
    let mut renewals = Renewals::new(client.house.clone());
    renewals.follow(vec![client.charge.clone()]);
    let seen = client.until("postponed").await;
    let failed = seen.iter().find_map(|event| match event {
        Event::Failed { code, detail, .. } => Some((*code, detail.clone())),
        _ => None,
    });
    let (code, detail) = failed.unwrap();
    assert_eq!(code, "GP-ACME-003");
    assert!(detail.starts_with("no certificate for a.test: ") && detail.ends_with("; try again in 7 s"), "{detail}");
    let detail = "the next try is in 120 s".to_owned();
    assert_eq!(seen.last(), Some(&Event::Certificate { names: "a.test".into(), step: "postponed", detail }));
    assert_eq!(fake.count("/order"), 1);
}

#[tokio::test]
async fn what_is_kept_already_is_bound_and_nobody_is_asked() {
    let fake = Fake::start(Mood::Good);
    let mut client = Client::of(&fake, &["a.test"]);
    let mut renewals = Renewals::new(client.house.clone());
    renewals.follow(vec![client.charge.clone()]);
    client.until("bound").await;
    drop(renewals);
    let key = "a.test:0".parse().unwrap();
    client.house.store.remove_binding(&key, Owner::Anyone).await.unwrap();
    let mut renewals = Renewals::new(client.house.clone());
    renewals.follow(vec![client.charge.clone()]);
    client.until("bound").await;
    assert_eq!(fake.count("/order"), 1);
}

#[tokio::test]
async fn an_authority_may_have_it_renewed_earlier() {
    let fake = Fake::start(Mood::Advises);
    let mut client = Client::of(&fake, &["a.test"]);
    let mut renewals = Renewals::new(client.house.clone());
    renewals.follow(vec![client.charge.clone()]);
    client.until("bound").await;
    assert_eq!((fake.replaced(), fake.count("/order")), (None, 1), "there is nothing to be advised about");
    drop(renewals);
    let first = client.house.store.certificates().await.unwrap().remove(0);
    let (authority, serial) = gatepost::tls::renewal::identifier(&first.chain[0]).unwrap();
    let mut renewals = Renewals::new(client.house.clone());
    renewals.follow(vec![client.charge.clone()]);
    client.until("due").await;
    client.until("bound").await;
    assert_eq!((fake.replaced(), fake.count("/order")), (Some(format!("{authority}.{serial}")), 2));
}

#[tokio::test]
async fn other_addresses_are_told_once() {
    let fake = Fake::start(Mood::Good);
    let mut client = Client::of(&fake, &["a.test"]);
    let road = ["ordered", "proving", "proved", "issued", "bound"];
    fetch(&client.house, &client.charge, None).await.unwrap();
    assert_eq!(client.steps(), [&["account"][..], &road].concat());
    client.charge.wanted.contact = vec!["ops@a.test".to_owned()];
    for told in [1, 0] {
        fetch(&client.house, &client.charge, None).await.unwrap();
        assert_eq!(client.steps(), [&["account"][..told], &road].concat());
    }
    assert_eq!((fake.count("/account"), fake.count("/account/1")), (1, 1));
}
