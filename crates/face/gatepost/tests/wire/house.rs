//! A small house for tests: one user, one key, one server on a free port, and sessions to it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gatepost::auth::password::{self, Cost};
use gatepost::auth::scheme::Scheme;
use gatepost::auth::schemes;
use gatepost::auth::settings::Settings;
use gatepost::client::session::SessionBuilder;
use gatepost::clock;
use gatepost::events::Events;
use gatepost::model::event::Event;
use gatepost::model::secret::Secret;
use gatepost::net::body::Body;
use gatepost::net::dial::Roots;
use gatepost::net::error::NetError;
use gatepost::policy::access::Access;
use gatepost::server::authenticate::Authenticator;
use gatepost::server::doorkeeper::Doorkeeper;
use gatepost::server::keys::Keys;
use gatepost::server::serve::Running;
use gatepost::server::site::{Guard, Visitor, handler};
use gatepost::server::websocket::{self, Acceptance};
use gatepost::store::memory::MemoryStore;
use gatepost::store::store::{Store, User};
use gatepost::tls::issue::Authority;
use gatepost::tls::server::ServerTls;
use gatepost::ws::deflate::config::Config;
use gatepost::{Server, Session};
use http::{Request, Response};

pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);
pub(crate) const PASSWORD: &str = "open sesame £";

/// A running house.
pub(crate) struct House {
    pub(crate) running: Running,
    pub(crate) authority: Authority,
    pub(crate) events: Arc<Mutex<Vec<Event>>>,
    pub(crate) door: Arc<Doorkeeper>,
}

impl House {
    /// A house that admits these schemes and greets who comes in.
    pub(crate) async fn open(names: &[&str], keys: Keys) -> Self {
        Self::behind(names, Doorkeeper::new(store_of_ali().await, keys).unwrap())
    }

    /// The same behind a doorkeeper of one's own.
    pub(crate) fn behind(names: &[&str], door: Doorkeeper) -> Self {
        Self::with(names, door, Settings::default(), greet)
    }

    /// The same, set up in one's own way; with no schemes it admits everybody.
    pub(crate) fn with<F, A>(names: &[&str], door: Doorkeeper, settings: Settings, answer: F) -> Self
    where
        F: Fn(Request<Body>, Visitor) -> A + Send + Sync + 'static,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        let door = Arc::new(door);
        let events: Arc<Mutex<Vec<Event>>> = Arc::default();
        let seen = Arc::clone(&events);
        let sink = Events::to(vec![Arc::new(move |event: &Event| seen.lock().unwrap().push(event.clone()))]);
        let allowed: Vec<&'static dyn Scheme> = names.iter().map(|name| schemes::by_name(name).unwrap()).collect();
        let authenticator = Authenticator::new(allowed, settings, Arc::clone(&door), sink.clone());
        let access = Access::by(names.iter().copied()).map(Arc::new);
        let guard = access.map_or(Guard::DangerOpen, |access| Guard::Schemes { authenticator, access });
        let site = handler(guard, answer);
        let authority = Authority::create("House CA", clock::now(), DAY).unwrap();
        let leaf = authority.issue_server(&["localhost".into(), "127.0.0.1".into()], clock::now(), DAY).unwrap();
        let tls = Arc::new(ServerTls::single(&leaf.chain, &leaf.key).unwrap());
        let running =
            Server::new(site).listen(SocketAddr::from(([127, 0, 0, 1], 0)), tls).events(sink).start().unwrap();
        Self { running, authority, events, door }
    }

    /// The address of a path in this house.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.running.addresses()[0].port())
    }

    /// A session that trusts this house.
    pub(crate) fn session(&self) -> SessionBuilder {
        Session::builder().roots(Roots::Only(vec![self.authority.certificate_der().to_vec()]))
    }
}

/// A store that ends with the test, and knows ali.
pub(crate) async fn store_of_ali() -> Arc<dyn Store> {
    let store = MemoryStore::new();
    store.add_user(ali(PASSWORD)).await.unwrap();
    Arc::new(store)
}

/// The user with this password.
pub(crate) fn ali(password: &str) -> User {
    let secret = Secret::from(password);
    let password_hash = password::hash(&secret, &[7; 16], Cost::default()).unwrap();
    User { name: "ali".into(), password_hash, secret: Some(secret), records: vec![] }
}

/// Says who it is and what came; over a WebSocket first, and then what is said there.
pub(crate) async fn greet(mut request: Request<Body>, visitor: Visitor) -> Response<Body> {
    let name = visitor.principal.map_or_else(|| "nobody".into(), |principal| principal.name.clone());
    if websocket::is_asked(&request) {
        return converse(&name, &mut request);
    }
    let (head, body) = request.into_parts();
    let body = body.collect(8 * 1024 * 1024).await.unwrap();
    Response::new(Body::from(format!("{name} {} {} {}", head.method, head.uri.path(), body.len())))
}

/// What a house takes: two subprotocols, compression, and pages of its own.
fn acceptance() -> Acceptance {
    Acceptance {
        protocols: vec!["chat.v2".into(), "chat".into()],
        deflate: Some(Config::default()),
        origins: Some(vec!["https://house.example".into()]),
        ..Acceptance::default()
    }
}

fn converse(name: &str, request: &mut Request<Body>) -> Response<Body> {
    let (response, accepting) = match websocket::accept(request, &acceptance()) {
        Ok(granted) => granted,
        Err(rejected) => return rejected.respond(),
    };
    let greeting = format!("{name} {} {:?}", request.method(), request.version());
    tokio::spawn(async move {
        let mut socket = accepting.socket().await?;
        socket.send(greeting.into()).await?;
        while let Some(message) = socket.receive().await? {
            socket.send(message).await?;
        }
        Ok::<(), NetError>(())
    });
    response
}

/// The text of an answer.
pub(crate) async fn text(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect(64 * 1024).await.unwrap().to_vec()).unwrap()
}
