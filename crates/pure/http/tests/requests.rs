//! Whole connections: ambiguous requests are refused for the right reason, and splitting the octets
//! anywhere changes nothing.

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
    for (status, lines) in REFUSED {
        let input = lines.replace('\n', "\r\n").replace("<LF>", "\n").replace("<CR>", "\r");
        let seen = listen(format!("{input}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes(), &[1000]);
        assert_eq!(seen.error.map(|error| error.status().as_u16()), Some(*status), "{input:?}: {seen:?}");
        assert!(!seen.requests.iter().any(|request| request.contains("/smuggled")), "{input:?}: {seen:?}");
        for steps in [&[1][..], &[2], &[3, 5], &[7]] {
            let again = listen(format!("{input}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes(), steps);
            assert_eq!((&again.error, again.requests.len()), (&seen.error, seen.requests.len()), "{input:?} {steps:?}");
        }
    }
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

/// A newline stands for CRLF, `<LF>` and `<CR>` for themselves; the status is that of the refusal.
const REFUSED: &[(u16, &str)] = &[
    // Length against coding, in both orders and spellings.
    (400, "POST / HTTP/1.1\nHost: a\nContent-Length: 6\nTransfer-Encoding: chunked\n\n0\n\n"),
    (400, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nContent-Length: 6\n\n0\n\n"),
    (400, "POST / HTTP/1.1\nHost: a\ntransfer-encoding: CHUNKED\ncontent-length: 0\n\n0\n\n"),
    (400, "POST / HTTP/1.1\nHost: a\nContent-Length: 6\nContent-Length: 6\n\nabcdef"),
    (400, "POST / HTTP/1.1\nHost: a\nContent-Length: 6\nContent-Length: 5\n\nabcdef"),
    (400, "POST / HTTP/1.1\nHost: a\nContent-Length: 6, 6\n\nabcdef"),
    (400, "POST / HTTP/1.1\nHost: a\nContent-Length: +6\n\nabcdef"),
    (400, "POST / HTTP/1.1\nHost: a\nContent-Length: 6 \u{b}\n\nabcdef"),
    (400, "POST / HTTP/1.1\nHost: a\nContent-Length: 0x6\n\nabcdef"),
    (400, "POST / HTTP/1.1\nHost: a\nContent-Length: 6_0\n\nabcdef"),
    (400, "POST / HTTP/1.1\nHost: a\nContent-Length: 18446744073709551622\n\nabcdef"),
    (400, "POST / HTTP/1.1\nHost: a\nContent-Length:\n\nabcdef"),
    (400, "POST / HTTP/1.1\nHost: a\nContent_Length: 6\n\nabcdef"),
    (400, "POST / HTTP/1.1\nHost: a\nContent.Length: 6\n\nabcdef"),
    (400, "POST / HTTP/1.1\nHost: a\nTransfer_Encoding: chunked\n\n0\n\n"),
    (400, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: xchunked\n\n0\n\n"),
    (400, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked, identity\n\n0\n\n"),
    (400, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: identity, chunked\n\n0\n\n"),
    (400, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nTransfer-Encoding: cow\n\n0\n\n"),
    (400, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nTransfer-Encoding: chunked\n\n0\n\n"),
    (400, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: \u{b}chunked\n\n0\n\n"),
    (400, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: \"chunked\"\n\n0\n\n"),
    (400, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding:\n\n0\n\n"),
    (400, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked;a=b\n\n0\n\n"),
    (501, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: gzip\n\n0\n\n"),
    (501, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: identity\n\n0\n\n"),
    (400, "POST / HTTP/1.0\nHost: a\nTransfer-Encoding: chunked\n\n0\n\n"),
    (400, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding : chunked\n\n0\n\n"),
    (400, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding\t: chunked\n\n0\n\n"),
    (400, "POST / HTTP/1.1\nHost: a\n Transfer-Encoding: chunked\n\n0\n\n"),
    (400, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding:\n chunked\n\n0\n\n"),
    (400, "POST / HTTP/1.1\nHost: a\nX: y\n\tTransfer-Encoding: chunked\n\n0\n\n"),
    (400, "POST / HTTP/1.1\n Host: a\n\n"),
    // Line ends and controls.
    (400, "GET / HTTP/1.1<LF>Host: a<LF><LF>"),
    (400, "GET / HTTP/1.1\nHost: a<LF>\n"),
    (400, "GET / HTTP/1.1\nHost: a\n<LF>"),
    (400, "GET / HTTP/1.1\nHost: a<CR>X: y\n\n"),
    (400, "GET / HTTP/1.1\nHost: a\nX: y<CR><CR>\n\n"),
    (400, "GET / HTTP/1.1\nHost: a\nX: y\0z\n\n"),
    (400, "GET / HTTP/1.1\nHost: a\nX: \u{1b}[0m\n\n"),
    (400, "GET / HTTP/1.1\nHost: a\nX\0: y\n\n"),
    (400, "GET / HTTP/1.1\nHost: a\n: y\n\n"),
    (400, "GET / HTTP/1.1\nHost: a\nX\n\n"),
    (400, "GET / HTTP/1.1\nHost: a\nX Y: z\n\n"),
    (400, "GET / HTTP/1.1\nHost: a\nX(: z\n\n"),
    (400, "GET / HTTP/1.1\nHost: a\nX\u{e4}: z\n\n"),
    (400, "\n\nGET / HTTP/1.1\nHost: a\n\n"),
    (400, "<LF>GET / HTTP/1.1\nHost: a\n\n"),
    // The request line.
    (400, "GET  / HTTP/1.1\nHost: a\n\n"),
    (400, "GET /  HTTP/1.1\nHost: a\n\n"),
    (400, "GET\t/ HTTP/1.1\nHost: a\n\n"),
    (400, "GET /a b HTTP/1.1\nHost: a\n\n"),
    (400, " GET / HTTP/1.1\nHost: a\n\n"),
    (400, "GET / HTTP/1.1 \nHost: a\n\n"),
    (400, "GET /\nHost: a\n\n"),
    (400, "GET / http/1.1\nHost: a\n\n"),
    (400, "GET / HTTP/1.1x\nHost: a\n\n"),
    (400, "GET / HTTP/11\nHost: a\n\n"),
    (400, "G(T / HTTP/1.1\nHost: a\n\n"),
    (400, "GET a HTTP/1.1\nHost: a\n\n"),
    (400, "GET /a#b HTTP/1.1\nHost: a\n\n"),
    (400, "GET /\u{e4} HTTP/1.1\nHost: a\n\n"),
    (400, "GET * HTTP/1.1\nHost: a\n\n"),
    (400, "GET ftp://a/ HTTP/1.1\nHost: a\n\n"),
    (400, "CONNECT / HTTP/1.1\nHost: a\n\n"),
    (505, "GET / HTTP/1.2\nHost: a\n\n"),
    (505, "GET / HTTP/2.0\nHost: a\n\n"),
    (505, "GET / HTTP/0.9\nHost: a\n\n"),
    (505, "PRI * HTTP/2.0\n\nSM\n\n"),
    // Host.
    (400, "GET / HTTP/1.1\n\n"),
    (400, "GET / HTTP/1.1\nHost:\n\n"),
    (400, "GET / HTTP/1.1\nHost: a\nHost: a\n\n"),
    (400, "GET / HTTP/1.1\nHost: a\nhost: b\n\n"),
    (400, "GET / HTTP/1.1\nHost: a, b\n\n"),
    (400, "GET / HTTP/1.1\nHost: a b\n\n"),
    (400, "GET / HTTP/1.1\nHost: a@b\n\n"),
    (400, "GET / HTTP/1.1\nHost: a:80:80\n\n"),
    (400, "GET / HTTP/1.1\nHost: a:port\n\n"),
    (400, "GET / HTTP/1.1\nHost: a/b\n\n"),
    (400, "GET / HTTP/1.1\nHost : a\n\n"),
    (400, "GET http://b/ HTTP/1.1\nHost: a\n\n"),
    (400, "GET http://a@b/ HTTP/1.1\nHost: b\n\n"),
    (400, "GET http://a/ HTTP/1.1\n\n"),
    (400, "CONNECT b:443 HTTP/1.1\nHost: a\n\n"),
    // Chunks.
    (400, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n1<LF>a\n0\n\n"),
    (400, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n1\nab\n0\n\n"),
    (400, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n1 \na\n0\n\n"),
    (400, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n0x1\na\n0\n\n"),
    (400, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n10000000000000000\na\n0\n\n"),
    (400, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n1;a<LF>b\na\n0\n\n"),
    (400, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n0\nContent-Length: 5\n\n"),
    (400, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n0\nX : y\n\n"),
    // Expectations.
    (417, "POST / HTTP/1.1\nHost: a\nContent-Length: 1\nExpect: 200-ok\n\na"),
    (417, "POST / HTTP/1.1\nHost: a\nContent-Length: 1\nExpect: 100-continue\nExpect: 100-continue\n\na"),
];
