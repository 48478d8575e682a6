//! Where a body ends (RFC 9112 §6.3): one answer, or none.

use http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header};

use crate::error::HttpError;
use crate::fields::tokens;

/// How the body of a message is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    Empty,
    /// So many octets.
    Length(u64),
    /// The chunked transfer coding.
    Chunked,
    /// All that comes until the connection closes; answers only.
    UntilClose,
    /// After the head another protocol begins: 101, or 2xx to CONNECT.
    Tunnel,
}

/// How a request's body is delimited.
///
/// Stricter than the RFC where it offers a choice: Content-Length beside Transfer-Encoding, two
/// Content-Length fields even if equal, a list in one, a leading zero or sign, any coding but one
/// `chunked`, and any coding at all in HTTP/1.0 are errors.
///
/// # Errors
/// [`HttpError::Framing`] where readers could differ, [`HttpError::Coding`] for a coding that we do
/// not know.
pub fn request(version: Version, headers: &HeaderMap) -> Result<Framing, HttpError> {
    Ok(declared(version, headers)?.unwrap_or(Framing::Empty))
}

/// How the body of the answer to a request with this method is delimited.
///
/// # Errors
/// As for [`request`]; also for a 1xx or 204 that announces a body (RFC 9112 §6.1, RFC 9110 §8.6).
pub fn response(
    method: &Method,
    status: StatusCode,
    version: Version,
    headers: &HeaderMap,
) -> Result<Framing, HttpError> {
    let declared = declared(version, headers)?;
    if status.is_informational() || status == StatusCode::NO_CONTENT {
        if !matches!(declared, None | Some(Framing::Length(0))) {
            return Err(HttpError::Framing("an answer that has no body announces one"));
        }
        return Ok(if status == StatusCode::SWITCHING_PROTOCOLS { Framing::Tunnel } else { Framing::Empty });
    }
    if *method == Method::CONNECT && status.is_success() {
        return Ok(Framing::Tunnel);
    }
    // Their fields tell what a GET would have brought.
    if *method == Method::HEAD || status == StatusCode::NOT_MODIFIED {
        return Ok(Framing::Empty);
    }
    Ok(declared.unwrap_or(Framing::UntilClose))
}

/// Whether the sender holds its body back until it sees 100 (Continue).
///
/// # Errors
/// [`HttpError::Expectation`] for any other expectation (RFC 9110 §10.1.1).
pub fn expects_continue(version: Version, headers: &HeaderMap) -> Result<bool, HttpError> {
    let mut lines = headers.get_all(header::EXPECT).iter();
    let Some(value) = lines.next() else { return Ok(false) };
    if lines.next().is_some() || !value.as_bytes().eq_ignore_ascii_case(b"100-continue") {
        return Err(HttpError::Expectation);
    }
    // RFC 9110 §10.1.1: a server ignores it in HTTP/1.0.
    Ok(version == Version::HTTP_11)
}

/// Whether the connection outlives this message (RFC 9112 §9.3).
#[must_use]
pub fn persists(version: Version, headers: &HeaderMap) -> bool {
    let options = tokens(headers, &header::CONNECTION);
    let says = |option: &str| options.iter().any(|written| written == option);
    if says("close") {
        return false;
    }
    version == Version::HTTP_11 || says("keep-alive")
}

fn declared(version: Version, headers: &HeaderMap) -> Result<Option<Framing>, HttpError> {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (lengths.next(), codings.next()) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(HttpError::Framing("Content-Length beside Transfer-Encoding")),
        (Some(_), None) if lengths.next().is_some() => Err(HttpError::Framing("two Content-Length fields")),
        (Some(value), None) => Ok(Some(Framing::Length(length(value)?))),
        (None, Some(_)) if codings.next().is_some() => Err(HttpError::Framing("two Transfer-Encoding fields")),
        // RFC 9112 §6.1: its framing is faulty by definition.
        (None, Some(_)) if version != Version::HTTP_11 => Err(HttpError::Framing("Transfer-Encoding in HTTP/1.0")),
        (None, Some(value)) => coding(value).map(Some),
    }
}

