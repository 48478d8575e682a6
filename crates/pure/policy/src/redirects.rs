//! Where a redirect leads, and with what (RFC 9110 §15.4).

use gatepost_model::url::{Url, UrlError};
use http::header::{HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use thiserror::Error;

/// How far redirects are followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectRules {
    /// How many in a row; 0 follows none. Default 10.
    pub max: usize,
}

impl Default for RedirectRules {
    fn default() -> Self {
        Self { max: 10 }
    }
}

/// One request that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// Its method.
    pub method: Method,
    /// Where it went.
    pub url: Url,
}

/// What to do with an answer that may be a redirect.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedirectPlan {
    /// Send this request. The transport policy still has to admit its address.
    Follow {
        /// Where to.
        url: Url,
        /// With which method.
        method: Method,
        /// Whether the body goes along; if not, [`strip_content`] takes its fields away.
        keep_body: bool,
        /// Whether the origin stays; if not, [`strip_on_cross_origin`] takes the secrets away.
        same_origin: bool,
    },
    /// Go no further.
    Stop(StopReason),
}

/// Why a redirect is not followed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StopReason {
    /// It is not a redirect: the answer is the answer.
    #[error("status {0} is not a redirect to follow")]
    NotARedirect(u16),
    /// There is no Location: the answer is the answer.
    #[error("the redirect has no Location")]
    NoLocation,
    /// The Location cannot be read.
    #[error("the Location of the redirect is not text")]
    NotText,
    /// The Location is no address that we go to.
    #[error("the Location of the redirect is unusable: {0}")]
    BadLocation(UrlError),
    /// From TLS to the clear.
    #[error("the redirect leads from TLS to the clear")]
    Downgrade,
    /// From HTTP to WebSocket or back.
    #[error("the redirect leads from `{from}` to `{to}`")]
    OtherProtocol {
        /// The URL scheme before.
        from: String,
        /// The URL scheme after.
        to: String,
    },
    /// The same request was sent before.
    #[error("the redirects go in a circle")]
    Loop,
    /// More than the rules allow.
    #[error("more than {0} redirects in a row")]
    TooMany(usize),
}

impl StopReason {
    /// Whether the answer is to be handed to the caller as it is. Otherwise it is a failure.
    #[must_use]
    pub fn is_final_answer(&self) -> bool {
        matches!(self, Self::NotARedirect(_) | Self::NoLocation)
    }
}

/// Plans the way on from an answer.
///
/// `answered` is the request that was answered, `earlier` the requests before it in this chain,
/// without repetitions for authentication.
#[must_use]
pub fn next(
    answered: &Hop,
    status: StatusCode,
    location: Option<&HeaderValue>,
    earlier: &[Hop],
    rules: &RedirectRules,
) -> RedirectPlan {
    match follow(answered, status, location, earlier, rules) {
        Ok(plan) => plan,
        Err(reason) => RedirectPlan::Stop(reason),
    }
}

fn follow(
    answered: &Hop,
    status: StatusCode,
    location: Option<&HeaderValue>,
    earlier: &[Hop],
    rules: &RedirectRules,
) -> Result<RedirectPlan, StopReason> {
    let (method, keep_body) = method_after(status, &answered.method)?;
    let location = location.ok_or(StopReason::NoLocation)?;
    let location = location.to_str().map_err(|_| StopReason::NotText)?;
    if earlier.len() >= rules.max {
        return Err(StopReason::TooMany(rules.max));
    }
    // RFC 9110 §10.2.2: a relative reference is resolved against the request's address.
    let url = answered.url.join(location).map_err(StopReason::BadLocation)?;
    if url.is_websocket() != answered.url.is_websocket() {
        return Err(StopReason::OtherProtocol { from: answered.url.scheme().into(), to: url.scheme().into() });
    }
    if answered.url.is_secure() && !url.is_secure() {
        return Err(StopReason::Downgrade);
    }
    // The method belongs to the comparison: POST, then 303 to the same address, is no circle.
    let same = |hop: &Hop| hop.url == url && hop.method == method;
    if same(answered) || earlier.iter().any(same) {
        return Err(StopReason::Loop);
    }
    let same_origin = url.origin() == answered.url.origin();
    Ok(RedirectPlan::Follow { url, method, keep_body, same_origin })
}

