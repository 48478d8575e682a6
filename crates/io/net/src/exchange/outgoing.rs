//! A request made fit for HTTP/1.1: target form, Host, framing.

use gatepost_http::error::HttpError;
use gatepost_http::framing::{self, Framing};
use gatepost_http::response_reader::Asked;
use gatepost_http::write::{write_fields, write_request_line};
use http::header::{self, HeaderValue};
use http::{Method, Request, Uri, Version};
use http_body::Body as HttpBody;

use crate::body::Body;
use crate::error::NetError;
use crate::request::{authority, wrong};

/// What was decided about a request when its head was written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) asked: Asked,
    /// How its body is delimited.
    pub(super) framing: Framing,
    /// Whether it wants the connection to go on.
    pub(super) persists: bool,
    /// Whether the body waits for 100 (Continue).
    pub(super) expects_continue: bool,
}

/// Appends the head of `request` to `out`: origin-form target (RFC 9112 §3.2.1), Host (§3.2), one
/// framing field at most. The request itself stays as it is.
///
/// A Host that the caller set stays; a missing one comes from the URI. A Content-Length that the caller
/// set is a promise that the body must keep; a Transfer-Encoding is ours to decide.
pub(super) fn write_head(request: &mut Request<Body>, out: &mut Vec<u8>) -> Result<Plan, NetError> {
    request.headers_mut().remove(header::TRANSFER_ENCODING);
    let (uri, headers, method) = (request.uri(), request.headers(), request.method());
    let authority = authority(uri)?;
    if *method == Method::CONNECT {
        return Err(wrong("CONNECT is not for an origin server"));
    }
    let (framing, announced) = frame(request)?;
    let unfit = |error: HttpError| wrong(&error.to_string());
    write_line(method, uri, out).map_err(unfit)?;
    if !headers.contains_key(header::HOST) {
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| wrong("its host is not ASCII"))?;
        field(b"host", host.as_bytes(), out);
    }
    match framing {
        _ if announced => {}
        Framing::Chunked => field(b"transfer-encoding", b"chunked", out),
        Framing::Length(length) => field(b"content-length", HeaderValue::from(length).as_bytes(), out),
        // RFC 9110 §8.6: where a body would have a meaning, its absence is said.
        _ if matches!(*method, Method::POST | Method::PUT | Method::PATCH) => field(b"content-length", b"0", out),
        _ => {}
    }
    write_fields(headers, out);
    out.extend_from_slice(b"\r\n");
    Ok(Plan {
        asked: Asked { method: method.clone(), upgrade: headers.contains_key(header::UPGRADE) },
        framing,
        persists: framing::persists(Version::HTTP_11, headers),
        expects_continue: framing::expects_continue(Version::HTTP_11, headers).map_err(unfit)?,
    })
}

/// How the body is delimited, and whether the caller's own Content-Length says so.
fn frame(request: &Request<Body>) -> Result<(Framing, bool), NetError> {
    let length = request.body().size_hint().exact();
    let announced = framing::request(Version::HTTP_11, request.headers()).map_err(|error| wrong(&error.to_string()))?;
    match (announced, length) {
        (Framing::Length(announced), Some(length)) if announced != length => {
            Err(wrong("its Content-Length is not the length of its body"))
        }
        (Framing::Length(0), _) => Ok((Framing::Empty, true)),
        (Framing::Length(length), _) => Ok((Framing::Length(length), true)),
        (_, Some(0)) => Ok((Framing::Empty, false)),
        (_, Some(length)) => Ok((Framing::Length(length), false)),
        (_, None) => Ok((Framing::Chunked, false)),
    }
}

fn write_line(method: &Method, uri: &Uri, out: &mut Vec<u8>) -> Result<(), HttpError> {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    if target.starts_with('/') {
        return write_request_line(method, target, Version::HTTP_11, out);
    }
    write_request_line(method, &format!("/{target}"), Version::HTTP_11, out)
}

fn field(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    for part in [name, b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(method: Method, uri: &str, fields: &[(&str, &str)], body: impl Into<Body>) -> Result<String, NetError> {
        let builder = Request::builder().method(method).uri(uri);
        let builder = fields.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
        let mut out = Vec::new();
        write_head(&mut builder.body(body.into()).unwrap(), &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_request_gets_a_path_a_host_and_one_framing() {
        let a = "https://a.example";
        let unknown = || Body::channel(1).1;
        let table = [
            (written(Method::GET, a, &[], ""), "GET / HTTP/1.1\r\nhost: a.example\r\n\r\n"),
            (
                written(Method::GET, "https://a.example:8443/x?y=1", &[], ""),
                "GET /x?y=1 HTTP/1.1\r\nhost: a.example:8443\r\n\r\n",
            ),
            (written(Method::GET, "https://a.example?y=1", &[], ""), "GET /?y=1 HTTP/1.1\r\nhost: a.example\r\n\r\n"),
            (written(Method::GET, a, &[("host", "b.example")], ""), "GET / HTTP/1.1\r\nhost: b.example\r\n\r\n"),
            (written(Method::POST, a, &[], ""), "POST / HTTP/1.1\r\nhost: a.example\r\ncontent-length: 0\r\n\r\n"),
            (
                written(Method::DELETE, a, &[("transfer-encoding", "gzip")], "abc"),
                "DELETE / HTTP/1.1\r\nhost: a.example\r\ncontent-length: 3\r\n\r\n",
            ),
            (
                written(Method::PUT, a, &[("content-length", "3")], "abc"),
                "PUT / HTTP/1.1\r\nhost: a.example\r\ncontent-length: 3\r\n\r\n",
            ),
            (
                written(Method::PUT, a, &[("content-length", "3")], unknown()),
                "PUT / HTTP/1.1\r\nhost: a.example\r\ncontent-length: 3\r\n\r\n",
            ),
            (
                written(Method::PUT, a, &[], unknown()),
                "PUT / HTTP/1.1\r\nhost: a.example\r\ntransfer-encoding: chunked\r\n\r\n",
            ),
        ];
        for (head, expected) in table {
            assert_eq!(head.as_deref(), Ok(expected));
        }
    }

    #[test]
    fn what_cannot_be_sent_is_said() {
        let a = "https://a.example/";
        let table = [
            (written(Method::GET, "/x", &[], ""), "its URI is not absolute"),
            (written(Method::GET, "https://ali@a.example/", &[], ""), "its URI holds a user name or password"),
            (written(Method::CONNECT, a, &[], ""), "CONNECT is not for an origin server"),
            (
                written(Method::PUT, a, &[("content-length", "4")], "abc"),
                "its Content-Length is not the length of its body",
            ),
            (
                written(Method::PUT, a, &[("content-length", "3"), ("content-length", "3")], "abc"),
                "ambiguous framing: two Content-Length fields",
            ),
            (written(Method::PUT, a, &[("expect", "tea")], "abc"), "the expectation cannot be met"),
        ];
        for (head, detail) in table {
            assert_eq!(head, Err(wrong(detail)));
        }
    }
}
