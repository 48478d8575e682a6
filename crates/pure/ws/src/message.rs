//! Whole messages, and text that was checked.

use std::fmt;

use bytes::Bytes;
use simdutf8::basic::from_utf8;

use crate::error::WsError;

/// The kind of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// Any octets.
    Binary,
}

/// A whole message.
#[derive(Clone, PartialEq, Eq)]
pub enum Message {
    /// A text.
    Text(Text),
    /// Any octets.
    Binary(Bytes),
}

impl Message {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Binary(_) => Kind::Binary,
        }
    }

    /// Its octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => &text.0,
            Self::Binary(octets) => octets,
        }
    }

    /// Its octets, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Text(text) => text.0,
            Self::Binary(octets) => octets,
        }
    }

    /// How many octets it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }

    /// A message made of the octets of all its [parts](crate::event::Part): text that a connection has
    /// checked is not checked again. Text from elsewhere is for [`Text::try_from`]; without a check,
    /// what is not UTF-8 reads as empty.
    #[must_use]
    pub fn of_parts(kind: Kind, octets: Bytes) -> Self {
        match kind {
            Kind::Text => Self::Text(Text(octets)),
            Kind::Binary => Self::Binary(octets),
        }
    }
}

/// What peers say may be a secret: only its length is shown.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({} octets)", self.kind(), self.len())
    }
}

impl From<Text> for Message {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<Bytes> for Message {
    fn from(octets: Bytes) -> Self {
        Self::Binary(octets)
    }
}

impl From<Vec<u8>> for Message {
    fn from(octets: Vec<u8>) -> Self {
        Self::Binary(octets.into())
    }
}

/// Octets that were checked to be UTF-8 as they came in.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Text(Bytes);

impl Text {
    /// A text that lives as long as the program.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }

    /// It as a string slice. This reads the octets once more, because only `unsafe` could spare that:
    /// keep what it gives.
    #[must_use]
    pub fn as_str(&self) -> &str {
        from_utf8(&self.0).unwrap_or_default()
    }

    /// Its octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Its octets, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl TryFrom<Bytes> for Text {
    type Error = WsError;

    fn try_from(octets: Bytes) -> Result<Self, WsError> {
        match from_utf8(&octets) {
            Ok(_) => Ok(Self(octets)),
            Err(_) => Err(WsError::Text),
        }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into_bytes().into())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What peers say may be a secret: only its length is shown. `Display` shows the text.
impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} octets)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_is_text() {
        let text = Text::try_from(Bytes::from_static("κόσμε".as_bytes()));
        assert_eq!(text.as_ref().map(Text::as_str), Ok("κόσμε"));
        assert_eq!(Text::try_from(Bytes::from_static(b"\xff")), Err(WsError::Text));
        assert_eq!(Text::from_static("a"), Text::from("a"));
        assert!(Text::from_static("a") == "a" && Text::from_static("a") != "b");
    }

    #[test]
    fn what_was_said_is_not_shown() {
        let shown = |message: Message| format!("{message:?}");
        assert_eq!(shown("hunter2".into()), "Text(7 octets)");
        assert_eq!(shown(Bytes::from_static(b"hunter").into()), "Binary(6 octets)");
        assert_eq!(format!("{:?}", Text::from("hunter2")), "Text(7 octets)");
    }
}