/// The method of the next request, and whether the body goes along.
fn method_after(status: StatusCode, method: &Method) -> Result<(Method, bool), StopReason> {
    match status.as_u16() {
        // §15.4.2, §15.4.3: what everybody does to POST, and to nothing else.
        301 | 302 if *method == Method::POST => Ok((Method::GET, false)),
        301 | 302 | 307 | 308 => Ok((method.clone(), true)),
        303 if *method == Method::HEAD => Ok((Method::HEAD, false)),
        303 => Ok((Method::GET, false)),
        // 300 leaves the choice to a person, 304 and 305 are no redirects, 306 is reserved.
        other => Err(StopReason::NotARedirect(other)),
    }
}

/// Header fields that do not go to another origin: they carry secrets or name the old one.
pub const BOUND_TO_ORIGIN: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "cookie",
    "cookie2",
    "x-wsse",
    "dpop",
    "signature",
    "signature-input",
    "authentication-info",
    "x-api-key",
    "api-key",
    "x-auth-token",
    "x-access-token",
    "x-amz-security-token",
    "x-csrf-token",
    "x-xsrf-token",
    "host",
    "origin",
    "referer",
];

/// Takes away what must not go to another origin: [`BOUND_TO_ORIGIN`], and every field with a value
/// that is marked sensitive.
pub fn strip_on_cross_origin(headers: &mut HeaderMap) {
    let marked: Vec<_> =
        headers.iter().filter(|(_, value)| value.is_sensitive()).map(|(name, _)| name.clone()).collect();
    for name in marked {
        headers.remove(name);
    }
    for name in BOUND_TO_ORIGIN {
        headers.remove(*name);
    }
}

/// Header fields that describe a body.
pub const ABOUT_CONTENT: &[&str] = &[
    "content-type",
    "content-length",
    "content-encoding",
    "content-language",
    "content-location",
    "content-digest",
    "repr-digest",
    "digest",
    "last-modified",
    "transfer-encoding",
    "trailer",
    "expect",
];