/// One to nineteen digits without a leading zero: any `u64` reader agrees on them.
fn length(value: &HeaderValue) -> Result<u64, HttpError> {
    let wrong = HttpError::Framing("Content-Length is not a plain number");
    let text = value.to_str().map_err(|_| wrong)?;
    let plain = (1..=19).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if !plain || (text.starts_with('0') && text.len() > 1) {
        return Err(wrong);
    }
    text.parse().map_err(|_| wrong)
}

fn coding(value: &HeaderValue) -> Result<Framing, HttpError> {
    let octets = value.as_bytes();
    if octets.eq_ignore_ascii_case(b"chunked") {
        return Ok(Framing::Chunked);
    }
    // Whatever only looks like `chunked` is an attack; another name is a wish that we cannot meet.
    let lookalike = octets.to_ascii_lowercase().windows(7).any(|window| window == b"chunked");
    let named = !octets.is_empty() && octets.iter().all(|b| b.is_ascii_alphanumeric() || b"-_., ".contains(b));
    if lookalike || !named {
        return Err(HttpError::Framing("Transfer-Encoding is not one plain `chunked`"));
    }
    Err(HttpError::Coding)
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    const CLEAR: HttpError = HttpError::Framing("Content-Length is not a plain number");
    const MASKED: HttpError = HttpError::Framing("Transfer-Encoding is not one plain `chunked`");

    fn map(lines: &[(&'static str, &[u8])]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &[u8])| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap())
        };
        lines.iter().map(pair).collect()
    }

    #[test]
    fn lengths_are_plain_numbers() {
        let table: &[(&[u8], Result<Framing, HttpError>)] = &[
            (b"0", Ok(Framing::Length(0))),
            (b"5", Ok(Framing::Length(5))),
            (b"9999999999999999999", Ok(Framing::Length(9_999_999_999_999_999_999))),
            (b"10000000000000000000", Err(CLEAR)),
            (b"18446744073709551616", Err(CLEAR)),
            (b"", Err(CLEAR)),
            (b"+5", Err(CLEAR)),
            (b"-5", Err(CLEAR)),
            (b"05", Err(CLEAR)),
            (b"0x5", Err(CLEAR)),
            (b"5,5", Err(CLEAR)),
            (b"5, 5", Err(CLEAR)),
            (b"5 5", Err(CLEAR)),
            (b"5;", Err(CLEAR)),
            (b"5.0", Err(CLEAR)),
            (b"5e1", Err(CLEAR)),
            (b" 5", Err(CLEAR)),
            (b"5\t", Err(CLEAR)),
            (b"\xb2", Err(CLEAR)),
        ];
        for (value, framing) in table {
            let headers = map(&[("content-length", value)]);
            assert_eq!(request(Version::HTTP_11, &headers), *framing, "{}", value.escape_ascii());
        }
    }

    #[test]
    fn the_one_coding_is_chunked() {
        let table: &[(&[u8], Result<Framing, HttpError>)] = &[
            (b"chunked", Ok(Framing::Chunked)),
            (b"ChunkeD", Ok(Framing::Chunked)),
            (b"", Err(MASKED)),
            (b"xchunked", Err(MASKED)),
            (b"chunkedx", Err(MASKED)),
            (b" chunked", Err(MASKED)),
            (b"chunked ", Err(MASKED)),
            (b"\tchunked", Err(MASKED)),
            (b"chunked,", Err(MASKED)),
            (b",chunked", Err(MASKED)),
            (b"chunked, identity", Err(MASKED)),
            (b"identity, chunked", Err(MASKED)),
            (b"gzip, chunked", Err(MASKED)),
            (b"chunked, chunked", Err(MASKED)),
            (b"chunked;q=1", Err(MASKED)),
            (b"\"chunked\"", Err(MASKED)),
            (b"chun\tked", Err(MASKED)),
            (b"\xffchunked", Err(MASKED)),
            (b"identity", Err(HttpError::Coding)),
            (b"gzip", Err(HttpError::Coding)),
            (b"cow", Err(HttpError::Coding)),
        ];
        for (value, framing) in table {
            let headers = map(&[("transfer-encoding", value)]);
            assert_eq!(request(Version::HTTP_11, &headers), *framing, "{}", value.escape_ascii());
        }
    }

    #[test]
    fn two_answers_are_none() {
        let table: &[&[(&'static str, &[u8])]] = &[
            &[("content-length", b"5"), ("content-length", b"5")],
            &[("content-length", b"5"), ("content-length", b"6")],
            &[("content-length", b"5"), ("transfer-encoding", b"chunked")],
            &[("transfer-encoding", b"chunked"), ("transfer-encoding", b"chunked")],
            &[("transfer-encoding", b"chunked"), ("transfer-encoding", b"identity")],
        ];
        for lines in table {
            let answer = request(Version::HTTP_11, &map(lines));
            assert!(matches!(answer, Err(HttpError::Framing(_))), "{lines:?}: {answer:?}");
        }
        let old = request(Version::HTTP_10, &map(&[("transfer-encoding", b"chunked")]));
        assert_eq!(old, Err(HttpError::Framing("Transfer-Encoding in HTTP/1.0")));
        assert_eq!(request(Version::HTTP_11, &HeaderMap::new()), Ok(Framing::Empty));
    }

    #[test]
    fn answers_depend_on_the_question() {
        let length: &[(&'static str, &[u8])] = &[("content-length", b"5")];
        let zero: &[(&'static str, &[u8])] = &[("content-length", b"0")];
        let chunked: &[(&'static str, &[u8])] = &[("transfer-encoding", b"chunked")];
        let announces = Err(HttpError::Framing("an answer that has no body announces one"));
        let table = [
            (Method::GET, 200, length, Ok(Framing::Length(5))),
            (Method::GET, 200, chunked, Ok(Framing::Chunked)),
            (Method::GET, 200, &[], Ok(Framing::UntilClose)),
            (Method::HEAD, 200, length, Ok(Framing::Empty)),
            (Method::HEAD, 200, chunked, Ok(Framing::Empty)),
            (Method::GET, 304, length, Ok(Framing::Empty)),
            (Method::GET, 204, &[], Ok(Framing::Empty)),
            (Method::GET, 204, zero, Ok(Framing::Empty)),
            (Method::GET, 204, length, announces),
            (Method::GET, 204, chunked, announces),
            (Method::GET, 100, &[], Ok(Framing::Empty)),
            (Method::GET, 103, length, announces),
            (Method::GET, 101, &[], Ok(Framing::Tunnel)),
            (Method::GET, 101, chunked, announces),
            (Method::CONNECT, 200, length, Ok(Framing::Tunnel)),
            (Method::CONNECT, 407, length, Ok(Framing::Length(5))),
        ];
        for (method, status, lines, framing) in table {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(
                response(&method, status, Version::HTTP_11, &map(lines)),
                framing,
                "{method} {status} {lines:?}"
            );
        }
    }

    #[test]
    fn expectations_and_persistence() {
        let expects = |version, value: &[u8]| expects_continue(version, &map(&[("expect", value)]));
        assert_eq!(expects(Version::HTTP_11, b"100-Continue"), Ok(true));
        assert_eq!(expects(Version::HTTP_10, b"100-continue"), Ok(false));
        assert_eq!(expects(Version::HTTP_11, b"100-continue, x"), Err(HttpError::Expectation));
        assert_eq!(expects(Version::HTTP_11, b""), Err(HttpError::Expectation));
        assert_eq!(expects_continue(Version::HTTP_11, &HeaderMap::new()), Ok(false));
        let stays = |version, value: &[u8]| persists(version, &map(&[("connection", value)]));
        assert!(stays(Version::HTTP_11, b"x") && stays(Version::HTTP_10, b"Keep-Alive"));
        assert!(!stays(Version::HTTP_11, b"x, Close") && !stays(Version::HTTP_10, b"x"));
        assert!(!stays(Version::HTTP_10, b"keep-alive, close"));
    }
}
