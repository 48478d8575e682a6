//! An ACME authority on loopback (RFC 8555) with moods. It takes every signature: what is tested is the other end.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use gatepost::Server;
use gatepost::auth::jose::base64url;
use gatepost::clock;
use gatepost::model::secret::Secret;
use gatepost::model::url::Url;
use gatepost::net::body::Body;
use gatepost::server::serve::Running;
use gatepost::server::site::{Guard, handler};
use gatepost::tls::certificate::Certificate;
use gatepost::tls::issue::Authority;
use gatepost::tls::pem;
use gatepost::tls::server::ServerTls;
use http::{Request, Response};
use rcgen::{CertificateSigningRequestParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

pub(crate) const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

/// What the authority does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Good,
    /// Issues what is due already and ends in six seconds.
    Late,
    /// Would have everything renewed at once (RFC 9773).
    Advises,
    /// 429 with a wait for each order.
    Limits,
    /// Takes no nonce the first time.
    Forgets,
    /// Does not know the account the first time.
    Renounces,
    /// Answers an order with a web page and 503.
    Page,
    /// Sends elsewhere.
    Redirects,
    /// Has an empty page for a directory.
    Mumbles,
    /// Has a directory that does not end.
    Babbles,
    /// Takes orders in the clear.
    Plain,
    /// Wants more proofs than there are names.
    Multiplies,
    /// Wants a proof for a name that nobody asked for.
    Digresses,
    /// Gives a token that leads out of its place.
    Climbs,
    /// Takes proofs in the DNS only.
    Dns,
    /// Is never convinced.
    Doubts,
    /// Refuses the name.
    Refuses,
    /// Issues for other names.
    OtherNames,
    /// Issues for one name more.
    MoreNames,
    /// Issues for its own key.
    OtherKey,
    /// Issues what has ended.
    Ended,
    /// Issues something that is no certificate.
    Nonsense,
}

/// What it knows.
pub(crate) struct House {
    authority: Authority,
    origin: Mutex<String>,
    mood: Mutex<Mood>,
    /// The mood of the next request alone has been shown.
    shown: Mutex<bool>,
    names: Mutex<Vec<String>>,
    replaces: Mutex<Value>,
    proved: Mutex<Vec<String>>,
    request: Mutex<Option<Vec<u8>>>,
    pub(crate) seen: Mutex<Vec<String>>,
    /// Where it asks in the clear, once it is told; `None`: it asks nowhere, and is convinced.
    asks: Option<watch::Receiver<Option<SocketAddr>>>,
    pub(crate) told: Mutex<Vec<String>>,
}

pub(crate) struct Fake {
    pub(crate) house: Arc<House>,
    running: Running,
}

impl Fake {
    pub(crate) fn start(mood: Mood) -> Self {
        Self::asking(mood, None)
    }

    pub(crate) fn asking(mood: Mood, asks: Option<watch::Receiver<Option<SocketAddr>>>) -> Self {
        let authority = Authority::create("Fake", clock::now(), 3650 * DAY).unwrap();
        let own = authority.issue_server(&["127.0.0.1".to_owned()], clock::now(), 30 * DAY).unwrap();
        let tls = ServerTls::single(&own.chain, &own.key).unwrap();
        let house = Arc::new(House {
            authority,
            origin: Mutex::default(),
            mood: Mutex::new(mood),
            shown: Mutex::default(),
            names: Mutex::default(),
            replaces: Mutex::default(),
            proved: Mutex::default(),
            request: Mutex::default(),
            seen: Mutex::default(),
            asks,
            told: Mutex::default(),
        });
        let inside = Arc::clone(&house);
        let site = handler(Guard::DangerOpen, move |request: Request<Body>, _| {
            let inside = Arc::clone(&inside);
            async move { inside.answer(request).await }
        });
        let running = Server::new(site).workers(1).listen(([127, 0, 0, 1], 0).into(), Arc::new(tls)).start().unwrap();
        *house.origin.lock().unwrap() = format!("https://{}", running.addresses()[0]);
        Self { house, running }
    }

    pub(crate) fn directory(&self) -> Url {
        Url::parse(&format!("https://{}/dir", self.running.addresses()[0])).unwrap()
    }

    pub(crate) fn ca_pem(&self) -> String {
        self.house.authority.certificate_pem()
    }

    pub(crate) fn turn_to(&self, mood: Mood) {
        *self.house.mood.lock().unwrap() = mood;
        *self.house.shown.lock().unwrap() = false;
    }

    /// What the last order said that it replaces.
    pub(crate) fn replaced(&self) -> Option<String> {
        self.house.replaces.lock().unwrap().as_str().map(str::to_owned)
    }

    /// How many requests to that path there were.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.house.seen.lock().unwrap().iter().filter(|seen| seen.as_str() == path).count()
    }
}

