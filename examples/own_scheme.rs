//! A scheme of one's own at both ends: a session that proves by it, and a gateway that demands it by its name in the
//! configuration.
//!
//! `cargo run -p gatepost-gateway --example own_scheme` starts an upstream and a gateway on free ports, asks once as nobody and
//! once as `ali`, and ends. The scheme itself is in `own_scheme/door_code.rs`.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

#[path = "own_scheme/door_code.rs"]
mod door_code;

use std::error::Error;
use std::sync::Arc;

use gatepost::auth::password::{self, Cost};
use gatepost::clock;
use gatepost::events::Events;
use gatepost::model::credential::Credential;
use gatepost::model::secret::Secret;
use gatepost::net::body::Body;
use gatepost::net::dial::Roots;
use gatepost::registry::Registry;
use gatepost::server::site::{Guard, handler};
use gatepost::store::store::User;
use gatepost::tls::pem;
use gatepost::{Server, Session};
use gatepost_gateway::config::compose::Flags;
use gatepost_gateway::config::keeping::Sealing;
use gatepost_gateway::daemon::{Daemon, Orders};
use gatepost_gateway::kept;
use gatepost_gateway::state::State;
use http::{Request, Response};

use crate::door_code::DOOR_CODE;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("gatepost-own-scheme-{}", std::process::id()));
    let state = State::open(&folder)?;
    let outcome = run(&state).await;
    std::fs::remove_dir_all(&folder)?;
    outcome
}

async fn run(state: &State) -> Result<(), Box<dyn Error>> {
    add_user(state).await?;
    let upstream = Server::new(handler(Guard::DangerOpen, |request, _| greet(request)));
    let upstream = upstream.danger_listen_plain(([127, 0, 0, 1], 0).into()).workers(1).start()?;

    // The registry makes the name mean something: in a configuration, and in a session.
    let registry = Registry::standard().register(&DOOR_CODE);
    let document = state.directory().join("gatepost.toml");
    let route = format!("[[route]]\nschemes = [\"Door-Code\"]\nupstream = \"http://{}\"\n", upstream.addresses()[0]);
    std::fs::write(&document, format!("workers = 1\n{route}"))?;
    let orders = Orders {
        state: state.clone(),
        document: Some(document),
        flags: Flags { registry: registry.clone(), ..Flags::default() },
        environment: Arc::new(|_| None),
        events: Events::default(),
    };
    let daemon = Daemon::start(orders).await?;
    ask(&daemon.ready().url, state, registry).await
}

/// The scheme computes with the secret, so that it is kept; it is sealed on the disk.
async fn add_user(state: &State) -> Result<(), Box<dyn Error>> {
    let store = kept::open(state, None, &Sealing::default(), &|_| None)?;
    let secret = Secret::from("open sesame");
    let salt = clock::entropy()?.first_chunk().copied().ok_or("no salt")?;
    let password_hash = password::hash(&secret, &salt, Cost::default())?;
    Ok(store.add_user(User { name: "ali".into(), password_hash, secret: Some(secret), records: Vec::new() }).await?)
}

async fn greet(request: Request<Body>) -> Response<Body> {
    assert!(!request.headers().contains_key("x-door-code"), "a proof for the gateway is nobody else's");
    let user = request.headers().get("x-gatepost-user").and_then(|value| value.to_str().ok()).unwrap_or("nobody");
    Response::new(Body::from(format!("Hello, {user}!\n")))
}

/// Two requests: one without a credential, one that answers the challenge by the scheme.
async fn ask(url: &str, state: &State, registry: Registry) -> Result<(), Box<dyn Error>> {
    let roots = Roots::Only(pem::parse_chain_pem(&std::fs::read(state.authority())?)?);
    let session = Session::builder().roots(roots).registry(registry).scheme("Door-Code").build()?;
    let refused = session.get(url).send().await?;
    println!("as nobody: {}, asked for {:?}", refused.status(), refused.headers().get("www-authenticate"));
    assert_eq!(refused.status(), 401);

    let welcome = session.get(url).credential(Credential::login("ali", "open sesame")).send().await?;
    println!("as ali: {}", welcome.status());
    let text = welcome.into_body().collect(1024).await?;
    assert_eq!(&text[..], b"Hello, ali!\n");
    Ok(())
}
