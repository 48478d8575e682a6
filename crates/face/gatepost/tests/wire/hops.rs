//! Thirty hops and some more: what a redirect takes along, and what it never does.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use gatepost::client::context::Preauthenticate;
use gatepost::client::session::SessionBuilder;
use gatepost::clock;
use gatepost::model::credential::Credential;
use gatepost::model::scope::Scope;
use gatepost::net::body::Body;
use gatepost::net::dial::Roots;
use gatepost::policy::credentials::CredentialRules;
use gatepost::policy::transport::TransportRules;
use gatepost::registry::Registry;
use gatepost::server::serve::Running;
use gatepost::server::site::{Guard, Visitor, handler};
use gatepost::tls::issue::Authority;
use gatepost::tls::server::ServerTls;
use gatepost::{Server, Session};
use http::header::{HOST, HeaderMap, LOCATION, WWW_AUTHENTICATE};
use http::{HeaderValue, Request, Response, StatusCode};

use crate::door_code::DOOR_CODE;
use crate::house::DAY;

/// What reaches an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// The proof, and the secrets that the caller put into fields.
    All,
    /// The proof alone: what the caller put there was left behind on the way, and the address is its own again.
    Proof,
    /// The request without any secret, once, although it is asked for a proof there.
    Bare,
    /// Nothing at all.
    Nothing,
}

use Seen::{All, Bare, Nothing, Proof};

/// Status, scheme, where the request goes, and each hop with what reaches it.
type Row = (u16, &'static str, &'static str, &'static [(&'static str, Seen)]);

/// `S1` and `S2` are two ports of `https://localhost`, `I1` is the first by its address; `P1`, `P2` and `Q1` are the same over
/// `http`.
const TABLE: [Row; 32] = [
    (301, "Basic", "S1", &[("S1/ask", All)]),
    (302, "WSSE", "S1", &[("S1/ask", All)]),
    (303, "Door-Code", "S1", &[("S1/ask", All)]),
    (307, "Basic", "S1", &[("/ask", All)]),
    (308, "WSSE", "S1", &[("S1/ASK/", All)]),
    (302, "Door-Code", "I1", &[("I1/ask", All)]),
    (302, "Basic", "P1", &[("P1/ask", All)]),
    // Another port.
    (301, "Basic", "S1", &[("S2/ask", Bare)]),
    (302, "WSSE", "S1", &[("S2/ask", Bare)]),
    (303, "Door-Code", "S1", &[("S2/ask", Bare)]),
    (307, "Basic", "S2", &[("S1/ask", Bare)]),
    (308, "WSSE", "S2", &[("S1/ask", Bare)]),
    (307, "Door-Code", "S2", &[("S1/ask", Bare)]),
    (302, "Basic", "P1", &[("P2/ask", Bare)]),
    (307, "Door-Code", "P2", &[("P1/ask", Bare)]),
    // Another host.
    (302, "Basic", "S1", &[("I1/ask", Bare)]),
    (307, "WSSE", "S1", &[("I1/ask", Bare)]),
    (308, "Door-Code", "S1", &[("I1/ask", Bare)]),
    (302, "Basic", "I1", &[("S1/ask", Bare)]),
    (302, "WSSE", "I1", &[("S2/ask", Bare)]),
    (302, "Door-Code", "P1", &[("Q1/ask", Bare)]),
    // Another protocol: up without secrets, down not at all.
    (301, "Basic", "P1", &[("S1/ask", Bare)]),
    (307, "WSSE", "P1", &[("S1/ask", Bare)]),
    (308, "Door-Code", "Q1", &[("I1/ask", Bare)]),
    (301, "Basic", "S1", &[("P1/ask", Nothing)]),
    (302, "WSSE", "S1", &[("P1/ask", Nothing)]),
    (307, "Door-Code", "I1", &[("Q1/ask", Nothing)]),
    (302, "Basic", "S1", &[("WS1/ask", Nothing)]),
    (302, "Basic", "S1", &[("U1/ask", Nothing)]),
    // There and back again.
    (302, "Basic", "S1", &[("S2/to/302?S1/ask", Bare), ("S1/ask", Proof)]),
    (302, "Door-Code", "S1", &[("I1/to/307?S1/ask", Bare), ("S1/ask", Proof)]),
    (307, "WSSE", "S1", &[("S2/to/302?I1/to/302?S2/ask", Bare), ("I1/to/302?S2/ask", Bare), ("S2/ask", Bare)]),
];

