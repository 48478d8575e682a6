//! What a client makes of answers, and that it never depends on how their octets were split.

use gatepost_http::error::HttpError;
use gatepost_http::response_reader::{Asked, ResponseEvent, ResponseReader};
use gatepost_http::scan::HeadLimits;
use http::Method;
use proptest::prelude::*;

/// What came of the octets of a connection on which one request was sent.
#[derive(Debug, Clone, PartialEq, Default)]
struct Outcome {
    interim: Vec<u16>,
    /// Status and whether the connection persists.
    head: Option<(u16, bool)>,
    body: Vec<u8>,
    trailers: usize,
    /// What nobody asked for, or another protocol's.
    surplus: Vec<u8>,
    error: Option<HttpError>,
}

/// Feeds `octets` in pieces, then the end of the stream.
fn hear(asked: &Asked, octets: &[u8], mut sizes: impl Iterator<Item = usize>) -> Outcome {
    let limits = HeadLimits { bytes: 400, start_line: 100, fields: 4 };
    let mut reader = ResponseReader::new(limits, asked.clone());
    let (mut buffer, mut rest, mut out) = (Vec::new(), octets, Outcome::default());
    loop {
        let used = match reader.read(&buffer) {
            Err(error) => return Outcome { error: Some(error), ..out },
            Ok(ResponseEvent::Need { used }) if rest.is_empty() => {
                buffer.drain(..used);
                return Outcome { error: reader.end_of_input().err(), ..out };
            }
            Ok(ResponseEvent::Need { used }) => {
                let (piece, left) = rest.split_at(sizes.next().unwrap_or(usize::MAX).clamp(1, rest.len()));
                rest = left;
                buffer.drain(..used);
                buffer.extend_from_slice(piece);
                0
            }
            Ok(ResponseEvent::Interim { used, status }) => {
                out.interim.push(status.as_u16());
                used
            }
            Ok(ResponseEvent::Head { used, head, persists, .. }) => {
                out.head = Some((head.status.as_u16(), persists));
                used
            }
            Ok(ResponseEvent::Data(range)) => {
                out.body.extend_from_slice(&buffer[range.clone()]);
                range.end
            }
            Ok(ResponseEvent::End { used, trailers }) => {
                out.trailers = trailers.map_or(0, |trailers| trailers.len());
                out.surplus = [&buffer[used..], rest].concat();
                return out;
            }
        };
        buffer.drain(..used);
    }
}

fn asked(method: Method) -> Asked {
    Asked { method, upgrade: false }
}

fn get(octets: &str) -> Outcome {
    hear(&asked(Method::GET), octets.as_bytes(), std::iter::empty())
}

fn whole(status: u16, persists: bool, body: &str, surplus: &str) -> Outcome {
    Outcome { head: Some((status, persists)), body: body.into(), surplus: surplus.into(), ..Outcome::default() }
}

#[test]
fn whole_answers_are_whole_and_their_surplus_is_not_theirs() {
    let table = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", whole(200, true, "abc", "")),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP", whole(200, true, "abc", "HTTP")),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n\r\n", whole(200, true, "", "\r\n")),
        ("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc", whole(200, false, "abc", "")),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc", whole(200, false, "abc", "")),
        ("HTTP/1.1 200 OK\r\n\r\nabc", whole(200, false, "abc", "")),
        ("HTTP/1.0 200 OK\r\n\r\n", whole(200, false, "", "")),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nx", whole(200, true, "abc", "x")),
        ("HTTP/1.1 204 No Content\r\n\r\n", whole(204, true, "", "")),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", whole(304, true, "", "")),
        ("HTTP/1.1 599 \r\nContent-Length: 0\r\n\r\n", whole(599, true, "", "")),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
            Outcome { interim: vec![100, 103], ..whole(204, true, "", "") },
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n",
            Outcome { trailers: 1, ..whole(200, true, "", "") },
        ),
    ];
    for (octets, outcome) in table {
        assert_eq!(get(octets), outcome, "{octets:?}");
    }
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
    assert_eq!(hear(&asked(Method::HEAD), head.as_bytes(), std::iter::empty()), whole(200, true, "", ""));
    let switch = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nabc";
    let upgrade = Asked { method: Method::GET, upgrade: true };
    assert_eq!(hear(&upgrade, switch.as_bytes(), std::iter::empty()), whole(101, false, "", "abc"));
}