/// Takes away what described a body that does not go along (RFC 9110 §15.4).
pub fn strip_content(headers: &mut HeaderMap) {
    for name in ABOUT_CONTENT {
        headers.remove(*name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(method: Method, url: &str) -> Hop {
        Hop { method, url: Url::parse(url).unwrap() }
    }

    fn plan(method: Method, from: &str, status: u16, location: &str) -> RedirectPlan {
        let location = HeaderValue::from_str(location).unwrap();
        let status = StatusCode::from_u16(status).unwrap();
        next(&hop(method, from), status, Some(&location), &[], &RedirectRules::default())
    }

    fn to(url: &str, method: Method, keep_body: bool, same_origin: bool) -> RedirectPlan {
        RedirectPlan::Follow { url: Url::parse(url).unwrap(), method, keep_body, same_origin }
    }

    #[test]
    fn methods_change_as_the_rfc_says() {
        let table = [
            (301, Method::GET, Method::GET, true),
            (301, Method::POST, Method::GET, false),
            (301, Method::PUT, Method::PUT, true),
            (302, Method::POST, Method::GET, false),
            (302, Method::DELETE, Method::DELETE, true),
            (302, Method::HEAD, Method::HEAD, true),
            (303, Method::POST, Method::GET, false),
            (303, Method::PUT, Method::GET, false),
            (303, Method::HEAD, Method::HEAD, false),
            (307, Method::POST, Method::POST, true),
            (308, Method::POST, Method::POST, true),
        ];
        for (status, before, after, keep_body) in table {
            let plan = plan(before.clone(), "https://a.com/x", status, "/y");
            assert_eq!(plan, to("https://a.com/y", after, keep_body, true), "{status} {before}");
        }
    }

    #[test]
    fn places() {
        let get = Method::GET;
        let from = "https://a.com/x/y";
        let table = [
            ("z", to("https://a.com/x/z", get.clone(), true, true)),
            ("//b.com/z", to("https://b.com/z", get.clone(), true, false)),
            ("https://a.com:444/", to("https://a.com:444/", get.clone(), true, false)),
            ("https://A.com/#top", to("https://a.com/", get.clone(), true, true)),
            ("http://a.com/", RedirectPlan::Stop(StopReason::Downgrade)),
            ("https://u:p@b.com/", RedirectPlan::Stop(StopReason::BadLocation(UrlError::Userinfo))),
            ("javascript:alert(1)", RedirectPlan::Stop(StopReason::BadLocation(UrlError::Scheme("javascript".into())))),
            ("wss://a.com/", RedirectPlan::Stop(StopReason::OtherProtocol { from: "https".into(), to: "wss".into() })),
            ("/x/y", RedirectPlan::Stop(StopReason::Loop)),
        ];
        for (location, expected) in table {
            assert_eq!(plan(get.clone(), from, 302, location), expected, "{location}");
        }
        assert_eq!(plan(get.clone(), "http://a.com/", 301, "https://a.com/"), to("https://a.com/", get, true, false));
    }

    #[test]
    fn answers_that_are_no_redirect() {
        let rules = RedirectRules::default();
        let location = HeaderValue::from_static("/y");
        let from = hop(Method::GET, "https://a.com/");
        for status in [200, 201, 300, 304, 305, 306, 401] {
            let plan = next(&from, StatusCode::from_u16(status).unwrap(), Some(&location), &[], &rules);
            assert_eq!(plan, RedirectPlan::Stop(StopReason::NotARedirect(status)));
        }
        let plan = next(&from, StatusCode::FOUND, None, &[], &rules);
        assert_eq!(plan, RedirectPlan::Stop(StopReason::NoLocation));
        let bytes = HeaderValue::from_bytes(b"/\xff").unwrap();
        let plan = next(&from, StatusCode::FOUND, Some(&bytes), &[], &rules);
        assert_eq!(plan, RedirectPlan::Stop(StopReason::NotText));
        assert!(StopReason::NoLocation.is_final_answer());
        assert!(!StopReason::NotText.is_final_answer());
    }

    #[test]
    fn circles_and_long_chains_end() {
        let rules = RedirectRules { max: 2 };
        let location = HeaderValue::from_static("/a");
        let go = |answered: &Hop, earlier: &[Hop], rules: &RedirectRules| {
            next(answered, StatusCode::SEE_OTHER, Some(&location), earlier, rules)
        };
        let (a, b, c) =
            (hop(Method::GET, "https://h/a"), hop(Method::GET, "https://h/b"), hop(Method::GET, "https://h/c"));
        assert_eq!(go(&b, std::slice::from_ref(&a), &rules), RedirectPlan::Stop(StopReason::Loop));
        assert_eq!(go(&a, &[b.clone(), c], &rules), RedirectPlan::Stop(StopReason::TooMany(2)));
        assert_eq!(go(&b, &[], &RedirectRules { max: 0 }), RedirectPlan::Stop(StopReason::TooMany(0)));
        // Post, then see the same address.
        let post = hop(Method::POST, "https://h/a");
        assert_eq!(go(&post, &[], &rules), to("https://h/a", Method::GET, false, true));
    }

    #[test]
    fn secrets_do_not_cross_an_origin() {
        let mut headers = HeaderMap::new();
        for name in BOUND_TO_ORIGIN {
            headers.append(*name, HeaderValue::from_static("hunter2"));
            headers.append(*name, HeaderValue::from_static("hunter2"));
        }
        let mut marked = HeaderValue::from_static("hunter2");
        marked.set_sensitive(true);
        headers.append("x-own", HeaderValue::from_static("harmless"));
        headers.append("x-own", marked);
        headers.insert("accept", HeaderValue::from_static("*/*"));
        strip_on_cross_origin(&mut headers);
        assert_eq!(headers, HeaderMap::from_iter([(http::header::ACCEPT, HeaderValue::from_static("*/*"))]));
    }

    #[test]
    fn a_body_left_behind_leaves_its_fields_behind() {
        let mut headers = HeaderMap::new();
        for name in ABOUT_CONTENT {
            headers.insert(*name, HeaderValue::from_static("x"));
        }
        headers.insert("accept", HeaderValue::from_static("*/*"));
        strip_content(&mut headers);
        assert_eq!(headers, HeaderMap::from_iter([(http::header::ACCEPT, HeaderValue::from_static("*/*"))]));
    }

    proptest::proptest! {
        #[test]
        fn no_location_leads_out_of_tls_or_panics(location in "[ -~]{0,40}") {
            if let RedirectPlan::Follow { url, same_origin, .. } = plan(Method::GET, "https://a.com/x", 302, &location) {
                proptest::prop_assert!(url.is_secure());
                proptest::prop_assert_eq!(same_origin, url.origin() == Url::parse("https://a.com/").unwrap().origin());
            }
        }
    }
}
