//! What a frame is for (RFC 6455 §5.2, §11.8).

use crate::error::WsError;
use crate::message::Kind;

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opcode {
    /// The next part of a message.
    Continuation,
    /// The first part of a text.
    Text,
    /// The first part of a binary message.
    Binary,
    /// The end.
    Close,
    /// A question whether the other end lives.
    Ping,
    /// The answer to it.
    Pong,
}

impl Opcode {
    /// Reads the low half of a frame's first octet.
    ///
    /// # Errors
    /// [`WsError::Frame`] for those that mean nothing yet: they fail the connection (RFC 6455 §5.2).
    pub(crate) const fn read(bits: u8) -> Result<Self, WsError> {
        Ok(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return Err(WsError::Frame("the opcode is reserved")),
        })
    }

    /// The low half of a frame's first octet.
    pub(crate) const fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
        }
    }

    /// Whether it is a control frame: short, whole, and allowed between the parts of a message.
    pub(crate) const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }

    /// The kind of message that it begins, if it begins one.
    pub(crate) const fn begins(self) -> Option<Kind> {
        match self {
            Self::Text => Some(Kind::Text),
            Self::Binary => Some(Kind::Binary),
            _ => None,
        }
    }

    /// What begins a message of this kind.
    pub(crate) const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text,
            Kind::Binary => Self::Binary,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_of_sixteen_mean_something() {
        let read = (0..=15).filter_map(|bits| Opcode::read(bits).ok().map(|opcode| (bits, opcode)));
        let read: Vec<(u8, Opcode)> = read.collect();
        assert_eq!(read.len(), 6);
        for (bits, opcode) in read {
            assert_eq!((opcode.bits(), opcode.is_control()), (bits, bits >= 8));
        }
    }
}
