//! Where an HTTP/2 head becomes a handler's request, and a handler's answer an HTTP/2 head.

use gatepost_http::{fields, framing};
use gatepost_model::limits::Limits;
use h2::RecvStream;
use h2::ext::Protocol;
use http::header::{self, COOKIE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::Body as _;
use tokio::sync::oneshot;

use crate::body::Body;
use crate::date::date;
use crate::http2::incoming::Incoming;
use crate::http2::leftover::{self, Leftover};
use crate::upgrade::{self, Duplex, Extended};

/// A request as handlers see it, and what its answer has to see to.
pub(super) struct Admitted {
    pub(super) request: Request<Body>,
    pub(super) leftover: Option<Leftover>,
    /// Whether the answer has no body whatever it says (RFC 9110 §9.3.2).
    pub(super) bodiless: bool,
    /// The status of the refusal, if no handler may see it.
    pub(super) refused: Option<StatusCode>,
    /// What its upgrade is kept with, if it is an extended CONNECT.
    pub(super) promise: Option<oneshot::Sender<Duplex>>,
}

/// Makes a handler's request of what came.
pub(super) fn admit(mut request: Request<RecvStream>, limits: &Limits) -> Admitted {
    let refused = check(&request, limits).err();
    join_cookies(request.headers_mut());
    if request.extensions().get::<Protocol>().is_some() {
        return admit_extended(request, refused);
    }
    let bodiless = request.method() == Method::HEAD;
    if request.body().is_end_stream() {
        return Admitted { request: request.map(|_| Body::empty()), leftover: None, bodiless, refused, promise: None };
    }
    let (head, stream) = request.into_parts();
    let (wanted, leftover) = leftover::keep(Incoming::new(stream, &head.headers, "the request"));
    let body = Body::streaming(wanted).paced(limits.body_time).at_least(limits.body_rate, limits.rate_grace);
    let body = match limits.body_bytes {
        Some(limit) => body.limited(limit),
        None => body,
    };
    let request = Request::from_parts(head, body);
    Admitted { request, leftover: Some(leftover), bodiless, refused, promise: None }
}

/// Makes a handler's request of an extended CONNECT (RFC 8441 §4): one without a body, whose stream is the
/// promised upgrade.
fn admit_extended(request: Request<RecvStream>, refused: Option<StatusCode>) -> Admitted {
    let refused = refused.or_else(|| check_extended(&request, request.body().is_end_stream()).err());
    let (mut head, stream) = request.into_parts();
    let leftover = leftover::shelve(Incoming::new(stream, &HeaderMap::new(), "the request"));
    // Whoever passes the request on must not ask for it by accident.
    head.extensions.remove::<Protocol>();
    let promise = refused.is_none().then(|| {
        head.extensions.insert(Extended::WebSocket);
        upgrade::promise(&mut head.extensions)
    });
    let request = Request::from_parts(head, Body::empty());
    Admitted { request, leftover: Some(leftover), bodiless: false, refused, promise }
}

/// An extended CONNECT that no handler may see.
fn check_extended<B>(request: &Request<B>, ended: bool) -> Result<(), StatusCode> {
    let protocol = request.extensions().get::<Protocol>().map_or("", Protocol::as_str);
    // RFC 9220 §3 says so for HTTP/3, and RFC 8441 nothing else.
    if !protocol.eq_ignore_ascii_case("websocket") {
        return Err(if is_token(protocol) { StatusCode::NOT_IMPLEMENTED } else { StatusCode::BAD_REQUEST });
    }
    // Its content is the other protocol's (RFC 9110 §9.3.6): it has no length, and must be able to come.
    if ended || [header::CONTENT_LENGTH, header::EXPECT].iter().any(|name| request.headers().contains_key(name)) {
        return Err(StatusCode::BAD_REQUEST);
    }
    Ok(())
}

/// RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet))
}

/// Makes an HTTP/2 head of a handler's answer. There is no body if the request was `bodiless`, or the status has none.
pub(super) fn respond(answer: Response<Body>, bodiless: bool) -> (Response<()>, Body) {
    let (mut head, body) = answer.into_parts();
    strip_connection(&mut head.headers);
    head.headers.remove(header::TE);
    // Not by `entry`: that makes room for one more in any case.
    if !head.headers.contains_key(header::DATE) {
        head.headers.insert(header::DATE, date());
    }
    if !body.is_end_stream() && !head.headers.contains_key(header::CONTENT_LENGTH) {
        // RFC 9110 §8.6: so much would be sent.
        if let Some(length) = body.size_hint().exact() {
            head.headers.insert(header::CONTENT_LENGTH, length.into());
        }
    }
    if head.status == StatusCode::NO_CONTENT {
        head.headers.remove(header::CONTENT_LENGTH);
    }
    // RFC 9110 §6.4.1.
    let none = bodiless || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    (Response::from_parts(head, ()), if none { Body::empty() } else { body })
}

/// The answer to a request that no handler may see.
pub(super) fn refusal(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer
}