/// The fields that hold a secret: proofs, and what the caller wrote.
const PROOFS: [&str; 3] = ["authorization", "x-wsse", "x-door-code"];
const WRITTEN: [&str; 3] = ["cookie", "x-api-key", "x-auth-token"];

type Log = Arc<Mutex<Vec<(String, HeaderMap)>>>;

/// Two ports with TLS and two without, and what reached them.
struct Crossroads {
    servers: [Running; 4],
    authority: Authority,
    log: Log,
}

impl Crossroads {
    fn open() -> Self {
        let authority = Authority::create("Crossroads CA", clock::now(), DAY).unwrap();
        let leaf = authority.issue_server(&["localhost".into(), "127.0.0.1".into()], clock::now(), DAY).unwrap();
        let tls = Arc::new(ServerTls::single(&leaf.chain, &leaf.key).unwrap());
        let log = Log::default();
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let servers = [true, true, false, false].map(|secure| {
            let seen = Arc::clone(&log);
            let site = handler(Guard::DangerOpen, move |request: Request<Body>, visitor| {
                std::future::ready(point(&seen, &request, &visitor))
            });
            let server = Server::new(site).workers(1);
            let server =
                if secure { server.listen(anywhere, Arc::clone(&tls)) } else { server.danger_listen_plain(anywhere) };
            server.start().unwrap()
        });
        Self { servers, authority, log }
    }

    /// A short name with what it stands for.
    fn spelled(&self, text: &str) -> String {
        let [s1, s2, p1, p2] = self.servers.each_ref().map(|server| server.addresses()[0].port());
        let names = [
            ("WS1", format!("wss://localhost:{s1}")),
            ("U1", format!("https://ali:hunter2@localhost:{s2}")),
            ("S1", format!("https://localhost:{s1}")),
            ("S2", format!("https://localhost:{s2}")),
            ("I1", format!("https://127.0.0.1:{s1}")),
            ("P1", format!("http://localhost:{p1}")),
            ("P2", format!("http://localhost:{p2}")),
            ("Q1", format!("http://127.0.0.1:{p1}")),
        ];
        names.iter().fold(text.to_owned(), |text, (short, long)| text.replace(short, long))
    }

    fn session(&self, scheme: &str) -> SessionBuilder {
        let mut plain = TransportRules::default();
        plain.plain_hosts.extend(["localhost".parse().unwrap(), "127.0.0.1".parse().unwrap()]);
        Session::builder()
            .roots(Roots::Only(vec![self.authority.certificate_der().to_vec()]))
            .registry(Registry::standard().register(&DOOR_CODE))
            .scheme(scheme)
            .preauthenticate(Preauthenticate::Always)
            .transport(plain)
            // Nothing but the redirect stands in the way of a secret.
            .credential_rules(CredentialRules::danger_over_plain())
    }
}

