//! Writes heads, so that what is read back is what was meant.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};

use crate::error::HttpError;

/// Appends a request head, empty line included. `target` is written byte for byte.
///
/// The fields are written as they are: that exactly one framing field fits the body is up to the
/// caller, who has decided about it with [`Framing`](crate::framing::Framing).
///
/// # Errors
/// [`HttpError::Unwritable`] for a target that could end the line early; nothing is written then.
/// Names and values cannot: their types bar CR, LF and NUL.
///
/// ```
/// use gatepost_http::write::write_request;
/// use http::{HeaderMap, Method, Version};
///
/// let mut out = Vec::new();
/// write_request(&Method::GET, "/a", Version::HTTP_11, &HeaderMap::new(), &mut out)?;
/// assert_eq!(out, b"GET /a HTTP/1.1\r\n\r\n");
/// # Ok::<(), gatepost_http::error::HttpError>(())
/// ```
pub fn write_request(
    method: &Method,
    target: &str,
    version: Version,
    headers: &HeaderMap,
    out: &mut Vec<u8>,
) -> Result<(), HttpError> {
    write_request_line(method, target, version, out)?;
    write_fields(headers, out);
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Appends a request line alone, for who writes fields of his own beside those of a map.
///
/// # Errors
/// As [`write_request`].
pub fn write_request_line(method: &Method, target: &str, version: Version, out: &mut Vec<u8>) -> Result<(), HttpError> {
    if target.is_empty() || !target.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(HttpError::Unwritable("the target holds a character that may not stand in a line"));
    }
    let version = name(version)?;
    for part in [method.as_str(), " ", target, " ", version, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    Ok(())
}

/// Appends a response head, empty line included, with the registered reason phrase.
///
/// # Errors
/// [`HttpError::Unwritable`] for a version that HTTP/1 does not have.
pub fn write_response(
    status: StatusCode,
    version: Version,
    headers: &HeaderMap,
    out: &mut Vec<u8>,
) -> Result<(), HttpError> {
    let version = name(version)?;
    // RFC 9112 §4: the phrase may be empty, the space before it may not.
    for part in [version, " ", status.as_str(), " ", status.canonical_reason().unwrap_or_default(), "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    write_fields(headers, out);
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Appends field lines, without the empty line after them.
pub fn write_fields(headers: &HeaderMap, out: &mut Vec<u8>) {
    let size = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + 4;
    out.reserve(headers.iter().map(size).sum::<usize>() + 2);
    for (name, value) in headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
}

fn name(version: Version) -> Result<&'static str, HttpError> {
    match version {
        Version::HTTP_10 => Ok("HTTP/1.0"),
        Version::HTTP_11 => Ok("HTTP/1.1"),
        _ => Err(HttpError::Unwritable("another version than HTTP/1.0 and HTTP/1.1")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::head::{RequestHead, ResponseHead};
    use crate::scan::HeadLimits;

    #[test]
    fn no_target_ends_a_line() {
        for target in ["", "/ HTTP/1.1\r\nX: y", "/a b", "/\0", "/\r", "/\n", "/\u{e4}"] {
            let mut out = Vec::new();
            let written = write_request(&Method::GET, target, Version::HTTP_11, &HeaderMap::new(), &mut out);
            assert!(matches!(written, Err(HttpError::Unwritable(_))), "{target:?}");
            assert_eq!(out, b"", "{target:?}");
        }
        let other = write_response(StatusCode::OK, Version::HTTP_2, &HeaderMap::new(), &mut Vec::new());
        assert!(matches!(other, Err(HttpError::Unwritable(_))));
    }

    fn headers() -> impl Strategy<Value = HeaderMap> {
        let field = ("[a-z][a-z0-9-]{0,8}", "([!-~\u{e4}]([ -~]{0,8}[!-~])?)?");
        prop::collection::vec(field, 0..5).prop_map(|fields| {
            let pair = |(name, value): (String, String)| {
                let name = HeaderName::from_bytes(format!("x-{name}").as_bytes()).unwrap();
                (name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
            };
            fields.into_iter().map(pair).collect()
        })
    }

    proptest! {
        #[test]
        fn a_request_survives_printing(method in "[A-Z!]{1,7}", path in "/[!-\"$-~]{0,12}", mut headers in headers()) {
            prop_assume!(method != "CONNECT");
            headers.insert("host", HeaderValue::from_static("a.example"));
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let mut out = Vec::new();
            write_request(&method, &path, Version::HTTP_11, &headers, &mut out).unwrap();
            let (head, length) = RequestHead::parse(&out, &HeadLimits::default()).unwrap().unwrap();
            prop_assert_eq!((head.method, head.target.origin_form(), head.version), (method, Some(path.as_str()), Version::HTTP_11));
            prop_assert_eq!((head.headers, length), (headers, out.len()));
        }

        #[test]
        fn a_response_survives_printing(status in 100_u16..600, headers in headers()) {
            let status = StatusCode::from_u16(status).unwrap();
            let mut out = Vec::new();
            write_response(status, Version::HTTP_10, &headers, &mut out).unwrap();
            let (head, length) = ResponseHead::parse(&out, &HeadLimits::default()).unwrap().unwrap();
            prop_assert_eq!((head.status, head.version, head.headers, length), (status, Version::HTTP_10, headers, out.len()));
        }
    }
}
