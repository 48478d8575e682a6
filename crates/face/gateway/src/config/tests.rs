//! Tables of documents with the meaning or the error that they must have.

use std::path::Path;
use std::time::Duration;

use gatepost::auth::digest::algorithm::Algorithm;
use gatepost::auth::digest::qop::Qop;
use gatepost::auth::settings::{self, ChannelBinding, Ntlm};
use gatepost::net::websocket::relay::terms::Pings;
use gatepost::registry::Registry;
use gatepost::server::damping::DampingRules;
use gatepost::ws::limits::Limits;

use crate::config::compose::{Config, Flags, Keys, compose};
use crate::config::credential::UpstreamCredential;
use crate::config::document::Document;
use crate::config::kerberos::Keytab;
use crate::config::listener::Protection;
use crate::config::routes::{Guard, Target};
use crate::config::secret::SecretSource;
use crate::config::websocket::{Relay, RelaySide, WebSocket};
use crate::error::GatewayError;

fn read(text: &str) -> Result<Config, GatewayError> {
    compose(Some(&Document::new(Path::new("gatepost.toml"), text)), &|_| None, &Flags::default())
}

fn wrong(text: &str) -> (String, String, Option<String>) {
    match read(text) {
        Err(GatewayError::Setting { place, problem, hint }) => (place, problem, hint),
        other => panic!("{text}\n{other:?}"),
    }
}

const GOOD: &str = r#"
identity_header = "X-Remote-User"
workers = 3

[[listener]]
address = "127.0.0.1:8443"

[[route]]
host = "Example.com"
path = "/api/"
schemes = ["basic", "WSSE"]
upstream = "http://127.0.0.1:3000"
websocket = false

[[route]]
path = "/gone"
schemes = []
respond = { status = 410, body = "gone" }

[auth]
realm = "staff"
channel_binding = "required"
[auth.wsse]
dialects = ["sha256"]
past = "1m"
[auth.ntlm]
name = "STAFF"
integrity = true
[auth.digest]
algorithms = ["sha-512-256", "MD5-sess"]
qop = ["auth-int", "auth"]
nonce_lifetime = "1h"
userhash = true
domain = ["/a", "/b"]
[auth.bearer]
jwks = { file = "keys.json" }
issuer = "https://issuer.example"
[auth.kerberos]
keytab = "http.keytab"
service = "HTTP/www.example.com"

[limits]
head_time = "5s"
head_bytes = 16384

[store]
path = "data/store.db"
seal_key = { env = "SEAL" }

[danger]
no_auth = true
digest_rfc2069 = true
"#;

#[test]
fn a_whole_document() {
    let config = read(GOOD).unwrap();
    assert_eq!(config.listeners[0].protection, Protection::Bindings);
    let first = &config.routes[0];
    assert_eq!(first.host.as_deref(), Some("example.com"));
    assert_eq!((first.prefix.as_str(), &first.websocket), ("/api", &WebSocket::Off));
    assert_eq!(first.guard, Guard::Schemes(vec!["Basic", "WSSE"]));
    assert_eq!(first.identity, "x-remote-user");
    assert_eq!(config.routes[1].guard, Guard::Open);
    assert_eq!(config.routes[1].target.to_string(), "status 410");
    assert_eq!((config.workers, config.auth.realm.as_str()), (3, "staff"));
    assert_eq!(config.auth.wsse.past, Duration::from_secs(60));
    assert_eq!(config.auth.ntlm, Ntlm { name: "STAFF".into(), integrity: true });
    assert_eq!(config.auth.channel_binding, ChannelBinding::Required);
    let digest = settings::Digest {
        algorithms: ["SHA-512-256", "MD5-sess"].map(|name| Algorithm::by_name(name).unwrap()).to_vec(),
        qop: vec![Qop::AuthInt, Qop::Auth],
        nonce_lifetime: Duration::from_secs(3600),
        userhash: true,
        domain: vec!["/a".into(), "/b".into()],
        danger_rfc2069: true,
        ..settings::Digest::default()
    };
    assert_eq!(config.auth.digest, digest);
    assert_eq!(config.keys, Keys::File("keys.json".into()));
    let service = "HTTP/www.example.com".parse().unwrap();
    assert_eq!(config.keytab, Some(Keytab { file: "http.keytab".into(), service }));
    assert_eq!(config.limits.head_time, Duration::from_secs(5));
    assert_eq!(config.store, Some("data/store.db".into()));
    assert_eq!(config.sealing.key, Some(SecretSource::Environment("SEAL".into())));
}

