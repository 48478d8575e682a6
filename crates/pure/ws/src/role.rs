//! Which end of a connection this is: only a client masks what it sends (RFC 6455 §5.1).

/// An end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The end that asked: it masks every frame.
    Client,
    /// The end that answered: it masks none, and takes none that is not masked.
    Server,
}

impl Role {
    /// The other end.
    #[must_use]
    pub const fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    /// Whether this end masks what it sends.
    pub(crate) const fn masks(self) -> bool {
        matches!(self, Self::Client)
    }
}
