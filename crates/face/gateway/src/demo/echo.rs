//! The echo: what came, as JSON for programs and as a page for people.

use gatepost::net::body::Body;
use gatepost::server::denied::Denied;
use gatepost::server::respond::Reader;
use gatepost::server::site::Visitor;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderValue, VARY};
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};

use crate::chosen::Chosen;
use crate::demo::{page, websocket};
use crate::forward;

/// How much of a body is echoed.
const LONGEST: usize = 64 * 1024;

/// Where the WebSocket echo is.
const WEBSOCKET: &str = "/ws";

/// Answers with what came, as a service behind the gate would see it.
pub(crate) async fn answer(
    chosen: &Chosen,
    mut request: Request<Body>,
    visitor: &Visitor,
) -> Result<Response<Body>, Denied> {
    if request.uri().path() == WEBSOCKET {
        let expires = visitor.principal.as_ref().and_then(|principal| principal.expires);
        return Ok(websocket::answer(&mut request, expires));
    }
    let (head, body) = forward::prepare(chosen, request, visitor)?.request.into_parts();
    let Ok(octets) = body.collect(LONGEST).await else {
        return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "413 the echo takes 64 KiB at most\n"));
    };
    let seen = json!({
        "method": head.method.as_str(),
        "path": head.uri.path(),
        "query": head.uri.query(),
        "protocol": visitor.peer.protocol,
        "tls": visitor.peer.tls,
        "you": visitor.principal.as_ref().map(|principal| &principal.name),
        "scheme": visitor.principal.as_ref().map(|principal| principal.scheme),
        "headers": headers(&head.headers),
        "body": String::from_utf8_lossy(&octets),
    });
    if Reader::of(&head.headers) == Reader::Browser {
        return Ok(with_type(page::page(&seen, chosen.route()?.identity.as_str()), "text/html; charset=utf-8"));
    }
    Ok(with_type(format!("{seen:#}\n"), "application/json"))
}

/// Field values in order; a name that stands twice has a list.
fn headers(headers: &HeaderMap) -> Value {
    let values = |name| {
        let all: Vec<_> = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        if let [one] = all.as_slice() { json!(one) } else { json!(all) }
    };
    Value::Object(headers.keys().map(|name| (name.to_string(), values(name))).collect())
}

fn with_type(body: String, kind: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(VARY, HeaderValue::from_static("accept"));
    // What came is escaped; should an escape ever be missing, nothing of it runs.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";
    fields.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    fields.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
