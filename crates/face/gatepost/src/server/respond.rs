//! The one place where a refusal becomes what the wire sees.

use gatepost_auth::challenge::Challenge;
use gatepost_net::body::Body;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, UPGRADE, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

use crate::server::denied::Denied;

/// Puts a refusal into a status, a line of text and the fields that go with it.
///
/// The text names the fault and who is at fault, and nothing of what is behind the gateway.
#[must_use]
pub fn respond(denied: &Denied) -> Response<Body> {
    match denied {
        Denied::BadRequest(fault) => plain(StatusCode::BAD_REQUEST, fault),
        Denied::TooLarge => plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than it may be"),
        Denied::TimedOut => plain(StatusCode::REQUEST_TIMEOUT, "the rest of the request did not come in time"),
        Denied::BadCredentials => plain(StatusCode::BAD_REQUEST, "the credentials are malformed"),
        Denied::Unauthenticated(challenges) => challenge(challenges),
        Denied::Forbidden => plain(StatusCode::FORBIDDEN, "you may not do this here"),
        Denied::NoRoute => plain(StatusCode::NOT_FOUND, "nothing answers at this host and path"),
        Denied::Misdirected => {
            plain(StatusCode::MISDIRECTED_REQUEST, "this connection was made for another name: open a new one")
        }
        Denied::UpgradeRequired(protocol) => {
            let mut response = plain(StatusCode::UPGRADE_REQUIRED, "this resource speaks another protocol");
            // RFC 9110 §15.5.22: a 426 names the protocols, and Connection lists Upgrade.
            response.headers_mut().insert(UPGRADE, HeaderValue::from_static(protocol));
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
            response
        }
        Denied::BadGateway(fault) => plain(StatusCode::BAD_GATEWAY, fault),
        Denied::GatewayTimeout => plain(StatusCode::GATEWAY_TIMEOUT, "the upstream did not answer in time"),
        Denied::Unavailable => {
            let mut response =
                plain(StatusCode::SERVICE_UNAVAILABLE, "the gateway cannot decide now: try again in a moment");
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            response
        }
    }
}

/// A 401 with one `WWW-Authenticate` line per scheme: many clients read no further than the first
/// challenge of a line, although RFC 9110 §11.6.1 lets a list stand in one.
fn challenge(challenges: &[Challenge]) -> Response<Body> {
    let mut response = plain(StatusCode::UNAUTHORIZED, "say who you are: see WWW-Authenticate");
    for challenge in challenges {
        if let Ok(value) = challenge.to_header_value() {
            response.headers_mut().append(WWW_AUTHENTICATE, value);
        }
    }
    response
}

/// A short text answer that no cache keeps.
fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{} {text}\n", status.as_u16())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
