//! The client's ear: the one answer to a request, out of the octets of its connection.

use std::ops::Range;

use http::{HeaderMap, Method, StatusCode, Version};

use crate::decoder::{Decoder, Part};
use crate::error::HttpError;
use crate::framing::{self, Framing};
use crate::head::ResponseHead;
use crate::scan::{HeadLimits, Scan};

/// So many interim answers may come before the final one.
const INTERIM: usize = 16;

/// What of a request the reading of its answer depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Its method: HEAD has an answer without a body.
    pub method: Method,
    /// Whether it asked to switch protocols; 101 is an error otherwise.
    pub upgrade: bool,
}

/// Reads the answer to one request: interim answers, head, body. It owns no buffer.
///
/// Call [`read`](Self::read) with all octets not yet dropped; do what the event says; repeat until
/// [`End`](ResponseEvent::End). What is left in the buffer then was said without being asked: the
/// connection must not be used again, for it would be read as the answer to the next request. The same
/// holds after an error and where [`Head`](ResponseEvent::Head) says that the connection does not persist.
///
/// ```
/// use gatepost_http::response_reader::{Asked, ResponseEvent, ResponseReader};
/// use gatepost_http::scan::HeadLimits;
/// use http::Method;
///
/// let asked = Asked { method: Method::GET, upgrade: false };
/// let mut reader = ResponseReader::new(HeadLimits::default(), asked);
/// let octets = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
/// let ResponseEvent::Head { used, head, persists, .. } = reader.read(octets)? else { panic!("a whole head") };
/// assert_eq!((head.status.as_u16(), persists), (200, true));
/// assert_eq!(reader.read(&octets[used..])?, ResponseEvent::Data(0..2));
/// assert_eq!(reader.read(b"")?, ResponseEvent::End { used: 0, trailers: None });
/// # Ok::<(), gatepost_http::error::HttpError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ResponseReader {
    limits: HeadLimits,
    asked: Asked,
    interim_left: usize,
    state: State,
}

/// What the octets held.
#[derive(Debug, Clone, PartialEq)]
pub enum ResponseEvent {
    /// Nothing whole; drop so many octets, then more are needed.
    Need {
        /// Octets to drop.
        used: usize,
    },
    /// An interim answer (RFC 9110 §15.2): 100, or another that a client may pass over.
    Interim {
        /// Octets to drop.
        used: usize,
        /// 100 to 199, never 101.
        status: StatusCode,
    },
    /// The final answer begins. Its body follows as `Data` and `End`, also when it is empty.
    Head {
        /// Octets to drop.
        used: usize,
        /// Line and fields.
        head: ResponseHead,
        /// Where its body ends. After [`Framing::Tunnel`] what follows is another protocol's.
        framing: Framing,
        /// Whether another request may follow on the connection.
        persists: bool,
    },
    /// A piece of the body; drop everything up to its end.
    Data(Range<usize>),
    /// The answer is over.
    End {
        /// Octets to drop.
        used: usize,
        /// The trailer section, if it had any field.
        trailers: Option<HeaderMap>,
    },
}

#[derive(Debug, Clone)]
enum State {
    Head(Scan),
    Body(Decoder),
    Failed(HttpError),
}

impl ResponseReader {
    /// For the answer to one request.
    #[must_use]
    pub fn new(limits: HeadLimits, asked: Asked) -> Self {
        Self { limits, asked, interim_left: INTERIM, state: State::Head(Scan::response()) }
    }

    /// Looks at the octets that follow those already dropped.
    ///
    /// # Errors
    /// [`HttpError`]: what came so far must not look complete. The same again on each further call.
    pub fn read(&mut self, input: &[u8]) -> Result<ResponseEvent, HttpError> {
        let event = self.walk(input);
        if let Err(error) = event {
            self.state = State::Failed(error);
        }
        event
    }

    /// Whether the answer is over: the next event is its end, without trailers and for no octet.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(&self.state, State::Body(decoder) if decoder.is_done())
    }

    /// Octets of the body still to come, where the framing tells.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        match &self.state {
            State::Body(decoder) => decoder.left(),
            State::Head(_) | State::Failed(_) => None,
        }
    }

    /// The server sends nothing more. A body that lasts until then is over.
    ///
    /// # Errors
    /// [`HttpError::Truncated`] unless the answer was over: a short one must not look complete.
    pub fn end_of_input(&mut self) -> Result<(), HttpError> {
        match &mut self.state {
            State::Head(_) => Err(HttpError::Truncated),
            State::Body(decoder) => decoder.end_of_input(),
            State::Failed(error) => Err(*error),
        }
    }

    fn walk(&mut self, input: &[u8]) -> Result<ResponseEvent, HttpError> {
        match &mut self.state {
            State::Failed(error) => Err(*error),
            State::Head(scan) => match scan.find_end(input, &self.limits)? {
                Some(span) => self.begin(ResponseHead::parse_span(input, span)?, span.end),
                None => Ok(ResponseEvent::Need { used: 0 }),
            },
            State::Body(decoder) => Ok(match decoder.decode(input)? {
                Part::Need { used } => ResponseEvent::Need { used },
                Part::Data(data) => ResponseEvent::Data(data),
                Part::End { used, trailers } => ResponseEvent::End { used, trailers },
            }),
        }
    }

    /// A whole head of `used` octets.
    fn begin(&mut self, head: ResponseHead, used: usize) -> Result<ResponseEvent, HttpError> {
        let framing = framing::response(&self.asked.method, head.status, head.version, &head.headers)?;
        if head.status.is_informational() && head.version != Version::HTTP_11 {
            // RFC 9110 §15.2: HTTP/1.0 has no such answers.
            return Err(HttpError::StartLine("an interim answer in HTTP/1.0"));
        }
        if head.status == StatusCode::SWITCHING_PROTOCOLS && !self.asked.upgrade {
            return Err(HttpError::Framing("a switch of protocols that was not asked for"));
        }
        if head.status.is_informational() && framing != Framing::Tunnel {
            let left = self.interim_left.checked_sub(1);
            self.interim_left = left.ok_or(HttpError::StartLine("too many interim answers"))?;
            self.state = State::Head(Scan::response());
            return Ok(ResponseEvent::Interim { used, status: head.status });
        }
        self.state = State::Body(Decoder::new(framing, None, self.limits));
        // RFC 9112 §9.3: a proxy must not keep an HTTP/1.0 connection, whatever its Keep-Alive says.
        let persists = head.version == Version::HTTP_11
            && !matches!(framing, Framing::UntilClose | Framing::Tunnel)
            && framing::persists(head.version, &head.headers);
        Ok(ResponseEvent::Head { used, head, framing, persists })
    }
}
