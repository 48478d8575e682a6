//! A request made fit for HTTP/2, and what both protocols ask of its URI.

use http::header;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Uri, Version};

use crate::body::Body;
use crate::error::NetError;

/// For HTTP/2: `:scheme`, `:authority` and `:path` from an absolute URI (RFC 9113 §8.3.1).
///
/// A Host that the caller set becomes the `:authority`; the two may not differ. Fields that speak of
/// the connection are removed: they make a message malformed (§8.2.2).
pub(crate) fn for_http2(request: &mut Request<Body>, secure: bool) -> Result<(), NetError> {
    let authority = match request.headers_mut().remove(header::HOST) {
        Some(host) => Authority::try_from(host.as_bytes()).map_err(|_| wrong("its Host is not an authority"))?,
        None => authority(request.uri())?.clone(),
    };
    for field in ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"] {
        request.headers_mut().remove(field);
    }
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(if secure { Scheme::HTTPS } else { Scheme::HTTP });
    parts.authority = Some(authority);
    parts.path_and_query =
        Some(request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")));
    *request.uri_mut() = Uri::from_parts(parts).map_err(|error| wrong(&error.to_string()))?;
    *request.version_mut() = Version::HTTP_2;
    Ok(())
}

/// The authority that a request is for.
pub(crate) fn authority(uri: &Uri) -> Result<&Authority, NetError> {
    let authority = uri.authority().ok_or_else(|| wrong("its URI is not absolute"))?;
    // RFC 9110 §4.2.4: userinfo never goes out.
    if authority.as_str().contains('@') {
        return Err(wrong("its URI holds a user name or password"));
    }
    Ok(authority)
}

/// A request that cannot be sent.
pub(crate) fn wrong(detail: &str) -> NetError {
    NetError::Request { detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str, host: Option<&str>) -> Request<Body> {
        let mut builder = Request::builder().uri(uri).header("connection", "x");
        if let Some(host) = host {
            builder = builder.header("host", host);
        }
        builder.body(Body::empty()).unwrap()
    }

    #[test]
    fn http2_gets_an_absolute_uri_and_no_connection_fields() {
        let mut request = request("https://a.example/x?y=1", Some("b.example"));
        for_http2(&mut request, true).unwrap();
        assert_eq!(request.uri().to_string(), "https://b.example/x?y=1");
        assert!(request.headers().is_empty());
    }
}
