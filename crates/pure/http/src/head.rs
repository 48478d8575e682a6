//! The head of a request or a response, read strictly.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use httparse::{EMPTY_HEADER, Header};

use crate::error::HttpError;
use crate::fields::masks_framing;
use crate::host::Authority;
use crate::scan::{HeadLimits, Scan, Span};
use crate::target::Target;

/// A request's line and fields (RFC 9112 §3, §5), grammar and host checked.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestHead {
    /// The method; names of the peer's own are allowed.
    pub method: Method,
    /// The target.
    pub target: Target,
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// The fields as they came, Host included.
    pub headers: HeaderMap,
    /// The host that is meant: that of the target, else of Host. `None` only for HTTP/1.0 without a
    /// Host field.
    pub authority: Option<Authority>,
}

/// A response's line and fields (RFC 9112 §4, §5).
#[derive(Debug, Clone, PartialEq)]
pub struct ResponseHead {
    /// The status, 100 to 599.
    pub status: StatusCode,
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// The reason phrase; means nothing (RFC 9112 §4), kept for a reader's eyes.
    pub reason: Cow<'static, str>,
    /// The fields as they came.
    pub headers: HeaderMap,
}

impl RequestHead {
    /// Reads a whole head from the start of `buffer`, and says how many octets it took. `None` asks
    /// for more; who reads from a socket asks [`Scan`] first, which remembers where it stood.
    ///
    /// # Errors
    /// [`HttpError`]; its status suits the answer.
    ///
    /// ```
    /// use gatepost_http::{head::RequestHead, scan::HeadLimits};
    ///
    /// let octets = b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n";
    /// let (head, length) = RequestHead::parse(octets, &HeadLimits::default())?.unwrap();
    /// assert_eq!(head.authority.unwrap().host(), "a.example");
    /// assert_eq!(length, octets.len());
    /// # Ok::<(), gatepost_http::error::HttpError>(())
    /// ```
    pub fn parse(buffer: &[u8], limits: &HeadLimits) -> Result<Option<(Self, usize)>, HttpError> {
        match Scan::request().find_end(buffer, limits)? {
            Some(span) => Ok(Some((Self::parse_span(buffer, span)?, span.end))),
            None => Ok(None),
        }
    }

    /// Reads the head that [`Scan`] found at `span`.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_span(buffer: &[u8], span: Span) -> Result<Self, HttpError> {
        let octets = copied(buffer, span);
        with_slots(span.fields, |slots| {
            let mut request = httparse::Request::new(slots);
            let parsed = request.parse(&octets).map_err(|error| request_fault(error, &octets))?;
            whole(&parsed, &octets)?;
            let method = request.method.and_then(|method| Method::from_bytes(method.as_bytes()).ok());
            let method = method.ok_or(HttpError::StartLine("the method is not a token"))?;
            let target = Target::parse(&method, request.path.unwrap_or_default())?;
            let version = version(request.version)?;
            let headers = fields(&octets, request.headers, OWN)?;
            let authority = host(version, &target, &headers)?;
            Ok(Self { method, target, version, headers, authority })
        })
    }
}

impl ResponseHead {
    /// Reads a whole head from the start of `buffer`, and says how many octets it took. `None` asks
    /// for more.
    ///
    /// # Errors
    /// [`HttpError`]: a gateway answers 502.
    pub fn parse(buffer: &[u8], limits: &HeadLimits) -> Result<Option<(Self, usize)>, HttpError> {
        match Scan::response().find_end(buffer, limits)? {
            Some(span) => Ok(Some((Self::parse_span(buffer, span)?, span.end))),
            None => Ok(None),
        }
    }

    /// Reads the head that [`Scan`] found at `span`.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_span(buffer: &[u8], span: Span) -> Result<Self, HttpError> {
        let octets = copied(buffer, span);
        with_slots(span.fields, |slots| {
            let mut response = httparse::Response::new(slots);
            let parsed =
                response.parse(&octets).map_err(|error| fault(error, HttpError::StartLine("the status line")))?;
            whole(&parsed, &octets)?;
            let status = response.code.filter(|code| *code < 600).and_then(|code| StatusCode::from_u16(code).ok());
            let status = status.ok_or(HttpError::StartLine("no such status"))?;
            let version = version(response.version)?;
            let reason = match response.reason.unwrap_or_default() {
                usual if Some(usual) == status.canonical_reason() => {
                    Cow::Borrowed(status.canonical_reason().unwrap_or_default())
                }
                own => Cow::Owned(own.to_owned()),
            };
            Ok(Self { status, version, reason, headers: fields(&octets, response.headers, 0)? })
        })
    }
}

