//! Routes that demand certificates of clients, before every way that there is to reach them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gatepost::events::Events;
use gatepost::model::event::Event;
use gatepost::model::time::Timestamp;
use gatepost::model::url::Origin;
use gatepost::net::body::Body;
use gatepost::net::connection::Connection;
use gatepost::net::dial::{ClientTls, Dialer, Roots};
use gatepost::tls::identity::Identity;
use gatepost::tls::issue::{Authority, Issued};
use gatepost::tls::pem;
use gatepost_gateway::config::compose::Flags;
use gatepost_gateway::daemon::{Daemon, Orders};
use gatepost_gateway::error::GatewayError;
use gatepost_gateway::state::State;
use http::Request;

const DAY: Duration = Duration::from_secs(86_400);

/// A folder with a server's certificate, and the authorities of two kinds of clients.
struct Bench {
    folder: tempfile::TempDir,
    servers: Authority,
    staff: Authority,
    partners: Authority,
    seen: Arc<Mutex<Vec<Event>>>,
}

fn authority(name: &str) -> Authority {
    Authority::create(name, start(), 36_500 * DAY).unwrap()
}

fn start() -> Timestamp {
    Timestamp::parse_rfc3339("2020-01-01T00:00:00Z").unwrap()
}

impl Bench {
    fn new() -> Self {
        let [servers, staff, partners] = ["Servers", "Staff", "Partners"].map(authority);
        let folder = tempfile::tempdir().unwrap();
        let bench = Self { folder, servers, staff, partners, seen: Arc::default() };
        let names = ["localhost", "other.localhost", "127.0.0.1"].map(str::to_owned);
        let issued = bench.servers.issue_server(&names, start(), 30_000 * DAY).unwrap();
        bench.write("server.pem", &issued.chain.iter().map(|der| pem::certificate_pem(der)).collect::<String>());
        bench.write("server.key", pem::key_pem(&issued.key).reveal_text().unwrap());
        bench.write("staff.pem", &bench.staff.certificate_pem());
        bench.write("partners.pem", &bench.partners.certificate_pem());
        bench.write("both.pem", &(bench.staff.certificate_pem() + &bench.partners.certificate_pem()));
        bench
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    async fn start(&self, listener: &str, routes: &str) -> Result<Daemon, GatewayError> {
        let head = "[danger]\nno_auth = true\n[[listener]]\naddress = \"127.0.0.1:0\"\ncertificate = \"server.pem\"\nkey = \
                    \"server.key\"\n";
        let document = Some(self.write("gatepost.toml", &format!("{head}{listener}{routes}")));
        let seen = Arc::clone(&self.seen);
        let sink = Arc::new(move |event: &Event| seen.lock().unwrap().push(event.clone()));
        let state = State::open(&self.folder.path().join("state")).unwrap();
        let events = Events::to(vec![sink]);
        Daemon::start(Orders { state, document, flags: Flags::default(), environment: Arc::new(|_| None), events })
            .await
    }

    /// Connects to `name`, and shows this.
    async fn connect(&self, daemon: &Daemon, name: &str, shown: Option<&Issued>) -> Connection {
        let port = daemon.ready().url.trim_end_matches('/').rsplit_once(':').unwrap().1.parse().unwrap();
        let origin = Origin::new(true, name, port);
        let mut tls =
            ClientTls { roots: Roots::Only(vec![self.servers.certificate_der().to_vec()]), ..ClientTls::default() };
        tls.identity = shown
            .map(|issued| (Identity::new(issued.chain.clone(), issued.key.clone()).unwrap(), vec![origin.clone()]));
        Dialer::new(tls, Arc::default()).unwrap().connect(&origin).await.unwrap()
    }

    fn reasons(&self) -> Vec<String> {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        let reason = |event| match event {
            Event::Refused { scheme, reason, .. } => Some(format!("{}: {reason}", scheme.unwrap_or("none"))),
            _ => None,
        };
        seen.into_iter().filter_map(reason).collect()
    }
}

fn client(authority: &Authority) -> Issued {
    authority.issue_client(&["ali".to_owned()], start(), 30_000 * DAY).unwrap()
}

async fn ask(connection: &mut Connection, url: &str) -> u16 {
    let request = Request::get(url).body(Body::empty()).unwrap();
    let response = connection.send(request).await.unwrap();
    let status = response.status().as_u16();
    response.into_body().collect(1 << 20).await.unwrap();
    status
}

const LISTENER: &str = "client_certificate = \"request\"\nclient_ca = \"both.pem\"\n";
const ROUTES: &str = r#"
[[route]]
schemes = []
respond = { status = 200, body = "open" }
[[route]]
path = "/must"
schemes = []
client_certificate = "require"
respond = { status = 200, body = "must" }
[[route]]
path = "/may"
schemes = []
client_certificate = "request"
client_ca = "partners.pem"
respond = { status = 200, body = "may" }
[[route]]
path = "/partners"
schemes = []
client_certificate = "require"
client_ca = "partners.pem"
respond = { status = 200, body = "partners" }
[[route]]
host = "other.localhost"
schemes = []
client_certificate = "require"
client_ca = "staff.pem"
respond = { status = 200, body = "staff" }
"#;

#[tokio::test]
async fn a_route_takes_whom_it_trusts_and_nobody_else() {
    let bench = Bench::new();
    let daemon = bench.start(LISTENER, ROUTES).await.unwrap();
    let [staff, partner] = [&bench.staff, &bench.partners].map(client);
    let table =
        [(None, [200, 403, 200, 403]), (Some(&staff), [200, 200, 403, 403]), (Some(&partner), [200, 200, 200, 200])];
    for (shown, expected) in table {
        let mut connection = bench.connect(&daemon, "localhost", shown).await;
        assert!(connection.is_multiplexed());
        // Twice: what was found is remembered.
        for _ in 0..2 {
            let mut statuses = Vec::new();
            for path in ["/", "/must", "/may", "/partners"] {
                statuses.push(ask(&mut connection, &format!("https://localhost{path}")).await);
            }
            assert_eq!(statuses, expected);
        }
    }
    let reasons = bench.reasons();
    assert_eq!(reasons.len(), 8, "{reasons:?}");
    assert_eq!(reasons[0], "client certificate: no certificate was shown");
    let untrusted = reasons.iter().filter(|reason| reason.contains("Staff") || reason.contains("trusted")).count();
    assert_eq!(untrusted, 4, "{reasons:?}");
}

#[tokio::test]
async fn no_connection_made_for_one_name_reaches_the_guarded_route_of_another() {
    let bench = Bench::new();
    let daemon = bench.start(LISTENER, ROUTES).await.unwrap();
    let staff = client(&bench.staff);
    // Coalesced as HTTP/2 allows it, with a certificate that the other name would take, and without one.
    for shown in [Some(&staff), None] {
        let mut connection = bench.connect(&daemon, "localhost", shown).await;
        assert_eq!(ask(&mut connection, "https://localhost/").await, 200);
        assert_eq!(ask(&mut connection, "https://other.localhost/").await, 421);
    }
    // An address is no name, so that the route alone decides.
    for (shown, status) in [(Some(&staff), 200), (Some(&client(&bench.partners)), 403), (None, 403)] {
        let mut connection = bench.connect(&daemon, "127.0.0.1", shown).await;
        assert_eq!(ask(&mut connection, "https://other.localhost/").await, status);
    }
    let guarded = ROUTES.replace("other.localhost", "localhost");
    let daemon = bench.start(LISTENER, &guarded).await.unwrap();
    let mut connection = bench.connect(&daemon, "localhost", Some(&staff)).await;
    assert_eq!(ask(&mut connection, "https://localhost/").await, 200);
    assert_eq!(ask(&mut connection, "https://other.localhost/must").await, 421);
}

#[tokio::test]
async fn a_certificate_is_one_scheme_among_others() {
    let bench = Bench::new();
    let routes = r#"
[[route]]
path = "/alone"
schemes = ["Certificate"]
respond = { status = 200 }
[[route]]
path = "/among"
schemes = ["Certificate", "Basic"]
respond = { status = 200 }
[[auth.certificate.rule]]
from = "common-name"
users = { "ali" = "alice" }
"#;
    let daemon = bench.start(LISTENER, routes).await.unwrap();
    let ali = client(&bench.staff);
    let eve = bench.staff.issue_client(&["eve".to_owned()], start(), 30_000 * DAY).unwrap();
    for (shown, expected) in [(Some(&ali), [200, 200]), (Some(&eve), [403, 401]), (None, [403, 401])] {
        let mut connection = bench.connect(&daemon, "localhost", shown).await;
        for _ in 0..2 {
            let mut statuses = Vec::new();
            for path in ["/alone", "/among"] {
                statuses.push(ask(&mut connection, &format!("https://localhost{path}")).await);
            }
            assert_eq!(statuses, expected);
        }
    }
    let seen = std::mem::take(&mut *bench.seen.lock().unwrap());
    let who = |event: &Event| match event {
        Event::Authenticated { principal, scheme, .. } => Some(format!("{principal} by {scheme}")),
        Event::Refused { scheme, reason, .. } => Some(format!("{}: {}", scheme.unwrap_or("-"), &reason[..14])),
        _ => None,
    };
    let told: Vec<String> = seen.iter().filter_map(who).collect();
    let expected = [["alice by Certificate"; 4], ["Certificate: not taken: no "; 4], ["-: no credentials"; 4]].concat();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_contradiction_is_told_before_anything_starts() {
    let bench = Bench::new();
    let route = |lines: &str| format!("[[route]]\nschemes = []\nrespond = {{ status = 200 }}\n{lines}");
    let require = route("client_certificate = \"require\"\n");
    let table = [
        ("", require.as_str(), "this route wants certificates of clients, and no listener asks any for one"),
        ("client_certificate = \"request\"\n", "", "no authority is named that it may come from"),
        ("client_ca = \"staff.pem\"\n", "", "a `client_ca`, and nobody is asked for a certificate"),
        (LISTENER, &route("client_ca = \"staff.pem\"\n"), "a `client_ca`, and nobody is asked for a certificate"),
        (
            LISTENER,
            &route("client_certificate = \"request\"\nclient_revocation = \"x.pem\"\n"),
            "without the `client_ca`",
        ),
        (LISTENER, &route("forward_certificate = \"leaf\"\n"), "without a `client_certificate` to forward"),
        (LISTENER, &route("client_certificate = \"must\"\n"), "unknown value `must`"),
        (
            LISTENER,
            &route("client_certificate = \"require\"\nclient_ca = \"server.key\"\n"),
            "server.key cannot be read",
        ),
        (LISTENER, &route("client_certificate = \"require\"\nclient_ca = \"none.pem\"\n"), "none.pem cannot be read"),
    ];
    for (listener, routes, problem) in table {
        let plain = route("");
        let error =
            bench.start(listener, if routes.is_empty() { &plain } else { routes }).await.map(|_| ()).unwrap_err();
        assert!(error.to_string().contains(problem), "{problem}: {error}");
    }
    assert!(bench.start(LISTENER, &require).await.is_ok());
}

#[tokio::test]
async fn a_reload_cannot_close_a_route_to_everybody() {
    let bench = Bench::new();
    let routes = "[[route]]\nschemes = []\nclient_certificate = \"require\"\nrespond = { status = 200 }\n";
    let mut daemon = bench.start(LISTENER, routes).await.unwrap();
    let text = std::fs::read_to_string(bench.folder.path().join("gatepost.toml")).unwrap();
    bench.write("gatepost.toml", &text.replace(LISTENER, ""));
    daemon.reload().await;
    let seen = bench.seen.lock().unwrap().clone();
    let refused = |event: &Event| matches!(event, Event::Reloaded { applied: false, detail } if detail.contains("no listener asks"));
    assert!(seen.iter().any(refused), "{seen:?}");
    let ali = client(&bench.staff);
    let mut connection = bench.connect(&daemon, "localhost", Some(&ali)).await;
    assert_eq!(ask(&mut connection, "https://localhost/").await, 200);
}
