//! Who is let in, refused, damped or passed on as nobody, what the upstream is told of it, and what is kept of it.

use std::path::PathBuf;
use std::sync::Arc;

use gatepost::Session;
use gatepost::client::session::SessionBuilder;
use gatepost::events::Events;
use gatepost::model::credential::Credential;
use gatepost::model::decided::Decided;
use gatepost::net::body::Body;
use gatepost::policy::credentials::CredentialRules;
use gatepost::policy::transport::TransportRules;
use gatepost::server::serve::Running;
use gatepost::server::site::{Guard, handler};
use gatepost::store::journal::Reader;
use gatepost::store::store::User;
use gatepost::{Server, auth::password};
use gatepost_gateway::config::compose::Flags;
use gatepost_gateway::config::keeping::Sealing;
use gatepost_gateway::daemon::{Daemon, Orders};
use gatepost_gateway::kept;
use gatepost_gateway::state::State;
use http::{Request, Response, StatusCode};

const PASSWORD: &str = "open sesame";

/// A daemon over a fresh state directory with one user, in front of an upstream that tells what it was told.
struct Bench {
    folder: tempfile::TempDir,
    upstream: Running,
}

/// Says which of our fields came; answers 401 below `/asks`.
async fn told(request: Request<Body>) -> Response<Body> {
    let field = |name: &str| {
        let values: Vec<_> = request.headers().get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
        values.join(",")
    };
    let proof = request.headers().contains_key("authorization") || request.headers().contains_key("x-wsse");
    let text = format!("{} {} {proof}", field("x-gatepost-user"), field("x-gatepost-auth"));
    let mut response = Response::new(Body::from(text));
    if request.uri().path().starts_with("/asks") {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
    }
    response
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(&folder.path().join("state")).unwrap();
        let store = kept::open(&state, None, &Sealing::default(), &|_| None).unwrap();
        let secret = gatepost::model::secret::Secret::from(PASSWORD);
        let cost = password::Cost { memory_kib: 64, passes: 1, lanes: 1 };
        let password_hash = password::hash(&secret, &[7; 16], cost).unwrap();
        store
            .add_user(User { name: "ali".into(), password_hash, secret: Some(secret), records: Vec::new() })
            .await
            .unwrap();
        let site = handler(Guard::DangerOpen, |request, _visitor| told(request));
        let upstream = Server::new(site).danger_listen_plain(([127, 0, 0, 1], 0).into()).workers(1).start().unwrap();
        Self { folder, upstream }
    }

    /// A gateway with these routes, `UP` standing for the upstream; gives its address, too.
    async fn serve(&self, routes: &str) -> (Daemon, String) {
        let path: PathBuf = self.folder.path().join("gatepost.toml");
        let head = "workers = 1\n[danger]\nplain_listeners = true\nno_auth = true\n[[listener]]\naddress = \"127.0.0.1:0\"\ntls = false\n";
        let upstream = format!("http://{}", self.upstream.addresses()[0]);
        std::fs::write(&path, format!("{head}{}", routes.replace("UP", &upstream))).unwrap();
        let state = State::open(&self.folder.path().join("state")).unwrap();
        let (flags, environment) = (Flags::default(), Arc::new(|_: &str| None));
        let orders = Orders { state, document: Some(path), flags, environment, events: Events::default() };
        let daemon = Daemon::start(orders).await.unwrap();
        let url = daemon.ready().url.replace("localhost", "127.0.0.1");
        (daemon, url)
    }

    /// What is kept, once something about this is.
    async fn kept(&self, awaited: impl Fn(&Decided) -> bool) -> Vec<Decided> {
        let path = self.folder.path().join("state/decisions.log");
        loop {
            let mut reader = Reader::open(&path).unwrap();
            let kept: Vec<_> = std::iter::from_fn(|| reader.read().unwrap()).collect();
            if kept.iter().any(&awaited) {
                return kept;
            }
            tokio::task::yield_now().await;
        }
    }
}

fn session() -> SessionBuilder {
    let mut plain = TransportRules::default();
    plain.plain_hosts.push("127.0.0.1".parse().unwrap());
    Session::builder().transport(plain).credential_rules(CredentialRules::danger_over_plain())
}

async fn text(response: Response<Body>) -> (u16, String) {
    let status = response.status().as_u16();
    (status, String::from_utf8(response.into_body().collect(1 << 16).await.unwrap().to_vec()).unwrap())
}