/// Redirects `/to/STATUS?URL`; asks everybody else who they are.
fn point(log: &Log, request: &Request<Body>, visitor: &Visitor) -> Response<Body> {
    let scheme = if visitor.peer.tls.is_some() { "https" } else { "http" };
    let host = request.uri().authority().map(ToString::to_string);
    let host = host.unwrap_or_else(|| request.headers()[HOST].to_str().unwrap().to_owned());
    let target = request.uri().path_and_query().unwrap();
    log.lock().unwrap().push((format!("{scheme}://{host}{target}"), request.headers().clone()));
    let mut response = Response::new(Body::empty());
    if let Some(status) = request.uri().path().strip_prefix("/to/") {
        *response.status_mut() = status.parse().unwrap();
        let location = HeaderValue::from_str(request.uri().query().unwrap()).unwrap();
        response.headers_mut().insert(LOCATION, location);
    } else if !PROOFS.iter().any(|field| request.headers().contains_key(*field)) {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        for challenge in ["Basic realm=\"x\"", "WSSE realm=\"x\", profile=\"UsernameToken\"", "Door-Code realm=\"x\""] {
            response.headers_mut().append(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
    }
    response
}

/// Who we are, told in three ways: the session's, the request's, or the session's for each place on the way.
fn told(builder: SessionBuilder, way: usize, places: &[String]) -> (SessionBuilder, Option<Credential>) {
    let credential = || Credential::login("ali", "hunter2");
    match way {
        0 => (builder.credential(credential()), None),
        1 => (builder, Some(credential())),
        _ => {
            let scopes = places.iter().filter_map(|place| Scope::parse(place).ok());
            let origins = scopes.map(|scope| Scope::of(scope.origin().clone()));
            (origins.fold(builder, |builder, scope| builder.credential(credential().within(scope))), None)
        }
    }
}

fn seen(headers: &HeaderMap) -> Seen {
    let some = |fields: &[&str]| fields.iter().filter(|field| headers.contains_key(**field)).count();
    match (some(&PROOFS), some(&WRITTEN)) {
        (0, 0) => Bare,
        (1.., 0) => Proof,
        (1.., written) if written == WRITTEN.len() => All,
        odd => panic!("{odd:?}: {:?}", headers.keys()),
    }
}

async fn walk(crossroads: &Crossroads, row: &Row, way: usize) {
    let (status, scheme, from, hops) = row;
    let first = crossroads.spelled(&format!("{from}/to/{status}?{}", hops[0].0));
    let places: Vec<String> =
        [*from].iter().chain(hops.iter().map(|(place, _)| place)).map(|place| crossroads.spelled(place)).collect();
    let (builder, named) = told(crossroads.session(scheme), way, &places);
    let mut request = builder.build().unwrap().get(&first).header("x-plain", "kept");
    for field in WRITTEN.iter().chain(&["x-door-code", "x-wsse"]) {
        request = request.header(field, "hunter2");
    }
    if let Some(credential) = named {
        request = request.credential(credential);
    }
    crossroads.log.lock().unwrap().clear();
    let answer = request.send().await;
    let log = std::mem::take(&mut *crossroads.log.lock().unwrap());
    let arrived: Vec<(String, Seen)> = log.iter().map(|(place, headers)| (place.clone(), seen(headers))).collect();
    let spelled = |place: &str| {
        let place = crossroads.spelled(place);
        if place.starts_with('/') { crossroads.spelled(from) + &place } else { place }
    };
    let hops = hops.iter().filter(|(_, seen)| *seen != Nothing).map(|(place, seen)| (spelled(place), *seen));
    let expected: Vec<_> = [(first, All)].into_iter().chain(hops).collect();
    assert_eq!(arrived, expected, "{row:?} told in way {way}");
    assert!(log.iter().all(|(_, headers)| headers["x-plain"] == "kept"));
    assert_eq!(answer.is_err(), row.3.iter().any(|(_, seen)| *seen == Nothing), "{row:?}: {answer:?}");
    assert!(!format!("{answer:?}").contains("hunter2"));
}

#[tokio::test]
async fn no_secret_crosses_scheme_host_or_port() {
    let crossroads = Crossroads::open();
    for row in &TABLE {
        for way in 0..3 {
            walk(&crossroads, row, way).await;
        }
    }
    assert!(TABLE.iter().map(|row| row.3.len()).sum::<usize>() >= 30);
}
