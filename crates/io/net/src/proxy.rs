//! A way through an HTTP proxy: CONNECT (RFC 9110 §9.3.6), and what the proxy says to it.

use std::net::SocketAddr;
use std::time::Duration;

use gatepost_http::decoder::{Decoder, Part};
use gatepost_http::error::HttpError;
use gatepost_http::framing::{self, Framing};
use gatepost_http::head::ResponseHead;
use gatepost_http::scan::{HeadLimits, Scan};
use gatepost_model::limits::Limits;
use http::{HeaderMap, Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::error::{NetError, Wait};
use crate::explain;
use crate::upgrade::{Duplex, Stream};

/// Octets that are read at once: the head of an answer, and seldom more.
const READ: usize = 4096;
/// Octets of a refusal's body that are read away, so that the proxy can be asked again on the same connection.
const MOST_BODY: u64 = 64 * 1024;
/// How long that may take.
const BODY_TIME: Duration = Duration::from_secs(1);

/// What became of the wish for a way.
pub enum Asked {
    /// It is there.
    Granted(Way),
    /// The proxy said no, or wants to know who asks (407).
    Refused {
        /// Its status.
        status: StatusCode,
        /// Its fields, challenges among them.
        headers: HeaderMap,
        /// The connection, if the proxy can be asked once more on it.
        again: Option<Again>,
    },
}

/// A connection to a proxy that leads nowhere yet.
pub struct Again {
    pub(crate) stream: Duplex,
    /// Our end, and the proxy's.
    pub(crate) ends: (SocketAddr, SocketAddr),
}

/// Octets to an origin and back, through a proxy.
pub struct Way {
    /// What leads there.
    pub stream: Duplex,
    /// Our end of the connection to the proxy.
    pub local: SocketAddr,
    /// The proxy's address.
    pub address: SocketAddr,
}

/// Asks the proxy behind `stream` for a way to `authority`. `fields` are sent along, such as a proof.
pub(crate) async fn ask(
    mut stream: Duplex,
    (local, address): (SocketAddr, SocketAddr),
    authority: &str,
    fields: &HeaderMap,
    limits: &Limits,
) -> Result<Asked, NetError> {
    let exchange = async {
        stream.write_all(&request(authority, fields)).await.map_err(|error| explain::io(&error, "the proxy"))?;
        stream.flush().await.map_err(|error| explain::io(&error, "the proxy"))?;
        answer(&mut stream, limits).await
    };
    let limit = limits.answer_time;
    let answered = tokio::time::timeout(limit, exchange).await;
    let (head, come) = answered.map_err(|_| explain::timeout(Wait::Answer, limit))??;
    if head.status.is_success() {
        return Ok(Asked::Granted(Way { stream, local, address }));
    }
    let emptied = tokio::time::timeout(BODY_TIME, is_emptied(&mut stream, &head, come, limits)).await;
    let again = matches!(emptied, Ok(true)).then_some(Again { stream, ends: (local, address) });
    Ok(Asked::Refused { status: head.status, headers: head.headers, again })
}

/// Reads the body of a refusal away; whether the connection is good for another question then.
async fn is_emptied(stream: &mut dyn Stream, head: &ResponseHead, mut come: Vec<u8>, limits: &Limits) -> bool {
    let framing = framing::response(&Method::CONNECT, head.status, head.version, &head.headers);
    let Ok(framing) = framing else { return false };
    if framing == Framing::UntilClose || !framing::persists(head.version, &head.headers) {
        return false;
    }
    let mut decoder = Decoder::new(framing, Some(MOST_BODY), bounds(limits));
    loop {
        let used = match decoder.decode(&come) {
            Ok(Part::Data(span)) => span.end,
            Ok(Part::Need { used }) => {
                let mut piece = [0; READ];
                match stream.read(&mut piece).await {
                    Ok(0) | Err(_) => return false,
                    Ok(count) => come.extend_from_slice(piece.get(..count).unwrap_or_default()),
                }
                used
            }
            Ok(Part::End { used, .. }) => return used == come.len(),
            Err(_) => return false,
        };
        come.drain(..used);
    }
}

fn bounds(limits: &Limits) -> HeadLimits {
    HeadLimits { bytes: limits.head_bytes, fields: limits.head_fields, ..HeadLimits::default() }
}

fn request(authority: &str, fields: &HeaderMap) -> Vec<u8> {
    let mut octets = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
    for (name, value) in fields {
        // A HeaderValue holds no line end.
        octets.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    octets.extend(b"\r\n");
    octets
}

/// The head of the answer, and what came behind it. Behind a 2xx nothing may have come yet: it would be taken for the origin's first octets,
/// though nobody has spoken to the origin.
async fn answer(stream: &mut dyn Stream, limits: &Limits) -> Result<(ResponseHead, Vec<u8>), NetError> {
    let bounds = bounds(limits);
    let broken = |detail: String| NetError::Protocol { protocol: "http/1.1", detail };
    let (mut come, mut scan) = (Vec::with_capacity(READ), Scan::response());
    loop {
        let mut piece = [0; READ];
        let count = stream.read(&mut piece).await.map_err(|error| explain::io(&error, "the proxy's answer"))?;
        if count == 0 {
            return Err(explain::answer(HttpError::Truncated));
        }
        come.extend_from_slice(piece.get(..count).unwrap_or_default());
        let Some(span) = scan.find_end(&come, &bounds).map_err(explain::answer)? else { continue };
        let head = ResponseHead::parse_span(&come, span).map_err(explain::answer)?;
        if head.status.is_success() && span.end < come.len() {
            return Err(broken("octets came behind the proxy's leave, before anybody spoke to the origin".to_owned()));
        }
        if head.status.is_informational() {
            return Err(broken("an interim answer to CONNECT".to_owned()));
        }
        let behind = come.split_off(span.end);
        return Ok((head, behind));
    }
}

#[cfg(test)]
mod tests {
    use gatepost_model::fault::Fault;

    use super::*;

    /// What comes of a proxy that answers so: the status of a refusal, and whether it can be asked again.
    async fn asked(answer: &'static str) -> Result<Option<(u16, bool)>, &'static str> {
        let (near, mut far) = tokio::io::duplex(1 << 20);
        far.write_all(answer.as_bytes()).await.unwrap();
        far.shutdown().await.unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], 3128));
        let limits = Limits { head_bytes: 1024, ..Limits::default() };
        let fields = HeaderMap::from_iter([(http::header::PROXY_AUTHORIZATION, "Basic eA==".parse().unwrap())]);
        let asked = ask(Box::new(near), (address, address), "h.test:443", &fields, &limits).await;
        let became = match &asked {
            Ok(Asked::Granted(_)) => Ok(None),
            Ok(Asked::Refused { status, again, .. }) => Ok(Some((status.as_u16(), again.is_some()))),
            Err(error) => Err(error.code()),
        };
        // What it said has an end when the near end is gone.
        drop(asked);
        let mut said = String::new();
        far.read_to_string(&mut said).await.unwrap();
        assert_eq!(said, "CONNECT h.test:443 HTTP/1.1\r\nHost: h.test:443\r\nproxy-authorization: Basic eA==\r\n\r\n");
        became
    }

    #[tokio::test]
    async fn only_a_plain_leave_opens_a_way() {
        let long = Box::leak(format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(2000)).into_boxed_str());
        let table = [
            ("HTTP/1.1 200 Connection established\r\n\r\n", Ok(None)),
            ("HTTP/1.0 200 OK\r\nVia: x\r\n\r\n", Ok(None)),
            ("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\n\r\nwho?", Ok(Some((407, false)))),
            ("HTTP/1.1 407 No\r\nContent-Length: 4\r\n\r\nwho?", Ok(Some((407, true)))),
            ("HTTP/1.1 407 No\r\nContent-Length: 4\r\n\r\nwho?!", Ok(Some((407, false)))),
            ("HTTP/1.1 407 No\r\nContent-Length: 5\r\n\r\nwho?", Ok(Some((407, false)))),
            ("HTTP/1.1 407 No\r\nContent-Length: 4\r\nConnection: close\r\n\r\nwho?", Ok(Some((407, false)))),
            ("HTTP/1.1 407 No\r\nContent-Length: 99999999\r\n\r\nwho?", Ok(Some((407, false)))),
            ("HTTP/1.0 407 No\r\nContent-Length: 0\r\n\r\n", Ok(Some((407, false)))),
            ("HTTP/1.1 407 No\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwho?\r\n0\r\n\r\n", Ok(Some((407, true)))),
            ("HTTP/1.1 302 Elsewhere\r\nLocation: http://x/\r\n\r\n", Ok(Some((302, false)))),
            ("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 from the proxy itself", Err("GP-NET-004")),
            ("HTTP/1.1 100 Continue\r\n\r\n", Err("GP-NET-004")),
            ("HTTP/1.1 200 OK\r\n", Err("GP-NET-007")),
            ("", Err("GP-NET-007")),
            ("SSH-2.0-x\r\n\r\n", Err("GP-NET-004")),
            (&*long, Err("GP-NET-005")),
        ];
        for (answer, expected) in table {
            assert_eq!(asked(answer).await, expected, "{answer}");
        }
    }
}
