//! What carries the conversation: our own client, with its verification of certificates and its bounds.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use gatepost::Session;
use gatepost::net::body::Body;
use gatepost::net::dial::Roots;
use gatepost::policy::redirects::RedirectRules;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient, Problem};
use serde_json::json;

/// The most that an answer may hold.
const LONGEST: usize = 512 * 1024;
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest time that an authority can make us wait.
const LONGEST_WAIT: u64 = 24 * 3600;
/// Who we say that we are (RFC 8555 §6.1).
const AGENT: &str = concat!("gatepost/", env!("CARGO_PKG_VERSION"));

/// One conversation's way to its authority. Clones share what was seen.
#[derive(Clone)]
pub(super) struct Wire {
    session: Session,
    seen: Arc<Mutex<Seen>>,
}

/// What the last answer said beside its body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Its status; 0 if there was none.
    pub(super) status: u16,
    /// How long it wants us to wait, at most a day.
    pub(super) wait: Option<Duration>,
}

impl Wire {
    /// A way on which these authorities are trusted. No redirect is followed: an authority names every address.
    pub(super) fn new(roots: Roots) -> Result<Self, gatepost::Error> {
        let session = Session::builder().roots(roots).redirects(RedirectRules { max: 0 }).build()?;
        Ok(Self { session, seen: Arc::default() })
    }

    /// What the last answer said.
    pub(super) fn seen(&self) -> Seen {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn exchange(self, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, Error> {
        self.note(Seen::default());
        let (head, body) = request.into_parts();
        let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let mut asking = self.session.request(head.method, &head.uri.to_string()).header("user-agent", AGENT);
        if let Some(kind) = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()) {
            asking = asking.header("content-type", kind);
        }
        let asking = if body.is_empty() { asking } else { asking.body(body) };
        let answer = asking.within(PATIENCE).send().await.map_err(other)?;
        let answer = tokio::time::timeout(PATIENCE, whole(answer)).await;
        let answer =
            answer.map_err(|_| other(gatepost::Error::environment("the answer did not end")))?.map_err(other)?;
        let (answer, seen) = tame(answer, SystemTime::now());
        self.note(seen);
        let (parts, body) = answer.into_parts();
        Ok(BytesResponse { parts, body: Box::new(body) })
    }

    fn note(&self, seen: Seen) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }
}

impl HttpClient for Wire {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        Box::pin(self.clone().exchange(request))
    }
}

async fn whole(answer: Response<Body>) -> Result<Response<Bytes>, gatepost::Error> {
    let (head, body) = answer.into_parts();
    Ok(Response::from_parts(head, body.collect(LONGEST).await?))
}

fn other(error: gatepost::Error) -> Error {
    Error::Other(Box::new(error))
}

/// Takes out of an answer what its reader would choke on: waits beyond all bounds, and errors that are no problem
/// documents (RFC 7807), as proxies and web servers in front of an authority send them.
fn tame(answer: Response<Bytes>, now: SystemTime) -> (Response<Bytes>, Seen) {
    let (mut head, body) = answer.into_parts();
    let wait = head.headers.get(RETRY_AFTER).and_then(|value| wait(value, now));
    head.headers.remove(RETRY_AFTER);
    if let Some(wait) = wait {
        head.headers.insert(RETRY_AFTER, HeaderValue::from(wait));
    }
    let seen = Seen { status: head.status.as_u16(), wait: wait.map(Duration::from_secs) };
    if head.status.is_success() {
        return (Response::from_parts(head, body), seen);
    }
    let is_problem = serde_json::from_slice::<Problem>(&body).is_ok();
    let said = || Bytes::from(json!({ "detail": format!("it answered {}", seen.status) }).to_string());
    // A redirect counts as an answer with its reader; for us it is none.
    if head.status.is_redirection() || head.status.is_informational() {
        head.status = StatusCode::BAD_GATEWAY;
        return (Response::from_parts(head, said()), seen);
    }
    (Response::from_parts(head, if is_problem { body } else { said() }), seen)
}

/// The seconds that an authority wants us to wait (RFC 9110 §10.2.3), at most a day.
fn wait(value: &HeaderValue, now: SystemTime) -> Option<u64> {
    let text = value.to_str().ok()?.trim();
    if text.bytes().all(|octet| octet.is_ascii_digit()) && !text.is_empty() {
        // More digits than a number has are a long time.
        return Some(text.parse().unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    Some(until.duration_since(now).map_or(0, |wait| wait.as_secs()).min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_authority_makes_us_wait_for_ever() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let table = [
            ("120", Some(120)),
            ("0", Some(0)),
            ("18446744073709551615", Some(LONGEST_WAIT)),
            ("99999999999999999999999", Some(LONGEST_WAIT)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sun, 06 Nov 1994 08:49:27 GMT", Some(0)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(LONGEST_WAIT)),
            ("soon", None),
            ("", None),
            ("-1", None),
        ];
        for (text, seconds) in table {
            assert_eq!(wait(&HeaderValue::from_static(text), now), seconds, "{text}");
        }
    }

    #[test]
    fn errors_of_others_become_problems() {
        let problem = r#"{"type":"urn:ietf:params:acme:error:malformed"}"#;
        let table = [
            (400, problem, 400, problem),
            (503, "<p>", 503, r#"{"detail":"it answered 503"}"#),
            (400, r#"{"detail":5}"#, 400, r#"{"detail":"it answered 400"}"#),
            (400, "[]", 400, r#"{"detail":"it answered 400"}"#),
            (302, problem, 502, r#"{"detail":"it answered 302"}"#),
            (200, "{}", 200, "{}"),
        ];
        for (status, body, shown, said) in table {
            let answer = Response::builder().status(status).body(Bytes::from(body)).unwrap();
            let (answer, seen) = tame(answer, SystemTime::UNIX_EPOCH);
            assert_eq!((answer.status().as_u16(), answer.body().as_ref()), (shown, said.as_bytes()));
            assert_eq!(seen, Seen { status, wait: None });
        }
    }
}