#[tokio::test]
async fn nobody_passes_with_a_mark_and_whoever_says_something_is_judged() {
    let bench = Bench::new().await;
    let routes = "[auth]\nschemes = [\"Basic\", \"WSSE\"]\n[[route]]\nmode = \"pass\"\nupstream = \"UP\"\n\
                  [[route]]\npath = \"/strict\"\nupstream = \"UP\"\n[[route]]\npath = \"/open\"\nschemes = []\nupstream = \"UP\"\n";
    let (_daemon, url) = bench.serve(routes).await;
    let nobody = session().build().unwrap();
    // Whoever says it themselves says nothing, in whatever spelling, also on an open route.
    let forged = |path: &str| {
        let request = nobody.get(&format!("{url}{path}")).header("X-Gatepost-Auth", "Basic");
        request.header("x_gatepost_auth", "Basic").header("X-Gatepost-User", "ali").header("X.Gatepost-Auth", "x")
    };
    assert_eq!(text(forged("x").send().await.unwrap()).await, (200, " none false".into()));
    assert_eq!(text(forged("open").send().await.unwrap()).await, (200, "  false".into()));
    assert_eq!(forged("strict").send().await.unwrap().status(), 401);

    for scheme in ["Basic", "WSSE"] {
        let ahead = gatepost::client::context::Preauthenticate::Always;
        let ali = session().credential(Credential::login("ali", PASSWORD)).scheme(scheme).preauthenticate(ahead);
        let ali = ali.build().unwrap();
        let expected = (200, format!("ali {scheme} false"));
        assert_eq!(text(ali.get(&url).send().await.unwrap()).await, expected, "a proof does not go on");
        assert_eq!(text(ali.get(&url).send().await.unwrap()).await, expected, "the second time it is remembered");
        assert_eq!(text(ali.get(&format!("{url}strict")).send().await.unwrap()).await.1, "ali  false");
        let eve = session().credential(Credential::login("ali", "wrong")).scheme(scheme).preauthenticate(ahead);
        assert_eq!(eve.build().unwrap().get(&url).send().await.unwrap().status(), 401, "{scheme}");
    }
    let malformed = nobody.get(&url).header("authorization", "Basic !").send().await.unwrap();
    assert_eq!(malformed.status(), 400);
    let unknown = nobody.get(&url).header("authorization", "Unknown x").send().await.unwrap();
    assert_eq!(text(unknown).await, (200, " none false".into()));
}

#[tokio::test]
async fn where_the_upstream_asks_nobody_we_say_what_we_take() {
    let bench = Bench::new().await;
    let routes = "[[route]]\nmode = \"pass\"\nschemes = [\"Basic\", \"WSSE\"]\nupstream = \"UP\"\n";
    let (_daemon, url) = bench.serve(routes).await;
    let asked = session().build().unwrap().get(&format!("{url}asks")).send().await.unwrap();
    let challenges: Vec<_> = asked.headers().get_all("www-authenticate").iter().collect();
    assert_eq!((asked.status().as_u16(), challenges.len()), (401, 2));
    // And so a client that only answers comes through, without knowing anything before.
    let ali = session().credential(Credential::login("ali", PASSWORD)).build().unwrap();
    let answer = ali.get(&format!("{url}asks")).send().await.unwrap();
    assert!(!answer.headers().contains_key("www-authenticate"), "for ali the upstream's 401 stays its own");
    assert_eq!(text(answer).await, (401, "ali WSSE false".into()));
}

#[tokio::test]
async fn guesses_have_to_wait_and_the_right_one_from_elsewhere_does_not() {
    let bench = Bench::new().await;
    let routes =
        "[auth.damping]\nper_user = 3\nfirst_wait = \"30s\"\n[[route]]\nschemes = [\"Basic\"]\nupstream = \"UP\"\n";
    let (_daemon, url) = bench.serve(routes).await;
    let come = async |user: &str, password: &str| {
        let credential = Credential::login(user, password);
        let response = session().credential(credential).build().unwrap().get(&url).send().await.unwrap();
        let after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().parse::<u64>().unwrap());
        (response.status().as_u16(), after)
    };
    for user in ["ali", "unknown"] {
        for _ in 0..3 {
            assert_eq!(come(user, "wrong").await, (401, None), "{user}");
        }
        let (status, after) = come(user, "wrong").await;
        assert!(status == 429 && after.is_some_and(|after| (29..=30).contains(&after)), "{user} {status} {after:?}");
    }
    assert_eq!(come("ali", PASSWORD).await.0, 429, "from here the right one waits, too");
    let kept = bench.kept(|decided| decided.subject == "damping" && decided.who.as_deref() == Some("ali")).await;
    let of_ali: Vec<_> = kept.iter().filter(|decided| decided.who.as_deref() == Some("ali")).collect();
    assert!(of_ali.iter().all(|decided| !decided.allowed && decided.scheme.as_deref() == Some("Basic")));
    assert!(of_ali.iter().all(|decided| decided.from == Some([127, 0, 0, 1].into())), "{of_ali:?}");
    let file = std::fs::read_to_string(bench.folder.path().join("state/decisions.log")).unwrap();
    assert!(!file.contains(PASSWORD) && !file.contains("wrong\"") && !file.contains("b3BlbiB"), "{file}");
}

#[tokio::test]
async fn what_is_decided_is_kept_with_who_where_and_why() {
    let bench = Bench::new().await;
    let routes = "[[route]]\nschemes = [\"Basic\"]\nupstream = \"UP\"\n";
    let (_daemon, url) = bench.serve(routes).await;
    let come = async |password: &str, path: &str| {
        let session = session().credential(Credential::login("ali", password)).build().unwrap();
        session.get(&format!("{url}{path}")).send().await.unwrap().status().as_u16()
    };
    assert_eq!((come("wrong", "a?secret=1").await, come(PASSWORD, "b").await), (401, 200));
    let kept = bench.kept(|decided| decided.allowed).await;
    let place = |path: &str| Some(url.trim_start_matches("http://").to_owned() + path);
    let shown: Vec<_> = kept
        .iter()
        .map(|line| (line.subject.as_ref(), line.allowed, line.place.clone(), line.reason.as_str()))
        .collect();
    let why = "unknown user, wrong secret, or none kept that this scheme can use";
    let expected = [("authentication", false, place("a"), why), ("authentication", true, place("b"), "proved")];
    assert_eq!(shown, expected);
}
