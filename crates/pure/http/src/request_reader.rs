//! The server's ear: requests in order, out of the octets of one connection.

use std::ops::Range;

use http::HeaderMap;

use crate::decoder::{Decoder, Part};
use crate::error::HttpError;
use crate::framing::{self, Framing};
use crate::head::RequestHead;
use crate::scan::{HeadLimits, Scan};

/// Reads requests one after another. It owns no buffer.
///
/// Call [`read`](Self::read) with all octets not yet dropped; do what the event says; repeat. The
/// next request begins only after [`End`](RequestEvent::End): a body that nobody wants has to be
/// read to its end, or the connection closed. After an error, after a request that was answered with
/// a tunnel, or when either side asked to close, there is no next request.
///
/// ```
/// use gatepost_http::{request_reader::{RequestEvent, RequestReader}, scan::HeadLimits};
///
/// let mut reader = RequestReader::new(HeadLimits::default(), None);
/// let octets = b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\nGET /b";
/// let RequestEvent::Head { used, head, .. } = reader.read(octets)? else { panic!("a whole head") };
/// assert_eq!(head.target.origin_form(), Some("/a"));
/// let RequestEvent::End { .. } = reader.read(&octets[used..])? else { panic!("no body") };
/// assert_eq!(reader.read(&octets[used..])?, RequestEvent::Need { used: 0 });
/// # Ok::<(), gatepost_http::error::HttpError>(())
/// ```
#[derive(Debug, Clone)]
pub struct RequestReader {
    limits: HeadLimits,
    body_bound: Option<u64>,
    state: State,
}

/// What the octets held.
#[derive(Debug, Clone, PartialEq)]
pub enum RequestEvent {
    /// Nothing whole; drop so many octets, then more are needed.
    Need {
        /// Octets to drop.
        used: usize,
    },
    /// A request begins. Its body follows as `Data` and `End`, also when it is empty.
    Head {
        /// Octets to drop.
        used: usize,
        /// Line and fields.
        head: Box<RequestHead>,
        /// Where its body ends; [`Framing::UntilClose`] and [`Framing::Tunnel`] never come.
        framing: Framing,
        /// The client waits for 100 (Continue) before it sends the body: send one when the body is
        /// wanted and nothing of it has come yet, none if the answer comes first.
        expects_continue: bool,
    },
    /// A piece of the body; drop everything up to its end.
    Data(Range<usize>),
    /// The request is over.
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
    Body(Box<Decoder>),
    Failed(HttpError),
}

impl RequestReader {
    /// For one connection; a body of more than `body_bound` octets is refused.
    #[must_use]
    pub fn new(limits: HeadLimits, body_bound: Option<u64>) -> Self {
        Self { limits, body_bound, state: State::Head(Scan::request()) }
    }

    /// Looks at the octets that follow those already dropped.
    ///
    /// # Errors
    /// [`HttpError`]: answer with its status and close. The same again on each further call.
    pub fn read(&mut self, input: &[u8]) -> Result<RequestEvent, HttpError> {
        let event = self.walk(input);
        if let Err(error) = event {
            self.state = State::Failed(error);
        }
        event
    }

    /// Whether the connection stands between two requests, where it may idle and be closed.
    #[must_use]
    pub fn is_between(&self) -> bool {
        matches!(self.state, State::Head(_))
    }

    /// Whether an error has ended the sequence of requests.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(self.state, State::Failed(_))
    }

    /// Octets of the body still to come, where the framing tells.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        match &self.state {
            State::Body(decoder) => decoder.left(),
            State::Head(_) | State::Failed(_) => None,
        }
    }

    /// The client sends nothing more; `left` are the octets not yet dropped.
    ///
    /// # Errors
    /// [`HttpError::Truncated`] inside a request.
    pub fn end_of_input(&self, left: &[u8]) -> Result<(), HttpError> {
        match &self.state {
            // A lone empty line is what some clients send after a body.
            State::Head(_) if left.is_empty() || left == b"\r\n" => Ok(()),
            State::Head(_) | State::Body(_) => Err(HttpError::Truncated),
            State::Failed(error) => Err(*error),
        }
    }

    fn walk(&mut self, input: &[u8]) -> Result<RequestEvent, HttpError> {
        match &mut self.state {
            State::Failed(error) => Err(*error),
            State::Head(scan) => {
                let Some(span) = scan.find_end(input, &self.limits)? else { return Ok(RequestEvent::Need { used: 0 }) };
                let head = Box::new(RequestHead::parse_span(input, span)?);
                let framing = framing::request(head.version, &head.headers)?;
                let expects = framing::expects_continue(head.version, &head.headers)?;
                let mut decoder = Box::new(Decoder::new(framing, self.body_bound, self.limits));
                // A length over the bound is known now: refuse before the handler runs.
                if decoder.decode(&[]) == Err(HttpError::BodyTooLarge) {
                    return Err(HttpError::BodyTooLarge);
                }
                let expects_continue = expects && !decoder.is_done();
                self.state = State::Body(decoder);
                Ok(RequestEvent::Head { used: span.end, head, framing, expects_continue })
            }
            State::Body(decoder) => match decoder.decode(input)? {
                Part::Need { used } => Ok(RequestEvent::Need { used }),
                Part::Data(data) => Ok(RequestEvent::Data(data)),
                Part::End { used, trailers } => {
                    self.state = State::Head(Scan::request());
                    Ok(RequestEvent::End { used, trailers })
                }
            },
        }
    }
}