impl House {
    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        self.seen.lock().unwrap().push(path.clone());
        let body = request.into_body().collect(1 << 20).await.unwrap();
        let jws: Value = serde_json::from_slice(&body).unwrap_or_default();
        let payload = jws["payload"].as_str().and_then(base64url::decode).unwrap_or_default();
        let payload: Value = serde_json::from_slice(&payload).unwrap_or_default();
        let mood = *self.mood.lock().unwrap();
        match path.as_str() {
            "/dir" => self.directory(mood),
            "/nonce" => reply(200, &Value::Null),
            "/account/1" => reply(200, &json!({ "status": "valid" })),
            "/account" => with("location", &self.at("/account/1"), reply(201, &json!({ "status": "valid" }))),
            "/order" => self.order(mood, &payload),
            "/order/1" => reply(200, &self.state(mood)),
            "/finalize" => {
                *self.request.lock().unwrap() = payload["csr"].as_str().and_then(base64url::decode);
                reply(200, &self.state(mood))
            }
            "/cert" => text("application/pem-certificate-chain", self.certificate(mood)),
            _ => match path.split_at_checked(7) {
                Some(("/authz/", name)) => reply(200, &self.authorization(mood, name)),
                Some(("/renew/", _)) => with("retry-after", "600", reply(200, &advice())),
                Some(("/chall/", name)) => self.challenge(name).await,
                _ => problem(404, "malformed", "no such place"),
            },
        }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.origin.lock().unwrap())
    }

    /// Whether the mood shows now: once.
    fn once(&self) -> bool {
        !std::mem::replace(&mut *self.shown.lock().unwrap(), true)
    }

    fn directory(&self, mood: Mood) -> Response<Body> {
        let order = self.at("/order");
        let order = if mood == Mood::Plain { order.replace("https://", "http://") } else { order };
        match mood {
            Mood::Mumbles => text("text/html", "<p>".to_owned()),
            Mood::Babbles => text("application/json", " ".repeat(600 * 1024)),
            Mood::Redirects => with("location", &self.at("/other"), reply(302, &Value::Null)),
            _ => {
                let (nonce, account) = (self.at("/nonce"), self.at("/account"));
                let mut value = json!({ "newNonce": nonce, "newAccount": account, "newOrder": order });
                if mood == Mood::Advises {
                    value["renewalInfo"] = json!(self.at("/renew"));
                }
                reply(200, &value)
            }
        }
    }

    fn order(&self, mood: Mood, payload: &Value) -> Response<Body> {
        match mood {
            Mood::Limits => return with("retry-after", "7", problem(429, "rateLimited", "too many")),
            Mood::Forgets if self.once() => return problem(400, "badNonce", "again"),
            Mood::Renounces if self.once() => return problem(400, "accountDoesNotExist", "who?"),
            Mood::Page => return page(503),
            Mood::Refuses => return problem(403, "rejectedIdentifier", "not that\nname"),
            _ => {}
        }
        let named = payload["identifiers"].as_array().unwrap().iter();
        *self.names.lock().unwrap() = named.map(|name| name["value"].as_str().unwrap().to_owned()).collect();
        *self.replaces.lock().unwrap() = payload["replaces"].clone();
        self.proved.lock().unwrap().clear();
        *self.request.lock().unwrap() = None;
        with("location", &self.at("/order/1"), reply(201, &self.state(mood)))
    }

    fn state(&self, mood: Mood) -> Value {
        let names = self.names.lock().unwrap().clone();
        let asked = self.proved.lock().unwrap().len() == names.len();
        let status = match (mood, asked, self.request.lock().unwrap().is_some()) {
            (_, false, _) => "pending",
            (Mood::Doubts, ..) => "invalid",
            (_, true, false) => "ready",
            (_, true, true) => "valid",
        };
        let times = if mood == Mood::Multiplies { 1000 } else { 1 };
        let names = std::iter::repeat_n(&names, times).flatten();
        let authorizations: Vec<String> = names.map(|name| self.at(&format!("/authz/{name}"))).collect();
        let replaces = self.replaces.lock().unwrap().clone();
        let (finalize, certificate) = (self.at("/finalize"), self.at("/cert"));
        let mut state = json!({ "status": status, "authorizations": authorizations, "replaces": replaces });
        (state["finalize"], state["certificate"]) = (json!(finalize), json!(certificate));
        state
    }

    fn authorization(&self, mood: Mood, name: &str) -> Value {
        let value = if mood == Mood::Digresses { "evil.test" } else { name };
        let proved = self.proved.lock().unwrap().iter().any(|proved| proved == name);
        let error = (proved && mood == Mood::Doubts)
            .then(|| json!({ "type": "urn:ietf:params:acme:error:unauthorized", "detail": "saw nothing" }));
        let kinds: &[&str] = if mood == Mood::Dns { &["dns-01"] } else { &["http-01", "tls-alpn-01"] };
        let token = if mood == Mood::Climbs { "../../admin".to_owned() } else { token(name) };
        let url = self.at(&format!("/chall/{name}"));
        let challenge =
            |kind: &&str| json!({ "type": kind, "url": url, "token": token, "status": "pending", "error": error });
        let status = match (proved, mood) {
            (true, Mood::Doubts) => "invalid",
            (true, _) => "valid",
            _ => "pending",
        };
        let challenges: Vec<Value> = kinds.iter().map(challenge).collect();
        json!({ "identifier": { "type": "dns", "value": value }, "status": status, "challenges": challenges })
    }

    async fn challenge(&self, name: &str) -> Response<Body> {
        if let Some(asks) = &self.asks {
            let there = *asks.clone().wait_for(Option::is_some).await.unwrap();
            let answer = ask(there.unwrap(), name, &format!("/.well-known/acme-challenge/{}", token(name))).await;
            self.told.lock().unwrap().push(answer);
        }
        self.proved.lock().unwrap().push(name.to_owned());
        reply(200, &json!({ "type": "http-01", "url": self.at("/x"), "token": token(name), "status": "processing" }))
    }

    fn certificate(&self, mood: Mood) -> String {
        if mood == Mood::Nonsense {
            return "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned();
        }
        let names = self.names.lock().unwrap().clone();
        if mood == Mood::OtherKey {
            return pems(&self.authority.issue_server(&names, clock::now(), 10 * DAY).unwrap().chain);
        }
        let request = self.request.lock().unwrap().clone().unwrap();
        let mut request =
            CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(request)).unwrap();
        let own = |names: &[&str]| {
            names.iter().map(|name| rcgen::SanType::DnsName((*name).try_into().unwrap())).collect::<Vec<_>>()
        };
        match mood {
            Mood::OtherNames => request.params.subject_alt_names = own(&["other.test"]),
            Mood::MoreNames => request.params.subject_alt_names.extend(own(&["bank.test"])),
            _ => {}
        }
        let now = rcgen::date_time_ymd(1970, 1, 1)
            + std::time::Duration::from_millis(clock::now().as_millis().unsigned_abs());
        (request.params.not_before, request.params.not_after) = match mood {
            Mood::Ended => (now - 2 * DAY, now - DAY),
            Mood::Late => (now - DAY, now + DAY / 14_400),
            _ => (now, now + 10 * DAY),
        };
        request.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        request.params.use_authority_key_identifier_extension = true;
        let leaf = request.signed_by(&self.issuer()).unwrap();
        pems(&[leaf.der().to_vec(), self.authority.certificate_der().to_vec()])
    }

    fn issuer(&self) -> Issuer<'static, KeyPair> {
        let key: Secret = self.authority.key();
        let key = PrivatePkcs8KeyDer::from(key.reveal().to_vec());
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&key, &PKCS_ECDSA_P256_SHA256).unwrap();
        Issuer::from_ca_cert_der(&CertificateDer::from(self.authority.certificate_der()), key).unwrap()
    }
}

