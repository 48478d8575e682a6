//! Redirects between two houses: what is followed, what goes along, and what never does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gatepost::client::session::SessionBuilder;
use gatepost::clock;
use gatepost::model::credential::Credential;
use gatepost::net::body::Body;
use gatepost::net::dial::Roots;
use gatepost::policy::redirects::RedirectRules;
use gatepost::server::serve::Running;
use gatepost::server::site::{Guard, Visitor, handler};
use gatepost::tls::issue::Authority;
use gatepost::tls::server::ServerTls;
use gatepost::{Server, Session};
use http::{Request, Response};

const DAY: Duration = Duration::from_secs(86_400);
const SECRET: &str = "hunter2";

/// A server that redirects `/to/STATUS?URL` and otherwise tells what reached it.
struct Signpost {
    running: Running,
    authority: Authority,
}

impl Signpost {
    fn put_up() -> Self {
        let authority = Authority::create("Signpost CA", clock::now(), DAY).unwrap();
        let leaf = authority.issue_server(&["localhost".into(), "127.0.0.1".into()], clock::now(), DAY).unwrap();
        let tls = Arc::new(ServerTls::single(&leaf.chain, &leaf.key).unwrap());
        let site = handler(Guard::DangerOpen, point);
        let running = Server::new(site).listen(SocketAddr::from(([127, 0, 0, 1], 0)), tls).start().unwrap();
        Self { running, authority }
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.running.addresses()[0].port())
    }
}

async fn point(request: Request<Body>, _visitor: Visitor) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Some(status) = head.uri.path().strip_prefix("/to/") else {
        let body = body.collect(1024).await.unwrap();
        let fields = format!("{:?}", head.headers);
        let text = String::from_utf8_lossy(&body);
        return Response::new(Body::from(format!("{} {} {text} {fields}", head.method, head.uri.path())));
    };
    let location = head.uri.query().unwrap_or_default().to_owned();
    let response = Response::builder().status(status.parse::<u16>().unwrap()).header("location", location);
    response.body(Body::empty()).unwrap()
}

fn session(houses: &[&Signpost]) -> SessionBuilder {
    let roots = houses.iter().map(|house| house.authority.certificate_der().to_vec()).collect();
    Session::builder().roots(Roots::Only(roots))
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect(8192).await.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn the_method_and_the_body_follow_the_status() {
    let house = Signpost::put_up();
    let session = session(&[&house]).build().unwrap();
    for (status, seen) in
        [(301, "GET /end  "), (303, "GET /end  "), (307, "POST /end hello "), (308, "POST /end hello ")]
    {
        let answer = session.post(&house.url(&format!("/to/{status}?/end"))).body("hello").send().await.unwrap();
        let text = text(answer).await;
        assert!(text.starts_with(seen), "{status}: {text}");
    }
}

#[tokio::test]
async fn secrets_stay_at_their_origin() {
    let (here, there) = (Signpost::put_up(), Signpost::put_up());
    let session = session(&[&here, &there]).build().unwrap();
    let fields = [("authorization", "Bearer hunter2"), ("cookie", "id=hunter2"), ("x-wsse", "hunter2")];
    let ask = |to: String| {
        let request = session.get(&here.url(&format!("/to/302?{to}"))).header("x-plain", "kept");
        fields.iter().fold(request, |request, (name, value)| request.header(name, value))
    };
    let same = text(ask(here.url("/end")).send().await.unwrap()).await;
    assert_eq!(same.matches(SECRET).count(), 3, "{same}");
    let other = text(ask(there.url("/end")).send().await.unwrap()).await;
    assert_eq!(other.matches(SECRET).count(), 0, "{other}");
    assert!(other.contains("kept"), "{other}");
}

#[tokio::test]
async fn downgrades_circles_and_long_ways_are_refused() {
    let house = Signpost::put_up();
    let plain = house.url("/end").replacen("https", "http", 1);
    let circle = house.url("/to/302?/to/302?/end");
    let session = session(&[&house]).redirects(RedirectRules { max: 1 }).build().unwrap();
    let refused =
        [house.url(&format!("/to/302?{plain}")), house.url("/to/302?ftp://h/"), circle.replace("/end", "/to/302?/end")];
    for url in refused {
        let error = session.get(&url).send().await.unwrap_err();
        assert!(error.is_denied(), "{url}: {error}");
    }
}

#[tokio::test]
async fn a_credential_does_not_follow_a_redirect_to_another_origin() {
    let (here, there) = (Signpost::put_up(), Signpost::put_up());
    let session = session(&[&here, &there])
        .credential(Credential::login("ali", SECRET))
        .scheme("Basic")
        .preauthenticate(gatepost::client::context::Preauthenticate::Always)
        .build()
        .unwrap();
    let end = text(session.get(&here.url("/end")).send().await.unwrap()).await;
    assert!(end.contains("authorization"), "{end}");
    let url = here.url(&format!("/to/307?{}", there.url("/end")));
    let end = text(session.get(&url).send().await.unwrap()).await;
    assert!(end.starts_with("GET /end"), "{end}");
    assert!(!end.contains("authorization"), "{end}");
}

#[tokio::test]
async fn plain_http_goes_nowhere_unless_named() {
    let session = Session::builder().roots(Roots::Only(Vec::new())).build().unwrap();
    let error = session.get("http://127.0.0.1:9/").send().await.unwrap_err();
    assert!(error.is_denied(), "{error}");
    assert_eq!(gatepost::model::fault::Fault::code(&error), "GP-CORE-001");
}
