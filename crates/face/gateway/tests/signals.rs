//! Signals, in a process of their own: they come to every daemon in it.

use std::process::Command;
use std::sync::Arc;

use gatepost::events::Events;
use gatepost_gateway::config::compose::Flags;
use gatepost_gateway::daemon::{Daemon, Orders};
use gatepost_gateway::state::State;

#[tokio::test]
async fn one_that_comes_as_soon_as_it_is_ready_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("gatepost.toml");
    let listener = "[[listener]]\naddress = \"127.0.0.1:0\"\ntls = false\n";
    let route = "[[route]]\nschemes = []\nrespond = { status = 200 }\n";
    let danger = "[danger]\nno_auth = true\nplain_listeners = true\n";
    std::fs::write(&document, [listener, route, danger].concat()).unwrap();
    let state = State::open(&folder.path().join("state")).unwrap();
    let (flags, events) = (Flags::default(), Events::to(Vec::new()));
    let orders = Orders { state, document: Some(document), flags, environment: Arc::new(|_| None), events };
    let daemon = Daemon::start(orders).await.unwrap();
    // If nobody heard it, this would be the end of the process.
    assert!(Command::new("sh").args(["-c", "kill -TERM $PPID"]).status().unwrap().success());
    daemon.run().await;
}
