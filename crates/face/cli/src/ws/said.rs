//! What is said on a WebSocket: one word for everybody who prints, records, expects or plays it back.

use gatepost::model::time::Timestamp;

/// The code of a close that nothing was wrong with. RFC 6455 §7.4.1
pub(crate) const NORMAL: u16 = 1000;

/// Something that one end said to the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A part of a message that is not its last: what `/frame` sends.
    Fragment(String),
    /// A ping.
    Ping(Vec<u8>),
    /// A pong, asked for or not.
    Pong(Vec<u8>),
    /// The end, in good order; without a code if none was given.
    Close(Option<Goodbye>),
}

/// The code and the reason of a close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Goodbye {
    /// 1000 to 4999.
    pub(crate) code: u16,
    /// At most 123 octets.
    pub(crate) reason: String,
}

impl Said {
    /// A close with a code and a reason.
    pub(crate) fn close(code: u16, reason: impl Into<String>) -> Self {
        Self::Close(Some(Goodbye { code, reason: reason.into() }))
    }

    /// Text if the octets are UTF-8, binary otherwise.
    pub(crate) fn of(octets: Vec<u8>) -> Self {
        String::from_utf8(octets).map_or_else(|error| Self::Binary(error.into_bytes()), Self::Text)
    }

    /// The octets of a message, text or binary; `None` for what is not a message.
    pub(crate) fn message(&self) -> Option<&[u8]> {
        match self {
            Self::Text(text) => Some(text.as_bytes()),
            Self::Binary(octets) => Some(octets),
            Self::Fragment(_) | Self::Ping(_) | Self::Pong(_) | Self::Close(_) => None,
        }
    }
}

/// Which way it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the other end to us.
    In,
    /// From us to the other end.
    Out,
}

/// What the two ends agreed on when the connection was opened. The fields may hold secrets: whoever writes them down
/// masks those (`record/fields.rs`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Opened {
    /// Where to.
    pub(crate) url: String,
    /// 101, or 200 over HTTP/2.
    pub(crate) status: u16,
    /// `http/1.1` or `h2`.
    pub(crate) protocol: String,
    /// The version of TLS, if any.
    pub(crate) tls: Option<String>,
    /// The subprotocol that the server chose.
    pub(crate) subprotocol: Option<String>,
    /// What was agreed of permessage-deflate.
    pub(crate) deflate: Option<String>,
    /// Who we proved to be, and how; without the proof itself.
    pub(crate) proof: Option<String>,
    /// The fields that were given to be sent, or that came with a request; what proves who we are is not among ours.
    pub(crate) request: Vec<(String, String)>,
    /// The fields of the answer.
    pub(crate) response: Vec<(String, String)>,
}

/// One thing that happened in a session, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moment {
    /// When, by the wall clock.
    pub(crate) at: Timestamp,
    /// What.
    pub(crate) what: What,
}

/// What happens in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// The connection stands.
    Opened(Box<Opened>),
    /// Somebody said something.
    Said(Direction, Said),
    /// The connection ended without a close.
    Broken(String),
}

/// A time of day in UTC with milliseconds, as in `12:34:56.789`.
pub(crate) fn time_of_day(at: Timestamp) -> String {
    let full = rfc3339(at);
    full.split_once('T').map_or_else(String::new, |(_, time)| time.trim_end_matches('Z').to_owned())
}

/// A moment as RFC 3339 with milliseconds, in UTC.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    let millis = at.as_millis().rem_euclid(1000);
    format!("{}.{millis:03}Z", at.to_string().trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds() {
        let at = Timestamp::from_millis(1_071_499_387_005);
        assert_eq!(rfc3339(at), "2003-12-15T14:43:07.005Z");
        assert_eq!(time_of_day(at), "14:43:07.005");
    }
}