/// RFC 9113 §8.2.3: a client may send its cookies in crumbs; whoever is not HTTP/2 gets one field.
fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(COOKIE).iter().nth(1).is_none() {
        return;
    }
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    // Values joined by what a value may hold make a value.
    if let Ok(whole) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        headers.insert(COOKIE, whole);
    }
}

/// What h2 lets pass and our HTTP/1.1 core does not: a request may go on in either protocol, and must
/// mean one thing in both.
fn check<B>(request: &Request<B>, limits: &Limits) -> Result<(), StatusCode> {
    // RFC 6585 §5. h2 bounds the octets of a head, not the number of its fields.
    if request.headers().len() > limits.head_fields {
        return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    framing::request(Version::HTTP_11, request.headers()).map_err(|error| error.status())?;
    framing::expects_continue(Version::HTTP_11, request.headers()).map_err(|error| error.status())?;
    if request.headers().keys().any(|name| fields::masks_framing(name.as_str())) {
        return Err(StatusCode::BAD_REQUEST);
    }
    Ok(())
}

/// Removes what speaks of a connection: in HTTP/2 it makes a message malformed (RFC 9113 §8.2.2). TE is the caller's.
pub(super) fn strip_connection(headers: &mut HeaderMap) {
    if let Some(connection) = headers.remove(header::CONNECTION) {
        let listed = connection.to_str().unwrap_or_default().split(',').map(str::trim);
        for name in listed {
            headers.remove(name);
        }
    }
    for name in [header::TRANSFER_ENCODING, header::UPGRADE] {
        headers.remove(name);
    }
    for name in ["keep-alive", "proxy-connection"] {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fields, and the status that they are refused with.
    type Case = (&'static [(&'static str, &'static str)], Result<(), u16>);

    #[test]
    fn a_head_that_http1_would_refuse_is_refused() {
        let table: &[Case] = &[
            (&[], Ok(())),
            (&[("content-length", "3"), ("expect", "100-continue")], Ok(())),
            (&[("content-length", "3"), ("content-length", "3")], Err(400)),
            (&[("content-length", "03")], Err(400)),
            (&[("transfer_encoding", "chunked")], Err(400)),
            (&[("content.length", "3")], Err(400)),
            (&[("expect", "200-maybe")], Err(417)),
            (&[("a", "1"), ("b", "1"), ("c", "1")], Err(431)),
        ];
        let limits = Limits { head_fields: 2, ..Limits::default() };
        for (fields, expected) in table {
            let request =
                fields.iter().fold(Request::builder(), |builder, (name, value)| builder.header(*name, *value));
            let checked = check(&request.body(()).unwrap(), &limits).map_err(|status| status.as_u16());
            assert_eq!(checked, *expected, "{fields:?}");
        }
    }

    #[test]
    fn an_answer_says_what_http2_lets_it_say() {
        let table = [
            (200, false, "ok", "content-length: 2", "ok"),
            (200, false, "", "", ""),
            (200, true, "ok", "content-length: 2", ""),
            (204, false, "no", "", ""),
            (304, false, "no", "content-length: 2", ""),
        ];
        for (status, bodiless, said, expected, sent) in table {
            let answer = Response::builder().status(status).header("connection", "close, x-hop").header("x-hop", "1");
            let answer =
                answer.header("date", "now").header("upgrade", "h2c").header("keep-alive", "1").header("te", "x");
            let (head, body) = respond(answer.body(said.into()).unwrap(), bodiless);
            let fields: Vec<String> =
                head.headers().iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
            let fields = fields.join("|").replace("date: now", "").trim_matches('|').to_owned();
            assert_eq!(
                (fields.as_str(), body.size_hint().exact()),
                (expected, u64::try_from(sent.len()).ok()),
                "{status}"
            );
        }
        assert!(respond(Response::new(Body::empty()), false).0.headers().contains_key("date"));
    }

    #[test]
    fn an_extended_connect_that_is_refused() {
        let none: &[&str] = &[];
        let table = [
            ("websocket", false, none, Ok(())),
            ("WebSocket", false, none, Ok(())),
            ("connect-udp", false, none, Err(501)),
            ("web socket", false, none, Err(400)),
            ("", false, none, Err(400)),
            ("websocket", true, none, Err(400)),
            ("websocket", false, &["content-length"], Err(400)),
            ("websocket", false, &["expect"], Err(400)),
        ];
        for (protocol, ended, fields, expected) in table {
            let builder = Request::builder().method("CONNECT").extension(Protocol::from(protocol));
            let request = fields.iter().fold(builder, |builder, name| builder.header(*name, "0")).body(()).unwrap();
            let checked = check_extended(&request, ended).map_err(|status| status.as_u16());
            assert_eq!(checked, expected, "{protocol} {ended} {fields:?}");
        }
    }

    #[test]
    fn crumbs_become_one_cookie() {
        for (crumbs, whole) in [(&["a=1"][..], "a=1"), (&["a=1", "b=2", "c"], "a=1; b=2; c")] {
            let mut headers = HeaderMap::new();
            for crumb in crumbs {
                headers.append("cookie", crumb.parse().unwrap());
            }
            join_cookies(&mut headers);
            assert_eq!(headers.get_all("cookie").iter().collect::<Vec<_>>(), [whole]);
        }
    }
}
