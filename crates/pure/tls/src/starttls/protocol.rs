//! What a protocol with STARTTLS is: its name, where it lives, and what each end says.

use std::fmt;

use super::error::StartTlsError;

/// A protocol in which both ends can agree on TLS in the middle of a conversation.
pub trait Protocol: fmt::Debug + Send + Sync {
    /// Its name, in lower case.
    fn name(&self) -> &'static str;

    /// The port where servers usually speak it in the clear at first.
    fn port(&self) -> u16;

    /// Where it is defined.
    fn reference(&self) -> &'static str;

    /// The client's part, towards the server of this name. The name holds letters, digits, `.`, `-`, `_` and `:` only.
    fn client(&self, server: &str) -> Box<dyn Talk>;

    /// The server's part; `None` where Gatepost knows the client's only.
    fn server(&self) -> Option<Box<dyn Talk>> {
        None
    }

    /// What is heard from a server that speaks in the clear before a client, who has heard it from us, is let through
    /// to it; `None` where a server says nothing first.
    fn greeting(&self) -> Option<Box<dyn Talk>> {
        None
    }
}

/// One end's part in a dialogue.
pub trait Talk: fmt::Debug + Send {
    /// What it says before it has heard anything.
    fn open(&mut self, _speech: &mut Speech) {}

    /// Goes on with `heard`, which is all that has come and was not understood yet; it is not empty.
    ///
    /// # Errors
    /// [`StartTlsError`], which ends the dialogue.
    fn hear(&mut self, heard: &[u8], speech: &mut Speech) -> Result<Heard, StartTlsError>;
}

/// How far a talk came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// What has come is not whole.
    NotYet,
    /// So many octets are understood.
    Went(usize),
    /// So many octets are understood, and TLS begins behind them and behind what is said to them.
    Agreed(usize),
}

/// A line of the dialogue, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Whether we said it.
    pub is_ours: bool,
    /// The words, or what the octets stand for. It is text from the wire.
    pub text: String,
}

/// What is said, and what people are told of the dialogue.
#[derive(Debug, Default)]
pub struct Speech {
    pub(super) octets: Vec<u8>,
    pub(super) told: Vec<Told>,
}

impl Speech {
    /// Says a line.
    pub(super) fn line(&mut self, text: &str) {
        self.octets.extend([text.as_bytes(), b"\r\n"].concat());
        self.told.push(Told { is_ours: true, text: text.to_owned() });
    }

    /// Says octets that stand for something.
    pub(super) fn octets(&mut self, octets: &[u8], meaning: &str) {
        self.octets.extend(octets);
        self.told.push(Told { is_ours: true, text: meaning.to_owned() });
    }

    /// Notes what was heard.
    pub(super) fn heard(&mut self, text: &str) {
        self.told.push(Told { is_ours: false, text: text.to_owned() });
    }
}
