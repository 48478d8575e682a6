//! How far the end of a connection has come (RFC 6455 §7.1).

use crate::close::CloseCode;

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Both ends may send messages.
    Open,
    /// We have sent Close and may send nothing more; what the peer sends before its own is still told.
    Closing,
    /// The peer has sent Close and sends nothing more; ours is the answer, and is still to be sent.
    Answering,
    /// Both have sent Close, or one end has failed the connection: the stream can be closed, by the
    /// server first (RFC 6455 §7.1.1).
    Closed,
}

/// Who has said Close.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Closing {
    said: bool,
    heard: bool,
    failed: bool,
    /// With which code the peer closes.
    code: Option<CloseCode>,
}

impl Closing {
    pub(crate) fn state(self) -> State {
        match (self.said, self.heard || self.failed) {
            (false, false) => State::Open,
            (true, false) => State::Closing,
            (false, true) => State::Answering,
            (true, true) => State::Closed,
        }
    }

    /// We send Close.
    pub(crate) fn say(&mut self) {
        self.said = true;
    }

    /// The peer has sent Close.
    pub(crate) fn hear(&mut self, code: Option<CloseCode>) {
        self.heard = true;
        self.code = code;
    }

    /// The peer broke a rule: nothing of it is heard any more (RFC 6455 §7.1.7).
    pub(crate) fn fail(&mut self) {
        self.failed = true;
    }

    /// Whether our Close was sent.
    pub(crate) const fn is_said(self) -> bool {
        self.said
    }

    /// Whether the peer's Close has come.
    pub(crate) const fn is_heard(self) -> bool {
        self.heard
    }

    /// Whether what comes in is not looked at.
    pub(crate) const fn is_deaf(self) -> bool {
        self.heard || self.failed
    }

    /// The code to answer with.
    pub(crate) const fn code(self) -> Option<CloseCode> {
        self.code
    }
}
