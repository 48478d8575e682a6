//! The one place where a refusal becomes what the wire sees.

use gatepost_auth::challenge::Challenge;
use gatepost_net::body::Body;
use gatepost_ws::error::WsError;
use gatepost_ws::handshake::refusal::refusal;
use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, RETRY_AFTER, VARY, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Response, StatusCode};

use crate::server::denied::Denied;

/// Who reads the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A person before a browser: a small page.
    Browser,
    /// Anything else: a line of text.
    Program,
}

impl Reader {
    /// Who sent these fields: a browser names `text/html` in Accept, and curl and programs do not.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let html = b"text/html";
        let names =
            |value: &HeaderValue| value.as_bytes().windows(html.len()).any(|part| part.eq_ignore_ascii_case(html));
        if headers.get_all(ACCEPT).iter().any(names) { Self::Browser } else { Self::Program }
    }
}

/// Puts a refusal into a status, a line of text or a small page, and the fields that go with it.
///
/// The text names the fault and who is at fault, and nothing of what is behind the gateway. Nothing that the
/// peer sent is in it.
#[must_use]
pub fn respond(denied: &Denied, reader: Reader) -> Response<Body> {
    let told = |status, text| told(status, text, reader);
    match denied {
        Denied::BadRequest(fault) => told(StatusCode::BAD_REQUEST, fault),
        Denied::TooLarge => told(StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than it may be"),
        Denied::TimedOut => told(StatusCode::REQUEST_TIMEOUT, "the rest of the request did not come in time"),
        Denied::BadCredentials => told(StatusCode::BAD_REQUEST, "the credentials are malformed"),
        Denied::Unauthenticated(challenges) => challenge(challenges, reader),
        Denied::TooMany(time) => {
            let mut response = told(StatusCode::TOO_MANY_REQUESTS, "too many wrong proofs: wait before the next try");
            // RFC 6585 §4; rounded up, so that who comes then is not too early again.
            let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0)).max(1);
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
            response
        }
        Denied::Forbidden => told(StatusCode::FORBIDDEN, "you may not do this here"),
        // There is no challenge for it, and only a new connection could help (RFC 9110 §15.5.4).
        Denied::CertificateWanted => told(StatusCode::FORBIDDEN, "a client certificate is demanded here"),
        Denied::CertificateRefused => told(StatusCode::FORBIDDEN, "this client certificate is not taken here"),
        Denied::NoRoute => told(StatusCode::NOT_FOUND, "nothing answers at this host and path"),
        Denied::Misdirected => {
            told(StatusCode::MISDIRECTED_REQUEST, "this connection was made for another name: open a new one")
        }
        Denied::UpgradeRequired(version) => {
            let (status, fields) = refusal(&WsError::Version, *version);
            let mut response = told(status, "this resource speaks another protocol");
            response.headers_mut().extend(fields);
            response
        }
        Denied::NotImplemented(what) => told(StatusCode::NOT_IMPLEMENTED, what),
        Denied::BadGateway(fault) => told(StatusCode::BAD_GATEWAY, fault),
        Denied::GatewayTimeout => told(StatusCode::GATEWAY_TIMEOUT, "the upstream did not answer in time"),
        Denied::Unavailable => later("the gateway cannot decide now: try again in a moment", "1", reader),
        Denied::Overloaded => later("the gateway is overloaded: try again in a few seconds", "5", reader),
    }
}

/// A 503 that says after how many seconds it is worth another try (RFC 9110 §10.2.3).
fn later(text: &'static str, seconds: &'static str, reader: Reader) -> Response<Body> {
    let mut response = told(StatusCode::SERVICE_UNAVAILABLE, text, reader);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(seconds));
    response
}

/// A 401 with one `WWW-Authenticate` line per scheme: many clients read no further than the first
/// challenge of a line, although RFC 9110 §11.6.1 lets a list stand in one.
fn challenge(challenges: &[Challenge], reader: Reader) -> Response<Body> {
    let text = match reader {
        Reader::Browser => "say who you are: load this page again to be asked",
        Reader::Program => "say who you are: see WWW-Authenticate",
    };
    let mut response = told(StatusCode::UNAUTHORIZED, text, reader);
    for challenge in challenges {
        if let Ok(value) = challenge.to_header_value() {
            response.headers_mut().append(WWW_AUTHENTICATE, value);
        }
    }
    response
}

