//! The head of an answer, made fit for its request and its connection.

use gatepost_http::encoder::Encoder;
use gatepost_http::error::HttpError;
use gatepost_http::fields::strip_hop_by_hop;
use gatepost_http::framing::Framing;
use gatepost_http::write::write_response;
use http::header::{self, HeaderValue};
use http::{HeaderMap, Method, StatusCode, Version, response};

use crate::date::date;

/// What of a request its answer depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) version: Version,
    /// Whether the client wants the connection to go on.
    pub(super) persists: bool,
    /// Whether it asked to switch protocols.
    pub(super) upgrade: bool,
}

/// An answer ready to be sent.
#[derive(Debug)]
pub(super) struct Answer {
    /// The head, as it goes out.
    pub(super) head: Vec<u8>,
    /// The framing of its body; a body that has none is not sent.
    pub(super) framing: Framing,
    /// Whether the connection ends after it.
    pub(super) closes: bool,
}

impl Answer {
    pub(super) fn encoder(&self) -> Encoder {
        Encoder::new(self.framing)
    }
}

/// Plans the answer that a handler gave; `length` is its body's, if known. `closes` says that the
/// connection ends after it in any case.
///
/// Framing and connection are ours to decide: what the handler set of them is replaced, except a
/// Content-Length, which the body has to keep.
pub(super) fn plan(
    mut parts: response::Parts,
    length: Option<u64>,
    asked: &Asked,
    mut closes: bool,
) -> Result<Answer, HttpError> {
    let status = parts.status;
    let upgrade = parts.headers.get(header::UPGRADE).cloned();
    let hop = strip_hop_by_hop(&mut parts.headers);
    let framing = framing(status, length, asked, &mut parts.headers)?;
    closes |= !asked.persists || hop.close || framing == Framing::UntilClose;
    // A 101 names what is switched to, a 426 what should be (RFC 9110 §7.8, §15.5.22).
    let names_protocol = matches!(status, StatusCode::SWITCHING_PROTOCOLS | StatusCode::UPGRADE_REQUIRED);
    let connection = match upgrade.filter(|_| names_protocol) {
        Some(protocol) => {
            parts.headers.insert(header::UPGRADE, protocol);
            Some("upgrade")
        }
        None if closes => Some("close"),
        None if asked.version == Version::HTTP_10 => Some("keep-alive"),
        None => None,
    };
    if let Some(connection) = connection {
        parts.headers.append(header::CONNECTION, HeaderValue::from_static(connection));
    }
    if connection == Some("upgrade") && closes && framing != Framing::Tunnel {
        parts.headers.append(header::CONNECTION, HeaderValue::from_static("close"));
    }
    tell_date(&mut parts.headers);
    let mut head = Vec::with_capacity(256);
    write_response(status, Version::HTTP_11, &parts.headers, &mut head)?;
    Ok(Answer { head, framing, closes })
}

/// Seconds after which a request is worth another try when there was no room for it (RFC 9110 §10.2.3).
const LATER: HeaderValue = HeaderValue::from_static("5");

/// The whole answer to a request that no handler will see: plain text, then the end.
pub(super) fn refusal(status: StatusCode, text: &str) -> Vec<u8> {
    let text = format!("{text}\n");
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(text.len()));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, LATER);
    }
    let mut octets = Vec::with_capacity(256);
    tell_date(&mut headers);
    // It cannot fail; if it did, the connection would close without an answer.
    if write_response(status, Version::HTTP_11, &headers, &mut octets).is_err() {
        return Vec::new();
    }
    octets.extend_from_slice(text.as_bytes());
    octets
}

