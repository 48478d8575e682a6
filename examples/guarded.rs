//! A server that asks who you are, and a client that says it: both ends of Gatepost in one program.
//!
//! `cargo run -p gatepost --example guarded` starts the server on a free port, asks it once as
//! nobody and once as `ali`, and ends. With an address as argument it stays:
//! `cargo run -p gatepost --example guarded 127.0.0.1:8443`.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gatepost::auth::password::{self, Cost};
use gatepost::auth::schemes;
use gatepost::auth::settings::Settings;
use gatepost::clock;
use gatepost::events::Events;
use gatepost::model::credential::Credential;
use gatepost::model::secret::Secret;
use gatepost::net::body::Body;
use gatepost::net::dial::Roots;
use gatepost::policy::access::Access;
use gatepost::server::authenticate::Authenticator;
use gatepost::server::doorkeeper::Doorkeeper;
use gatepost::server::keys::Keys;
use gatepost::server::serve::Running;
use gatepost::server::site::{Guard, handler};
use gatepost::store::memory::MemoryStore;
use gatepost::store::store::{Store, User};
use gatepost::tls::issue::Authority;
use gatepost::tls::server::ServerTls;
use gatepost::{Server, Session};
use http::Response;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let authority = Authority::create("Example CA", clock::now(), DAY)?;
    let address = std::env::args().nth(1);
    let running = start(address.as_deref().unwrap_or("127.0.0.1:0").parse()?, &authority).await?;
    if address.is_some() {
        std::future::pending::<()>().await;
    }
    let url = format!("https://localhost:{}/", running.addresses()[0].port());
    ask(&url, &authority).await?;
    running.drain().await;
    Ok(())
}

/// A server with one user, one guard and one handler.
async fn start(address: SocketAddr, authority: &Authority) -> Result<Running, Box<dyn std::error::Error>> {
    let store = MemoryStore::new();
    let secret = Secret::from("open sesame");
    let salt = clock::entropy()?.first_chunk().copied().ok_or("no salt")?;
    let password_hash = password::hash(&secret, &salt, Cost::default())?;
    store.add_user(User { name: "ali".into(), password_hash, secret: Some(secret), records: vec![] }).await?;

    let door = Arc::new(Doorkeeper::new(Arc::new(store), Keys::none())?);
    let allowed = vec![schemes::by_name("Basic").ok_or("no Basic")?, schemes::by_name("WSSE").ok_or("no WSSE")?];
    let authenticator = Authenticator::new(allowed, Settings::default(), door, Events::default());
    let guard = Guard::Schemes { authenticator, access: Arc::new(Access::by(["Basic", "WSSE"])?) };

    let site = handler(guard, |_request, visitor| async move {
        let name = visitor.principal.map_or_else(|| "nobody".into(), |principal| principal.name.clone());
        Response::new(Body::from(format!("Hello, {name}!\n")))
    });
    let certificate = authority.issue_server(&["localhost".into(), "127.0.0.1".into()], clock::now(), DAY)?;
    let tls = ServerTls::single(&certificate.chain, &certificate.key)?;
    Ok(Server::new(site).listen(address, Arc::new(tls)).start()?)
}

/// Two requests: one without a credential, one that answers the challenge.
async fn ask(url: &str, authority: &Authority) -> Result<(), Box<dyn std::error::Error>> {
    let roots = Roots::Only(vec![authority.certificate_der().to_vec()]);
    let session = Session::builder().roots(roots).build()?;
    let refused = session.get(url).send().await?;
    println!("as nobody: {}", refused.status());
    assert_eq!(refused.status(), 401);

    let welcome = session.get(url).credential(Credential::login("ali", "open sesame")).send().await?;
    println!("as ali: {}", welcome.status());
    assert_eq!(welcome.status(), 200);
    let text = welcome.into_body().collect(1024).await?;
    assert_eq!(&text[..], b"Hello, ali!\n");
    Ok(())
}