/// Reads the trailer section that [`Scan`] found at `span`.
pub(crate) fn trailers(buffer: &[u8], span: Span) -> Result<HeaderMap, HttpError> {
    let octets = copied(buffer, span);
    with_slots(span.fields, |slots| {
        let wrong = HttpError::Trailer("a field line is malformed");
        match httparse::parse_headers(&octets, slots) {
            Ok(httparse::Status::Complete((length, found))) if length == octets.len() => {
                fields(&octets, found, 0).map_err(|_| wrong)
            }
            _ => Err(wrong),
        }
    })
}

/// The head out of its buffer: one copy, of which all values are slices.
fn copied(buffer: &[u8], span: Span) -> Bytes {
    Bytes::copy_from_slice(buffer.get(span.start..span.end).unwrap_or_default())
}

/// Runs `read` with room for `fields` field lines: on the stack for usual heads.
fn with_slots<'b, T>(fields: usize, read: impl FnOnce(&mut [Header<'b>]) -> T) -> T {
    let mut few = [EMPTY_HEADER; 32];
    match few.get_mut(..fields) {
        Some(slots) => read(slots),
        None => read(&mut vec![EMPTY_HEADER; fields]),
    }
}

/// The scan and the parser must see the same end: if not, we are one of two readers who differ.
fn whole(parsed: &httparse::Status<usize>, octets: &[u8]) -> Result<(), HttpError> {
    if *parsed == httparse::Status::Complete(octets.len()) {
        return Ok(());
    }
    Err(HttpError::Field("the header section has no certain end"))
}

fn version(minor: Option<u8>) -> Result<Version, HttpError> {
    match minor {
        Some(0) => Ok(Version::HTTP_10),
        Some(1) => Ok(Version::HTTP_11),
        _ => Err(HttpError::Version),
    }
}

/// So many fields a gateway adds to those of a request.
const OWN: usize = 4;

/// The lines that were `found` in `octets`, and room for some `more`.
fn fields(octets: &Bytes, found: &[Header<'_>], more: usize) -> Result<HeaderMap, HttpError> {
    let mut headers = HeaderMap::with_capacity(found.len().saturating_add(more));
    for field in found {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| HttpError::Field("a bad field name"))?;
        if masks_framing(name.as_str()) {
            return Err(HttpError::Field("a framing field in a misleading spelling"));
        }
        let value = HeaderValue::from_maybe_shared(octets.slice_ref(field.value));
        let value = value.map_err(|_| HttpError::Field("a bad field value"))?;
        headers.try_append(name, value).map_err(|_| HttpError::TooManyFields)?;
    }
    Ok(headers)
}

/// RFC 9112 §3.2: one valid Host in HTTP/1.1, and it agrees with the target. The RFC lets the target
/// win over Host; we refuse, because the next reader may let Host win.
fn host(version: Version, target: &Target, headers: &HeaderMap) -> Result<Option<Authority>, HttpError> {
    let mut lines = headers.get_all(header::HOST).iter();
    let written = match lines.next() {
        None if version == Version::HTTP_10 => return Ok(target.authority().cloned()),
        None => return Err(HttpError::Host("it is missing")),
        Some(value) => value.to_str().map_err(|_| HttpError::Host("a character that no host name has"))?,
    };
    if lines.next().is_some() {
        return Err(HttpError::Host("it is given twice"));
    }
    let written = Authority::parse(written)?;
    let agrees = match target {
        Target::Absolute { secure, authority, .. } => authority.same_as(&written, if *secure { 443 } else { 80 }),
        Target::Authority(authority) => authority.same_as(&written, authority.port_or(443)),
        Target::Origin(_) | Target::Asterisk => true,
    };
    if !agrees {
        return Err(HttpError::Host("it differs from the target's"));
    }
    Ok(Some(target.authority().cloned().unwrap_or(written)))
}

/// A version of another HTTP is 505, anything else in its place is no HTTP.
fn request_fault(error: httparse::Error, octets: &[u8]) -> HttpError {
    let line = octets.split(|b| *b == b'\r').next().unwrap_or_default();
    let mut parts = line.split(|b| *b == b' ').skip(2);
    let other_http = match (parts.next(), parts.next()) {
        (Some([b'H', b'T', b'T', b'P', b'/', major, b'.', minor]), None) => {
            major.is_ascii_digit() && minor.is_ascii_digit()
        }
        _ => false,
    };
    match error {
        httparse::Error::Version if other_http => HttpError::Version,
        _ => fault(error, HttpError::StartLine("method, target and version are not as they must be")),
    }
}