/// Decides the framing (RFC 9112 §6) and sets its field.
fn framing(
    status: StatusCode,
    length: Option<u64>,
    asked: &Asked,
    headers: &mut HeaderMap,
) -> Result<Framing, HttpError> {
    let declared = declared(headers)?;
    if status == StatusCode::SWITCHING_PROTOCOLS {
        headers.remove(header::CONTENT_LENGTH);
        return if asked.upgrade {
            Ok(Framing::Tunnel)
        } else {
            Err(HttpError::Unwritable("a 101 that nobody asked for"))
        };
    }
    if status.is_informational() {
        return Err(HttpError::Unwritable("an interim status as the answer"));
    }
    if asked.method == Method::CONNECT && status.is_success() {
        return Err(HttpError::Unwritable("a tunnel that is not offered"));
    }
    if status == StatusCode::NO_CONTENT {
        headers.remove(header::CONTENT_LENGTH);
        return Ok(Framing::Empty);
    }
    if status == StatusCode::NOT_MODIFIED {
        return Ok(Framing::Empty);
    }
    if asked.method == Method::HEAD {
        if let Some(length) = length.filter(|length| declared.is_none() && *length > 0) {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        return Ok(Framing::Empty);
    }
    match (declared, length) {
        (Some(declared), Some(length)) if declared != length => {
            Err(HttpError::Unwritable("a Content-Length that is not its body's"))
        }
        (Some(length), _) => Ok(Framing::Length(length)),
        (None, Some(length)) => {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
            Ok(Framing::Length(length))
        }
        (None, None) if asked.version == Version::HTTP_11 => {
            headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            Ok(Framing::Chunked)
        }
        (None, None) => Ok(Framing::UntilClose),
    }
}

fn declared(headers: &HeaderMap) -> Result<Option<u64>, HttpError> {
    match gatepost_http::framing::request(Version::HTTP_11, headers) {
        Ok(Framing::Length(length)) => Ok(Some(length)),
        Ok(_) => Ok(None),
        Err(_) => Err(HttpError::Unwritable("a malformed Content-Length")),
    }
}

/// RFC 9110 §6.6.1: who has a clock says the time.
fn tell_date(headers: &mut HeaderMap) {
    if !headers.contains_key(header::DATE) {
        headers.insert(header::DATE, date());
    }
}

#[cfg(test)]
mod tests {
    use http::Response;

    use super::*;

    fn asked(method: Method, version: Version) -> Asked {
        Asked { method, version, persists: true, upgrade: false }
    }

    fn answer(
        status: u16,
        fields: &[(&str, &str)],
        length: Option<u64>,
        asked: &Asked,
    ) -> Result<(String, Framing, bool), HttpError> {
        let mut builder = Response::builder().status(status).header("date", "now");
        for (name, value) in fields {
            builder = builder.header(*name, *value);
        }
        let (parts, ()) = builder.body(()).unwrap().into_parts();
        let answer = plan(parts, length, asked, false)?;
        let head = String::from_utf8(answer.head).unwrap().replace("date: now\r\n", "").replace("\r\n", "|");
        Ok((head, answer.framing, answer.closes))
    }

    /// Fields that a handler set.
    type Fields = &'static [(&'static str, &'static str)];
    /// Status, fields, and the length of the body.
    type Given = (u16, Fields, Option<u64>);

    #[test]
    fn framing_and_connection_are_ours() {
        let get = asked(Method::GET, Version::HTTP_11);
        let head = asked(Method::HEAD, Version::HTTP_11);
        let closing: Fields = &[("connection", "close, x-a"), ("x-a", "1")];
        let table: &[(Given, &Asked, &str, Framing)] = &[
            ((200, &[], Some(3)), &get, "200 OK|content-length: 3||", Framing::Length(3)),
            ((200, &[("content-length", "3")], None), &get, "200 OK|content-length: 3||", Framing::Length(3)),
            ((200, &[], None), &get, "200 OK|transfer-encoding: chunked||", Framing::Chunked),
            ((200, &[("keep-alive", "x")], Some(0)), &get, "200 OK|content-length: 0||", Framing::Length(0)),
            ((200, closing, Some(0)), &get, "200 OK|content-length: 0|connection: close||", Framing::Length(0)),
            ((200, &[], Some(9)), &head, "200 OK|content-length: 9||", Framing::Empty),
            ((200, &[], None), &head, "200 OK||", Framing::Empty),
            ((204, &[("content-length", "0")], Some(0)), &get, "204 No Content||", Framing::Empty),
            ((304, &[("content-length", "5")], Some(0)), &get, "304 Not Modified|content-length: 5||", Framing::Empty),
        ];
        for ((status, fields, length), asked, head, framing) in table {
            let planned = answer(*status, fields, *length, asked);
            let closes = head.contains("close");
            assert_eq!(planned, Ok((format!("HTTP/1.1 {head}"), *framing, closes)), "{status} {fields:?}");
        }
        let offer = answer(426, &[("upgrade", "websocket")], Some(0), &get).unwrap().0;
        assert_eq!(offer, "HTTP/1.1 426 Upgrade Required|content-length: 0|upgrade: websocket|connection: upgrade||");
    }

    #[test]
    fn an_old_client_hears_whether_the_connection_goes_on() {
        let old = asked(Method::GET, Version::HTTP_10);
        let open = answer(200, &[], None, &old).unwrap();
        assert_eq!(open, ("HTTP/1.1 200 OK|connection: close||".to_owned(), Framing::UntilClose, true));
        let sized = answer(200, &[], Some(1), &old).unwrap();
        let head = "HTTP/1.1 200 OK|content-length: 1|connection: keep-alive||".to_owned();
        assert_eq!(sized, (head, Framing::Length(1), false));
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let get = asked(Method::GET, Version::HTTP_11);
        let connect = asked(Method::CONNECT, Version::HTTP_11);
        let table: &[(u16, Fields, Option<u64>, &Asked)] = &[
            (100, &[], Some(0), &get),
            (101, &[("upgrade", "x")], Some(0), &get),
            (200, &[("content-length", "3")], Some(4), &get),
            (200, &[("content-length", "3"), ("content-length", "3")], None, &get),
            (200, &[("content-length", "3,3")], None, &get),
            (200, &[], Some(0), &connect),
        ];
        for (status, fields, length, asked) in table {
            assert!(
                matches!(answer(*status, fields, *length, asked), Err(HttpError::Unwritable(_))),
                "{status} {fields:?}"
            );
        }
        let asking = Asked { upgrade: true, ..get };
        let switched = answer(101, &[("upgrade", "x"), ("content-length", "0")], Some(0), &asking).unwrap();
        let head = "HTTP/1.1 101 Switching Protocols|upgrade: x|connection: upgrade||";
        assert_eq!(switched, (head.to_owned(), Framing::Tunnel, false));
    }
}
