//! Whole connections: ambiguous requests are refused for the right reason, and splitting the octets
//! anywhere changes nothing.

#[path = "../../../../tests/corpus/escape.rs"]
mod escape;

use gatepost_http::error::HttpError;
use gatepost_http::request_reader::{RequestEvent, RequestReader};
use gatepost_http::scan::HeadLimits;
use proptest::prelude::*;

/// What a connection brought: each request as `METHOD target body`, and the error that ended it.
#[derive(Debug, Clone, PartialEq, Default)]
struct Seen {
    requests: Vec<String>,
    error: Option<HttpError>,
}

/// Feeds `input` in pieces of the given sizes, repeated.
fn listen(input: &[u8], steps: &[usize]) -> Seen {
    let limits = HeadLimits { bytes: 400, start_line: 200, fields: 8 };
    let mut reader = RequestReader::new(limits, Some(1000));
    let (mut seen, mut buffer, mut rest) = (Seen::default(), Vec::new(), input);
    let mut steps = steps.iter().cycle();
    loop {
        match reader.read(&buffer) {
            Err(error) => return Seen { error: Some(error), ..seen },
            Ok(RequestEvent::Head { used, head, .. }) => {
                buffer.drain(..used);
                let target = head.target.origin_form().unwrap_or("-").to_owned();
                seen.requests.push(format!("{} {target} ", head.method));
            }
            Ok(RequestEvent::Data(data)) => {
                let text = buffer[data.clone()].escape_ascii().to_string();
                seen.requests.last_mut().unwrap().push_str(&text);
                buffer.drain(..data.end);
            }
            Ok(RequestEvent::End { used, .. }) => drop(buffer.drain(..used)),
            Ok(RequestEvent::Need { used }) => {
                buffer.drain(..used);
                if rest.is_empty() {
                    let error = reader.end_of_input(&buffer).err();
                    return Seen { error, ..seen };
                }
                let (piece, later) = rest.split_at(*steps.next().unwrap().min(&rest.len()));
                buffer.extend_from_slice(piece);
                rest = later;
            }
        }
    }
}

#[test]
fn requests_come_in_order() {
    let input = b"\r\nPOST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\
        GET /b HTTP/1.1\r\nHost: a\r\n\r\n\
        POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nGE\r\n1;x\r\nT\r\n0\r\nX: y\r\n\r\n\
        GET /d HTTP/1.0\r\n\r\n";
    let requests = ["POST /a abc", "GET /b ", "POST /c GET", "GET /d "].map(str::to_owned).to_vec();
    assert_eq!(listen(input, &[1000]), Seen { requests, error: None });
}

#[test]
fn ambiguous_requests_are_refused() {
    let mut count = 0;
    for (status, request) in escape::pairs(include_str!("../../../../tests/corpus/http1/refused.txt")) {
        let octets = request.escape_ascii().to_string();
        let input = [request, b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n".to_vec()].concat();
        let seen = listen(&input, &[1000]);
        let answered = seen.error.map(|error| error.status().as_str().to_owned());
        assert_eq!(answered.as_deref(), Some(status), "{octets}: {seen:?}");
        assert!(!seen.requests.iter().any(|request| request.contains("/smuggled")), "{octets}: {seen:?}");
        for steps in [&[1][..], &[2], &[3, 5], &[7]] {
            let again = listen(&input, steps);
            assert_eq!((&again.error, again.requests.len()), (&seen.error, seen.requests.len()), "{octets} {steps:?}");
        }
        count += 1;
    }
    assert!(count > 90, "{count}");
}

#[test]
fn bounds_have_their_own_status() {
    let head = |target: &str, fields: &str| format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    let table = [
        (414, head(&format!("/{}", "a".repeat(200)), "")),
        (431, head("/", &format!("X: {}\r\n", "a".repeat(400)))),
        (431, head("/", &"X: a\r\n".repeat(8))),
        (413, head("/", "Content-Length: 1001\r\n")),
        (413, head("/", "Transfer-Encoding: chunked\r\n") + "3e9\r\n"),
    ];
    for (status, input) in table {
        let error = listen(input.as_bytes(), &[11]).error;
        assert_eq!(error.map(|error| error.status().as_u16()), Some(status), "{input}");
    }
}

proptest! {
    #[test]
    fn splitting_changes_nothing(
        lines in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..12),
        steps in prop::collection::vec(1_usize..9, 1..6),
    ) {
        let input = format!("POST / HTTP/1.1\r\n{}", lines.concat());
        prop_assert_eq!(listen(input.as_bytes(), &steps), listen(input.as_bytes(), &[10_000]));
    }

    #[test]
    fn no_octets_panic(input in prop::collection::vec(any::<u8>(), 0..200), steps in prop::collection::vec(1_usize..9, 1..4)) {
        prop_assert_eq!(listen(&input, &steps), listen(&input, &[1000]));
    }
}

const PIECES: &[&str] = &[
    "Host: a\r\n",
    "Host: a\r\n",
    "Content-Length: 3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Expect: 100-continue\r\n",
    "\r\n",
    "\r\n",
    "0\r\n",
    "3\r\n",
    "abc",
    "\n",
    "\r",
    "\0",
    " ",
    "X: y\r\n",
    "GET /x HTTP/1.1\r\nHost: a\r\n\r\n",
];