/// What a web server in front of an authority says.
fn page(status: u16) -> Response<Body> {
    let mut page = text("text/html", "<p>".to_owned());
    *page.status_mut() = status.try_into().unwrap();
    page
}

/// A span that is over.
fn advice() -> Value {
    json!({ "suggestedWindow": { "start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z" } })
}

/// The facts of a certificate that somebody is shown.
pub(crate) fn names_of(der: &[u8]) -> Vec<String> {
    Certificate::parse(der).unwrap().names()
}

/// What a plain listener answers a request, whole.
pub(crate) async fn ask(address: SocketAddr, host: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

/// The token of a name.
pub(crate) fn token(name: &str) -> String {
    base64url::encode(format!("token of {name}").as_bytes())
}

fn pems(chain: &[Vec<u8>]) -> String {
    chain.iter().map(|der| pem::certificate_pem(der)).collect()
}

fn reply(status: u16, value: &Value) -> Response<Body> {
    let mut response = text("application/json", value.to_string());
    *response.status_mut() = status.try_into().unwrap();
    response
}

fn problem(status: u16, kind: &str, detail: &str) -> Response<Body> {
    let value = json!({ "type": format!("urn:ietf:params:acme:error:{kind}"), "detail": detail });
    with("content-type", "application/problem+json", reply(status, &value))
}

fn text(kind: &str, body: String) -> Response<Body> {
    let response = with("content-type", kind, Response::new(Body::from(body)));
    with("replay-nonce", "bm9uY2U", response)
}

fn with(name: &'static str, value: &str, mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(name, value.parse().unwrap());
    response
}
