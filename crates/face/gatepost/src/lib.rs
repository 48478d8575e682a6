//! Secures connections and authenticates requests, both ways, for the whole life of the connection.
//!
//! Two types to start with: a [`Session`] sends requests and answers challenges; a [`Server`] puts
//! TLS and authentication in front of a handler. The words that both speak are in [`model`]. It runs on tokio.
//!
//! # A client
//!
//! ```no_run
//! use gatepost::Session;
//! use gatepost::model::credential::Credential;
//!
//! # async fn example(password: &str) -> Result<(), gatepost::Error> {
//! let session = Session::builder().credential(Credential::login("ali", password)).build()?;
//! let response = session.get("https://example.com/").send().await?;
//! let body = response.into_body().collect(1024 * 1024).await?;
//! # Ok(())
//! # }
//! ```
//!
//! WebSockets go the same way: [`Session::websocket`] out, [`server::websocket`] in.
//!
//! What can be asked for besides: [`SessionBuilder`](client::session::SessionBuilder) for all requests,
//! [`RequestBuilder`](client::request::RequestBuilder) for one. An [`Error`] says who has to act.
//!
//! # A server
//!
//! A [`Guard`](server::site::Guard) says who may come in; [`handler`](server::site::handler) makes a
//! [`Site`](server::site::Site) of one guard and one function.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use gatepost::Server;
//! use gatepost::auth::{schemes, settings::Settings};
//! use gatepost::events::Events;
//! use gatepost::net::body::Body;
//! use gatepost::policy::access::Access;
//! use gatepost::server::authenticate::Authenticator;
//! use gatepost::server::doorkeeper::Doorkeeper;
//! use gatepost::server::keys::Keys;
//! use gatepost::server::site::{Guard, handler};
//! use gatepost::store::memory::MemoryStore;
//! use gatepost::tls::server::ServerTls;
//! use http::Response;
//!
//! # async fn example(tls: ServerTls) -> Result<(), Box<dyn std::error::Error>> {
//! let door = Arc::new(Doorkeeper::new(Arc::new(MemoryStore::new()), Keys::none())?);
//! let basic = schemes::by_name("Basic").ok_or("no Basic")?;
//! let authenticator = Authenticator::new(vec![basic], Settings::default(), door, Events::default());
//! let guard = Guard::Schemes { authenticator, access: Arc::new(Access::by(["Basic"])?) };
//! let site = handler(guard, |_request, visitor| async move {
//!     let name = visitor.principal.map_or_else(|| "nobody".into(), |principal| principal.name.clone());
//!     Response::new(Body::from(format!("Hello, {name}!\n")))
//! });
//! let running = Server::new(site).listen("127.0.0.1:8443".parse()?, Arc::new(tls)).start()?;
//! running.drain().await;
//! # Ok(())
//! # }
//! ```
//!
//! With users and a certificate, and a client that passes it, in one program: `examples/guarded.rs`
//! (`cargo run -p gatepost --example guarded`). A WebSocket server and client: `examples/ws_echo_server.rs`,
//! `examples/ws_conformance_client.rs`.
//!
//! # What is in it
//!
//! | for | look at |
//! |---|---|
//! | the schemes, both ends | [`auth::schemes::ALL`]: Basic, WSSE, Digest, Bearer, Certificate |
//! | where a credential may go | [`policy::credentials`], [`model::scope`] |
//! | where plain `http` may go | [`policy::transport`] |
//! | users, and what was used once | [`store::store::Store`] |
//! | certificates | [`tls::issue`], [`tls::server::ServerTls`], [`net::dial::Roots`] |
//! | WebSockets | [`Session::websocket`], [`server::websocket`], [`net::websocket`]: `MessageSocket`, `StreamSocket` |
//! | sockets, with TLS at once, later (STARTTLS) or not | [`socket`]: `Connector`, `Listener`, `Socket` |
//! | what happens, as values | [`events`], [`model::event::Event`] |
//! | Kerberos of the machine | [`system::kerberos`], [`kerberos`], [`server::contexts::Keytab`] |
//! | bounds | [`model::limits::Limits`] |
//!
//! There are no Cargo features: everything is always there.
//!
//! Everything not said is safe: TLS 1.2 and 1.3 only, no plain `http`, no credential across an
//! origin, and every failure on the way to a decision denies.

pub mod client;
pub mod clock;
pub mod error;
pub mod events;
mod needs;
pub mod server;
pub mod socket;
pub mod system;

pub use client::session::Session;
pub use error::Error;
pub use server::serve::Server;

pub use gatepost_auth as auth;
pub use gatepost_http as http1;
pub use gatepost_kerberos as kerberos;
pub use gatepost_model as model;
pub use gatepost_net as net;
pub use gatepost_policy as policy;
pub use gatepost_store as store;
pub use gatepost_tls as tls;
pub use gatepost_ws as ws;

/// The examples of the README are compiled with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../../../README.md")]
struct Readme;

/// So are those of the book.
#[cfg(doctest)]
#[doc = include_str!("../../../../docs/book/src/guides/embedding.md")]
struct Embedding;

/// And these.
#[cfg(doctest)]
#[doc = include_str!("../../../../docs/book/src/guides/websockets.md")]
struct WebSockets;

/// And these.
#[cfg(doctest)]
#[doc = include_str!("../../../../docs/book/src/guides/sockets.md")]
struct Sockets;
