//! A gateway that answers an authority itself.

use std::path::PathBuf;
use std::sync::Arc;

use gatepost::events::Events;
use gatepost::model::event::Event;
use gatepost::store::key_source::KeySource;
use gatepost::store::open::{Options, open};
use gatepost_gateway::config::compose::Flags;
use gatepost_gateway::daemon::{Daemon, Orders};
use gatepost_gateway::state::State;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;

use crate::authority::{Fake, Mood, ask, names_of, token};

/// A gateway with a plain listener behind which everybody is asked who they are.
fn orders(folder: &std::path::Path, fake: &Fake) -> (Orders, UnboundedReceiver<Event>) {
    let ca = folder.join("fake.pem");
    std::fs::write(&ca, fake.ca_pem()).unwrap();
    let text = format!(
        r#"
[[listener]]
address = "127.0.0.1:0"
tls = false
[[listener]]
address = "127.0.0.1:0"
[[acme]]
names = ["A.test"]
directory = "{}"
agree_tos = true
challenge = "http-01"
contact = ["ops@example.com"]
ca_file = "fake.pem"
[[route]]
host = "b.test"
schemes = ["Basic"]
respond = {{ status = 200 }}
[danger]
plain_listeners = true
"#,
        fake.directory().as_str()
    );
    let document: PathBuf = folder.join("gatepost.toml");
    std::fs::write(&document, text).unwrap();
    let state = State::open(&folder.join("state")).unwrap();
    let (say, hear) = unbounded_channel();
    // Nobody hears it any more at the end of the test.
    let events = Events::to(vec![Arc::new(move |event: &Event| drop(say.send(event.clone())))]);
    let orders =
        Orders { state, document: Some(document), flags: Flags::default(), environment: Arc::new(|_| None), events };
    (orders, hear)
}

#[tokio::test]
async fn an_authority_is_answered_before_anybody_is_asked_who_they_are() {
    let (say, hear) = watch::channel(None);
    let fake = Fake::asking(Mood::Good, Some(hear));
    let folder = tempfile::tempdir().unwrap();
    let (orders, mut events) = orders(folder.path(), &fake);
    let state = orders.state.clone();
    let daemon = Daemon::start(orders).await.unwrap();
    let port = daemon.ready().url.trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap();
    let plain = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let path = format!("/.well-known/acme-challenge/{}", token("a.test"));
    assert!(ask(plain, "b.test", &path).await.starts_with("HTTP/1.1 401 "), "no proof is shown yet");
    say.send(Some(plain)).unwrap();
    let store = open(&state.store(), KeySource::File(state.seal_key_file()), &Options::default()).unwrap();
    let bound = |event: &Event| matches!(event, Event::Certificate { step: "bound", .. });
    while !bound(&events.recv().await.unwrap()) {}
    let told = fake.house.told.lock().unwrap().clone();
    assert_eq!(told.len(), 1);
    // No route is for that host, and nobody said who they are.
    assert!(told[0].starts_with("HTTP/1.1 200 OK\r\n"), "{}", told[0]);
    assert!(told[0].contains("application/octet-stream"), "{}", told[0]);
    assert!(told[0].contains(&format!("\r\n\r\n{}.", token("a.test"))), "{}", told[0]);
    assert!(ask(plain, "b.test", &path).await.starts_with("HTTP/1.1 401 "), "the proof is shown no more");
    let known = store.certificates().await.unwrap();
    assert!(known.iter().any(|known| names_of(&known.chain[0]) == ["a.test"]));
    drop(daemon);
}