fn fault(error: httparse::Error, start_line: HttpError) -> HttpError {
    match error {
        httparse::Error::HeaderName => HttpError::Field("a field name is no token, or not followed by a colon"),
        httparse::Error::HeaderValue => HttpError::Field("a field value holds a control character"),
        httparse::Error::TooManyHeaders => HttpError::TooManyFields,
        _ => start_line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Option<(RequestHead, usize)>, HttpError> {
        RequestHead::parse(text.as_bytes(), &HeadLimits::default())
    }

    fn host_of(text: &str) -> Result<Option<String>, HttpError> {
        parse(text).map(|head| head.unwrap().0.authority.map(|authority| authority.to_string()))
    }

    #[test]
    fn a_head_is_read_whole() {
        let (head, length) = parse("POST /a?b HTTP/1.1\r\nHost: A\r\nX:  1\t\r\nx:\r\n\r\nGET").unwrap().unwrap();
        assert_eq!((head.method, head.version, length), (Method::POST, Version::HTTP_11, 43));
        assert_eq!(head.target, Target::Origin("/a?b".into()));
        assert_eq!(head.headers.get_all("x").iter().collect::<Vec<_>>(), ["1", ""]);
        assert_eq!(parse("GET / HTTP/1.1\r\nHost: a\r\n"), Ok(None));
    }

    #[test]
    fn the_host_is_one_and_agrees() {
        let table = [
            ("GET / HTTP/1.1\r\nHost: a:8\r\n\r\n", Ok(Some("a:8"))),
            ("GET / HTTP/1.0\r\n\r\n", Ok(None)),
            ("GET http://a/ HTTP/1.0\r\n\r\n", Ok(Some("a"))),
            ("GET http://a/ HTTP/1.1\r\nHost: A:80\r\n\r\n", Ok(Some("a"))),
            ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", Ok(Some("a"))),
            ("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", Ok(Some("a:443"))),
            ("CONNECT a:443 HTTP/1.1\r\nHost: b:443\r\n\r\n", Err(HttpError::Host("it differs from the target's"))),
            ("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", Err(HttpError::Host("it differs from the target's"))),
            ("GET http://a/ HTTP/1.1\r\nHost: a:443\r\n\r\n", Err(HttpError::Host("it differs from the target's"))),
            ("GET http://a/ HTTP/1.1\r\n\r\n", Err(HttpError::Host("it is missing"))),
            ("GET / HTTP/1.1\r\n\r\n", Err(HttpError::Host("it is missing"))),
            ("GET / HTTP/1.1\r\nHost:\r\n\r\n", Err(HttpError::Host("it is empty"))),
            ("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", Err(HttpError::Host("it is given twice"))),
            ("GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", Err(HttpError::Host("it is given twice"))),
            ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", Err(HttpError::Host("a character that no host name has"))),
        ];
        for (text, host) in table {
            assert_eq!(host_of(text), host.map(|host| host.map(str::to_owned)), "{text:?}");
        }
    }

    #[test]
    fn responses_are_read_as_strictly() {
        let parse = |text: &str| ResponseHead::parse(text.as_bytes(), &HeadLimits::default());
        let (head, length) = parse("HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n").unwrap().unwrap();
        assert_eq!((head.status.as_u16(), head.reason.as_ref(), length), (404, "Not Found", 32));
        for text in ["HTTP/1.0 200 \r\n\r\n", "HTTP/1.1 200\r\n\r\n", "HTTP/1.1 599 x\r\n\r\n"] {
            assert!(parse(text).is_ok(), "{text:?}");
        }
        for text in [
            "HTTP/1.1 600 x\r\n\r\n",
            "HTTP/1.1 099 x\r\n\r\n",
            "HTTP/1.1 20 x\r\n\r\n",
            "HTTP/1.1 2000 x\r\n\r\n",
            "HTTP/2.0 200 x\r\n\r\n",
            "HTTP/1.1 200 x\n\n",
            "http/1.1 200 x\r\n\r\n",
            "HTTP/1.1  200 x\r\n\r\n",
            "HTTP/1.1 200 x\r\nA : b\r\n\r\n",
            "HTTP/1.1 200 x\r\nA: b\r\n c\r\n\r\n",
            "\r\nHTTP/1.1 200 x\r\n\r\n",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