/// A short answer that no cache keeps. `text` is ours: it goes into the page as it is.
fn told(status: StatusCode, text: &'static str, reader: Reader) -> Response<Body> {
    let (body, kind) = match reader {
        Reader::Browser => (page(status, text), "text/html; charset=utf-8"),
        Reader::Program => (format!("{} {text}\n", status.as_u16()), "text/plain; charset=utf-8"),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(VARY, HeaderValue::from_static("accept"));
    fields.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if reader == Reader::Browser {
        let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";
        fields.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    }
    response
}

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1b2430;--soft:#566273;--ground:#f4f6f9}\
@media(prefers-color-scheme:dark){:root{--ink:#e6ebf1;--soft:#a3afbc;--ground:#10151b}}\
body{margin:0;min-height:90vh;display:grid;place-items:center;background:var(--ground);color:var(--ink);\
font:1rem/1.5 system-ui,sans-serif}main{max-width:36rem;padding:1.5rem}p{margin:0;color:var(--soft)}\
h1{font-size:clamp(1.5rem,6vw,2rem);line-height:1.25;margin:.3rem 0;text-wrap:balance}";

/// The page: status, and what is wrong as a sentence. No script, no link, nothing to fetch.
fn page(status: StatusCode, text: &'static str) -> String {
    let (code, reason) = (status.as_u16(), status.canonical_reason().unwrap_or("Refused"));
    let (fault, advice) = text.split_once(": ").unwrap_or((text, ""));
    let (fault, advice) = (sentence(fault), sentence(advice));
    format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
<title>{code} {reason}</title><style>{STYLE}</style></head>\
<body><main><p>{code} {reason}</p><h1>{fault}</h1><p>{advice}</p></main></body></html>\n"
    )
}

/// A capital at the start and a full stop at the end; nothing stays nothing.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

#[cfg(test)]
mod tests {
    use http::Version;

    use super::*;

    async fn answer(denied: &Denied, accept: &'static str) -> (u16, String, String) {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
        let response = respond(denied, Reader::of(&headers));
        let kind = response.headers()[CONTENT_TYPE].to_str().unwrap().to_owned();
        let status = response.status().as_u16();
        let body = response.into_body().collect(64 * 1024).await.unwrap();
        (status, kind, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_line_for_programs_and_a_page_for_people() {
        let (status, kind, text) = answer(&Denied::NoRoute, "*/*").await;
        let expected = "404 nothing answers at this host and path\n";
        assert_eq!((status, kind.as_str(), text.as_str()), (404, "text/plain; charset=utf-8", expected));
        let (status, kind, text) = answer(&Denied::NoRoute, "Text/HTML,application/xml;q=0.9").await;
        assert_eq!((status, kind.as_str()), (404, "text/html; charset=utf-8"));
        assert!(text.contains("<p>404 Not Found</p><h1>Nothing answers at this host and path.</h1><p></p>"), "{text}");
        let (_, _, text) = answer(&Denied::Unauthenticated(Vec::new()), "text/html").await;
        assert!(text.contains("<h1>Say who you are.</h1><p>Load this page again to be asked.</p>"), "{text}");
    }

    #[test]
    fn who_comes_too_early_is_told_when_to_come_in_whole_seconds() {
        for (millis, seconds) in [(0, "1"), (1, "1"), (1000, "1"), (1001, "2"), (60_000, "60")] {
            let denied = Denied::TooMany(std::time::Duration::from_millis(millis));
            let response = respond(&denied, Reader::Program);
            assert_eq!(
                (response.status().as_u16(), &response.headers()[RETRY_AFTER]),
                (429, &seconds.parse().unwrap())
            );
        }
    }

    #[test]
    fn an_upgrade_is_asked_for_where_there_are_upgrades() {
        for (version, status, upgrade) in [(Version::HTTP_11, 426, Some("websocket")), (Version::HTTP_2, 400, None)] {
            let response = respond(&Denied::UpgradeRequired(version), Reader::Program);
            let field = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap());
            assert_eq!((response.status().as_u16(), field("upgrade")), (status, upgrade));
            assert_eq!((field("connection"), field("sec-websocket-version")), (upgrade.map(|_| "Upgrade"), Some("13")));
        }
    }
}
