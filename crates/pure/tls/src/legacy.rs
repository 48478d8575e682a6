//! TLS 1.2 after its handshake: rustls makes the records, as in the handshake.

use std::fmt;

use rustls::Error;

use crate::conversation::{Conversation, Step, Yield};

/// The protection of one TLS 1.2 connection, both directions.
pub struct Legacy {
    conversation: Box<dyn Conversation>,
    incoming: Vec<u8>,
}

/// What receiving brought.
#[derive(Debug)]
pub struct Received {
    /// Data for the reader.
    pub plaintext: Vec<u8>,
    /// Records for the peer: what rustls answers, or the alert that belongs to the error.
    pub output: Vec<u8>,
    /// How it went: whether the peer has said that it says no more.
    pub closed: Result<bool, Error>,
}

impl Legacy {
    pub(crate) fn new(conversation: Box<dyn Conversation>) -> Self {
        Self { conversation, incoming: Vec::new() }
    }

    /// Takes what the peer sent.
    pub fn receive(&mut self, octets: &[u8]) -> Received {
        self.incoming.extend_from_slice(octets);
        let mut yielded = Yield::default();
        let closed = self.advance(&mut yielded);
        if closed.is_err() {
            // Only what is queued is taken: nothing more is read.
            while self.conversation.common().wants_write() {
                if self.step(&mut yielded).is_err() {
                    break;
                }
            }
        }
        if self.incoming.is_empty() {
            self.incoming = Vec::new();
        }
        Received { plaintext: yielded.plaintext, output: yielded.ciphertext, closed }
    }

    /// Appends `data` as records to `out`.
    ///
    /// # Errors
    /// [`rustls::Error`] if no more can be protected.
    pub fn seal(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        self.conversation.seal(&mut self.incoming, data, out)
    }

    /// Appends a close_notify to `out` (RFC 5246 §7.2.1).
    ///
    /// # Errors
    /// As [`seal`](Self::seal).
    pub fn close(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.conversation.close(&mut self.incoming, out)
    }

    fn advance(&mut self, yielded: &mut Yield) -> Result<bool, Error> {
        let mut closed = false;
        loop {
            match self.step(yielded)? {
                Step::Went => {}
                Step::PeerClosed => closed = true,
                Step::Blocked => return Ok(closed),
            }
        }
    }

    fn step(&mut self, yielded: &mut Yield) -> Result<Step, Error> {
        let (used, step) = self.conversation.step(&mut self.incoming, yielded);
        self.incoming.drain(..used.min(self.incoming.len()));
        step
    }
}

impl fmt::Debug for Legacy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Legacy")
    }
}
