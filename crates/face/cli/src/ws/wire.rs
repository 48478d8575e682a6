//! What a session, a pipe or a script speaks over: a connection, or in tests a peer that reads from a script.

use crate::error::CliError;
use crate::ws::said::{Opened, Said};

/// The half of an open WebSocket that speaks.
pub(crate) trait Mouth {
    /// Says something; it is on its way when this returns.
    async fn say(&mut self, said: &Said) -> Result<(), CliError>;
}

/// The half that hears.
pub(crate) trait Ear {
    /// What the other end says next; `None` after its close. Pings are answered already. An end without a close is
    /// an error.
    ///
    /// Safe to be dropped half-way: nothing that came is lost.
    async fn hear(&mut self) -> Result<Option<Said>, CliError>;
}

/// Who can open one.
pub(crate) trait Dial {
    /// One half of what it opens.
    type Mouth: Mouth;
    /// The other half.
    type Ear: Ear;

    /// Opens a WebSocket, or gives what the server answered instead.
    async fn dial(&mut self, target: &Target) -> Result<Dialed<Self::Mouth, Self::Ear>, CliError>;
}

/// Where to, and with which fields beside those of every connection of this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// `wss://…` or `ws://…`.
    pub(crate) url: String,
    /// Header fields; `Sec-WebSocket-Protocol` offers subprotocols.
    pub(crate) fields: Vec<(String, String)>,
}

/// What became of it.
#[derive(Debug)]
pub(crate) enum Dialed<M, E> {
    /// The connection stands.
    Open(Box<Opened>, M, E),
    /// The server answered something else.
    Refused(Refused),
}

/// An answer that opens nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The status.
    pub(crate) status: u16,
    /// The fields of the answer.
    pub(crate) fields: Vec<(String, String)>,
    /// The start of the body.
    pub(crate) body: Vec<u8>,
    /// Whether there was more of it.
    pub(crate) truncated: bool,
    /// What to try.
    pub(crate) hint: Option<String>,
}