#[test]
fn every_value_knows_its_source() {
    let environment = |name: &str| (name == "GATEPOST_LIMITS_HEAD_TIME").then(|| "7s".to_owned());
    let mut flags = Flags::default();
    flags.settings.insert("workers", ("--workers", "5".into()));
    let document = Document::new(Path::new("g.toml"), GOOD);
    let config = compose(Some(&document), &environment, &flags).unwrap();
    let source = |name: &str| config.entries.iter().find(|entry| entry.name == name).unwrap().source.to_string();
    assert_eq!(config.workers, 5);
    assert_eq!(source("workers"), "flag --workers");
    assert_eq!(source("limits.head_time"), "environment GATEPOST_LIMITS_HEAD_TIME");
    assert_eq!(source("auth.realm"), "g.toml:21:9");
    assert_eq!(source("limits.idle_time"), "default");
    assert_eq!(source("route[0].target"), "g.toml:8:1");
}

#[test]
fn without_a_document_there_is_the_demo_and_it_is_guarded() {
    let config = compose(None, &|_| None, &Flags::default()).unwrap();
    assert_eq!(config.routes[0].target, Target::Demo);
    assert_eq!(config.routes[0].guard, Guard::Schemes(Registry::standard().usual_names().collect()));
    assert_eq!(config.listeners[0].address.to_string(), "127.0.0.1:0");
    let open = Flags { no_auth: true, ..Flags::default() };
    assert_eq!(compose(None, &|_| None, &open).unwrap().routes[0].guard, Guard::Open);
}

#[test]
fn routes_inherit_schemes_and_let_nobody_pass_where_they_say_so() {
    let text = r#"
        [auth]
        schemes = ["wsse", "Basic"]
        [auth.damping]
        per_user = 3
        forget_after = "1h"
        [log]
        decisions = false
        [[route]]
        path = "/a"
        upstream = "http://h"
        [[route]]
        path = "/b"
        mode = "pass"
        upstream = "http://h"
        [[route]]
        path = "/c"
        schemes = ["Bearer"]
        mode = "demand"
        upstream = "http://h"
    "#;
    let config = read(text).unwrap();
    let guards: Vec<_> = config.routes.iter().map(|route| route.guard.clone()).collect();
    let own = vec!["WSSE", "Basic"];
    assert_eq!(guards, [Guard::Schemes(own.clone()), Guard::Pass(own), Guard::Schemes(vec!["Bearer"])]);
    let expected = DampingRules { per_user: 3, forget_after: Duration::from_secs(3600), ..DampingRules::default() };
    assert_eq!((config.damping, config.decision_bytes), (expected, None));
    assert_eq!(read(GOOD).unwrap().decision_bytes, Some(16 * 1024 * 1024));
}

#[test]
fn websockets_pass_as_it_is_written() {
    let websocket = |text: &str| {
        let route = "[[route]]\nschemes = [\"Basic\"]\nupstream = \"http://h\"\n";
        let config = read(&format!("{route}{text}\n")).unwrap();
        let shown =
            config.entries.iter().filter(|entry| entry.name.contains("websocket") || entry.name.contains("relay"));
        let shown: Vec<String> =
            shown.map(|entry| format!("{} {}", entry.name.replace("route[0].", ""), entry.value)).collect();
        (config.routes[0].websocket.clone(), shown.join(", "))
    };
    for (text, expected, shown) in [
        ("", WebSocket::Tunnel, "websocket tunnel"),
        ("websocket = true", WebSocket::Tunnel, "websocket tunnel"),
        ("websocket = \"tunnel\"", WebSocket::Tunnel, "websocket tunnel"),
        ("websocket = false", WebSocket::Off, "websocket false"),
    ] {
        assert_eq!(websocket(text), (expected, shown.to_owned()), "{text}");
    }
    let (usual, shown) = websocket("websocket = \"relay\"");
    assert_eq!(usual, WebSocket::Relay(Relay::default()));
    let expected = "websocket relay, relay.message_bytes 16777216, relay.control_frames 100, relay.empty_frames 1000, \
        relay.client_deflate true, relay.upstream_deflate false, relay.client_keepalive 30s, \
        relay.upstream_keepalive 30s, relay.pings answer";
    assert_eq!(shown, expected);
    let all = "websocket = \"relay\"\n[route.relay]\nmessage_bytes = 1000\ncontrol_frames = 1\nempty_frames = 0\n\
        client_deflate = false\nupstream_deflate = true\nclient_keepalive = \"5s\"\nupstream_keepalive = \"0s\"\npings = \"pass\"";
    let relay = Relay {
        limits: Limits { message: 1000, control_frames: 1, empty_frames: 0 },
        client: RelaySide { deflate: false, keepalive: Some(Duration::from_secs(5)) },
        upstream: RelaySide { deflate: true, keepalive: None },
        pings: Pings::Pass,
    };
    assert_eq!(websocket(all).0, WebSocket::Relay(relay));
}

