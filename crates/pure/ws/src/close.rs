//! Why a WebSocket ends: the code and the reason of a Close frame (RFC 6455 §5.5.1, §7.4).

use std::fmt;

use crate::error::WsError;

/// A status code that may stand in a Close frame.
///
/// ```
/// use gatepost_ws::close::CloseCode;
///
/// assert_eq!(CloseCode::new(1000), Some(CloseCode::NORMAL));
/// // 1006 says that there was no Close frame: none can hold it.
/// assert_eq!(CloseCode::new(1006), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: the server goes down, or the browser leaves the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL: Self = Self(1002);
    /// 1003: a kind of data that this end does not take.
    pub const UNSUPPORTED: Self = Self(1003);
    /// 1007: data that does not fit its kind, such as text that is not UTF-8.
    pub const INVALID_DATA: Self = Self(1007);
    /// 1008: a policy forbids it, such as a credential that has ended.
    pub const POLICY: Self = Self(1008);
    /// 1009: a message is too big.
    pub const TOO_BIG: Self = Self(1009);
    /// 1010: the client needed an extension that the server did not agree to.
    pub const EXTENSION: Self = Self(1010);
    /// 1011: something unexpected happened at this end.
    pub const INTERNAL: Self = Self(1011);
    /// 1012: the service restarts.
    pub const RESTART: Self = Self(1012);
    /// 1013: try again later.
    pub const TRY_LATER: Self = Self(1013);
    /// 1014: a gateway got a bad answer from its upstream.
    pub const BAD_GATEWAY: Self = Self(1014);

    /// `None` for a code that may not be sent: 1004, 1005, 1006 and 1015 are reserved (RFC 6455
    /// §7.4.1), 1016 to 2999 have no meaning yet, and there are none below 1000 or above 4999.
    #[must_use]
    pub fn new(code: u16) -> Option<Self> {
        matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999).then_some(Self(code))
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u16 {
        self.0
    }

    /// With which code a connection ends on which this went wrong (RFC 6455 §7.4.1).
    #[must_use]
    pub fn of(error: &WsError) -> Self {
        match error {
            WsError::Text | WsError::Deflate(_) => Self::INVALID_DATA,
            WsError::TooLarge { .. } => Self::TOO_BIG,
            WsError::Flood(_) => Self::POLICY,
            WsError::Unsendable(_) | WsError::Closed => Self::INTERNAL,
            _ => Self::PROTOCOL,
        }
    }
}

/// What a Close frame holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Close {
    /// Why, in a number.
    pub code: CloseCode,
    /// Why, for a reader's eyes; at most 123 octets.
    pub reason: String,
}

/// RFC 6455 §5.5: a control frame holds at most 125 octets, two of them are the code.
const REASON_BYTES: usize = 123;

impl Close {
    /// Tells the peer why its connection fails: the code that suits the error, and its words, which
    /// repeat nothing of what the peer sent.
    #[must_use]
    pub fn of(error: &WsError) -> Self {
        let words = error.to_string();
        let reason = if words.len() > REASON_BYTES { String::new() } else { words };
        Self { code: CloseCode::of(error), reason }
    }

    /// Reads the payload of a Close frame; `None` if it is empty, which is allowed.
    ///
    /// # Errors
    /// [`WsError::Close`] for one octet, a code that may not be sent, a reason that is too long;
    /// [`WsError::Text`] for one that is not UTF-8.
    pub fn read(payload: &[u8]) -> Result<Option<Self>, WsError> {
        let [high, low, reason @ ..] = payload else {
            return if payload.is_empty() { Ok(None) } else { Err(WsError::Close("half a code")) };
        };
        let code = CloseCode::new(u16::from_be_bytes([*high, *low]));
        let code = code.ok_or(WsError::Close("a code that may not be sent"))?;
        if reason.len() > REASON_BYTES {
            return Err(WsError::Close("the reason is too long"));
        }
        let reason = std::str::from_utf8(reason).map_err(|_| WsError::Text)?;
        Ok(Some(Self { code, reason: reason.to_owned() }))
    }

    /// The payload of a Close frame.
    ///
    /// # Errors
    /// [`WsError::Unsendable`] if the reason has more than 123 octets.
    pub fn write(&self) -> Result<Vec<u8>, WsError> {
        if self.reason.len() > REASON_BYTES {
            return Err(WsError::Unsendable("a reason of more than 123 octets"));
        }
        Ok([self.code.0.to_be_bytes().as_slice(), self.reason.as_bytes()].concat())
    }
}

/// The reason is the peer's words: only their length is shown.
impl fmt::Debug for Close {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = format_args!("{} octets", self.reason.len());
        f.debug_struct("Close").field("code", &self.code).field("reason", &reason).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn codes_that_may_be_sent() {
        let table = [
            (0, false),
            (999, false),
            (1000, true),
            (1003, true),
            (1004, false),
            (1005, false),
            (1006, false),
            (1007, true),
            (1014, true),
            (1015, false),
            (1016, false),
            (2999, false),
            (3000, true),
            (4999, true),
            (5000, false),
            (65535, false),
        ];
        for (code, sendable) in table {
            assert_eq!(CloseCode::new(code).map(CloseCode::number), sendable.then_some(code));
        }
    }

    #[test]
    fn payloads_are_read_strictly() {
        let close = |reason: &str| Ok(Some(Close { code: CloseCode::NORMAL, reason: reason.into() }));
        assert_eq!(Close::read(b""), Ok(None));
        assert_eq!(Close::read(b"\x03\xe8"), close(""));
        assert_eq!(Close::read(b"\x03\xe8bye"), close("bye"));
        assert_eq!(Close::read(b"\x03"), Err(WsError::Close("half a code")));
        assert_eq!(Close::read(b"\x03\xee"), Err(WsError::Close("a code that may not be sent")));
        assert_eq!(Close::read(b"\x03\xe8\xff"), Err(WsError::Text));
        let long = Close { code: CloseCode::NORMAL, reason: "x".repeat(124) };
        assert!(matches!(long.write(), Err(WsError::Unsendable(_))));
        let payload = [b"\x03\xe8".as_slice(), &[b'x'; 124]].concat();
        assert_eq!(Close::read(&payload), Err(WsError::Close("the reason is too long")));
    }

    #[test]
    fn what_went_wrong_has_a_code() {
        let table = [
            (WsError::Frame(""), 1002),
            (WsError::Close(""), 1002),
            (WsError::Text, 1007),
            (WsError::Deflate(""), 1007),
            (WsError::Flood(""), 1008),
            (WsError::TooLarge { limit: 1 }, 1009),
            (WsError::Unsendable(""), 1011),
        ];
        for (error, code) in table {
            assert_eq!(CloseCode::of(&error).number(), code, "{error}");
        }
    }

    #[test]
    fn a_reason_is_not_shown() {
        let close = Close { code: CloseCode::NORMAL, reason: "hush".into() };
        assert_eq!(format!("{close:?}"), "Close { code: CloseCode(1000), reason: 4 octets }");
    }

    proptest! {
        #[test]
        fn reading_what_was_written_is_the_identity(code in any::<u16>(), reason in "\\PC{0,30}") {
            if let Some(code) = CloseCode::new(code) {
                let close = Close { code, reason };
                prop_assert_eq!(Close::read(&close.write().unwrap()), Ok(Some(close)));
            }
        }

        #[test]
        fn no_payload_panics(payload in prop::collection::vec(any::<u8>(), 0..130)) {
            if let Ok(Some(close)) = Close::read(&payload) {
                prop_assert_eq!(close.write(), Ok(payload));
            }
        }
    }
}