#[test]
fn whatever_two_readers_could_frame_differently_is_an_error() {
    let both = HttpError::Framing("Content-Length beside Transfer-Encoding");
    let twice = HttpError::Framing("two Content-Length fields");
    let plain = HttpError::Framing("Content-Length is not a plain number");
    let chunked = HttpError::Framing("Transfer-Encoding is not one plain `chunked`");
    let announces = HttpError::Framing("an answer that has no body announces one");
    let unasked = HttpError::Framing("a switch of protocols that was not asked for");
    let table = [
        ("", HttpError::Truncated),
        ("HTTP/1.1 200 OK\r\nContent-Len", HttpError::Truncated),
        ("HTTP/1.1 100 Continue\r\n\r\n", HttpError::Truncated),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", HttpError::Truncated),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", HttpError::Truncated),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", both),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", twice),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc", plain),
        ("HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc", plain),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", chunked),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", HttpError::Coding),
        (
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            HttpError::Framing("Transfer-Encoding in HTTP/1.0"),
        ),
        ("HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc", announces),
        ("HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n", announces),
        ("HTTP/1.0 100 Continue\r\n\r\n", HttpError::StartLine("an interim answer in HTTP/1.0")),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", unasked),
        ("HTTP/1.1 099 No\r\n\r\n", HttpError::StartLine("no such status")),
        ("HTTP/1.1 600 No\r\n\r\n", HttpError::StartLine("no such status")),
        ("HTTP/2.0 200 OK\r\n\r\n", HttpError::StartLine("the status line")),
        ("\r\nHTTP/1.1 200 OK\r\n\r\n", HttpError::StartLine("it is empty")),
        ("HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", HttpError::StartLine("LF without CR")),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", HttpError::Field("a folded line")),
        (
            "HTTP/1.1 200 OK\r\nContent_Length: 3\r\n\r\nabc",
            HttpError::Field("a framing field in a misleading spelling"),
        ),
        ("HTTP/1.1 200 OK\r\nA: \r\nB: \r\nC: \r\nD: \r\nE: \r\n\r\n", HttpError::TooManyFields),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 3\r\n\r\n",
            HttpError::Trailer("it holds a field that belongs in the head"),
        ),
    ];
    for (octets, error) in table {
        assert_eq!(get(octets).error, Some(error), "{octets:?}");
    }
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "y".repeat(400));
    assert_eq!(get(&long).error, Some(HttpError::HeadTooLarge));
    let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(17);
    assert_eq!(get(&interim).error, Some(HttpError::StartLine("too many interim answers")));
}

const PIECES: &[&str] = &[
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    "HTTP/1.0 200 OK\r\n",
    "HTTP/1.1 204 No Content\r\n",
    "Content-Length: 3\r\n",
    "Content-Length: 0\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Connection: close\r\n",
    "\r\n",
    "\r\n",
    "3\r\nabc\r\n",
    "0\r\n\r\n",
    "0\r\nX: y\r\n\r\n",
    "abc",
    "\n",
    "\0",
];

fn octets() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..8);
    prop_oneof![
        4 => pieces.prop_map(|pieces| pieces.concat().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..80),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn splitting_changes_nothing(
        octets in octets(),
        head in any::<bool>(),
        upgrade in any::<bool>(),
        sizes in prop::collection::vec(1_usize..20, 1..8),
    ) {
        let asked = Asked { method: if head { Method::HEAD } else { Method::GET }, upgrade };
        let whole = hear(&asked, &octets, std::iter::empty());
        let split = hear(&asked, &octets, sizes.into_iter().cycle());
        prop_assert_eq!(&split, &whole);
        let single = hear(&asked, &octets, std::iter::repeat(1));
        prop_assert_eq!(single, whole);
    }
}