#[test]
fn an_upstream_is_told_who_we_are_by_tickets_too() {
    let credential = |text: &str| {
        let route = "[[route]]\nschemes = [\"Basic\"]\nupstream = \"https://h\"\n";
        let config = read(&format!("{route}upstream_credential = {{ {text} }}\n")).unwrap();
        config.routes[0].credential.clone().unwrap()
    };
    let user = "svc@R".to_owned();
    let table = [
        (
            "user = \"svc@R\", keytab = \"k\"",
            UpstreamCredential::Keytab { user, file: "k".into() },
            "Kerberos svc@R (k)",
        ),
        ("tickets = \"/t\"", UpstreamCredential::Tickets("/t".into()), "Kerberos tickets (/t)"),
        ("ambient = true", UpstreamCredential::Ambient, "Kerberos tickets of whoever runs the gateway"),
    ];
    for (text, expected, shown) in table {
        let read = credential(text);
        assert_eq!((&read, read.to_string().as_str()), (&expected, shown), "{text}");
    }
}

#[test]
fn shares_of_the_connections_follow_their_number() {
    let limits = |text: &str| {
        let rest = "[[route]]\nschemes = [\"Basic\"]\nupstream = \"http://h\"\n";
        let read = read(&format!("[limits]\n{text}\n{rest}")).unwrap().limits;
        (read.connections, read.connections_per_address, read.handshakes, read.memory_bytes, read.reserved_descriptors)
    };
    assert_eq!(limits(""), (10_000, 8000, 5000, None, None));
    assert_eq!(limits("connections = 1"), (1, 1, 1, None, None));
    assert_eq!(limits("connections = 500\nhandshakes = 500"), (500, 400, 500, None, None));
    assert_eq!(limits("connections_per_address = 10000"), (10_000, 10_000, 5000, None, None));
    assert_eq!(limits("memory_bytes = 0\nreserved_descriptors = 16").3, Some(u64::MAX));
    assert_eq!(
        limits("memory_bytes = 67108864\nreserved_descriptors = 16"),
        (10_000, 8000, 5000, Some(1 << 26), Some(16))
    );
}

#[test]
fn two_routes_for_the_same_requests_are_named_both() {
    let route = "[[route]]\npath = \"/a\"\nschemes = [\"Basic\"]\nupstream = \"http://h\"\n";
    let (place, problem, _) = wrong(&format!("{route}{}", route.replace("/a", "/a/")));
    assert_eq!(place, "gatepost.toml:5:1");
    assert!(problem.contains("gatepost.toml:1:1"), "{problem}");
}

/// The reference page shows every setting with its default; what it shows must be so.
#[test]
fn the_reference_page_shows_the_defaults() {
    let page = include_str!("../../../../../docs/book/src/reference/configuration.md");
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let mut shown = read(example).unwrap();
    // Of these there are none unless somebody writes some.
    assert_eq!(std::mem::take(&mut shown.auth.certificate.rules).len(), 3);
    let bare =
        read("workers = 2\n[danger]\nno_auth = true\n[[route]]\nschemes = []\nrespond = { status = 200 }").unwrap();
    assert_eq!((&shown.auth, &shown.limits, &shown.danger), (&bare.auth, &bare.limits, &bare.danger));
    assert_eq!((shown.workers, shown.drain_time), (bare.workers, bare.drain_time));
    for entry in bare.entries.iter().filter(|entry| !entry.name.contains('[')) {
        let key = entry.name.rsplit('.').next().unwrap();
        assert!(example.contains(&format!("{key} = ")), "{} is not on the page", entry.name);
    }
}
