//! Drives one STARTTLS dialogue without a socket: turns, bounds, and nothing out of turn.

use super::error::{StartTlsError, quoted};
use super::protocol::{Heard, Protocol, Speech, Talk, Told};

/// The most that the other end may say, in octets. The longest greetings and lists of capabilities have a few thousand.
pub const MAX_HEARD: usize = 32 * 1024;

/// A dialogue that ends in TLS, or in an error.
///
/// Whoever drives it sends what [`take_output`](Self::take_output) gives, also before anything has come, reads, and
/// hands what was read to [`receive`](Self::receive), until [`is_agreed`](Self::is_agreed); then sends the output once
/// more, and begins with TLS. When the other end hangs up, [`hung_up`](Self::hung_up) is the error.
///
/// ```
/// use gatepost_tls::starttls::{by_name, dialogue::Dialogue};
///
/// let mut dialogue = Dialogue::client(by_name("pop3").unwrap(), "mail.test")?;
/// dialogue.receive(b"+OK ready\r\n")?;
/// assert_eq!(dialogue.take_output(), b"CAPA\r\n");
/// dialogue.receive(b"+OK\r\nSTLS\r\n.\r\n")?;
/// assert_eq!(dialogue.take_output(), b"STLS\r\n");
/// dialogue.receive(b"+OK begin\r\n")?;
/// assert!(dialogue.is_agreed());
/// # Ok::<(), gatepost_tls::starttls::error::StartTlsError>(())
/// ```
#[derive(Debug)]
pub struct Dialogue {
    protocol: &'static str,
    talk: Box<dyn Talk>,
    speech: Speech,
    /// What has come and is not understood yet.
    heard: Vec<u8>,
    /// Octets that have come altogether.
    total: usize,
    is_agreed: bool,
    failure: Option<StartTlsError>,
}

impl Dialogue {
    /// Asks the server of that name for TLS.
    ///
    /// # Errors
    /// [`StartTlsError::Name`] if it is no host name or address.
    pub fn client(protocol: &dyn Protocol, server: &str) -> Result<Self, StartTlsError> {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_' | ':');
        if server.is_empty() || !server.chars().all(fits) {
            return Err(StartTlsError::Name { protocol: protocol.name(), name: quoted(server) });
        }
        Ok(Self::begin(protocol, protocol.client(server)))
    }

    /// Waits for a client to ask for TLS. `None` if only the client's part of the protocol is known.
    #[must_use]
    pub fn server(protocol: &dyn Protocol) -> Option<Self> {
        Some(Self::begin(protocol, protocol.server()?))
    }

    /// Hears what a server says first that goes on in the clear. `None` if it says nothing.
    #[must_use]
    pub fn greeting(protocol: &dyn Protocol) -> Option<Self> {
        Some(Self::begin(protocol, protocol.greeting()?))
    }

    fn begin(protocol: &dyn Protocol, mut talk: Box<dyn Talk>) -> Self {
        let mut speech = Speech::default();
        talk.open(&mut speech);
        Self { protocol: protocol.name(), talk, speech, heard: Vec::new(), total: 0, is_agreed: false, failure: None }
    }

    /// Takes what came.
    ///
    /// # Errors
    /// [`StartTlsError`], now and ever after; nothing may be sent behind it.
    pub fn receive(&mut self, octets: &[u8]) -> Result<(), StartTlsError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let went = self.advance(octets);
        if let Err(failure) = &went {
            // Not even a leave that was given just before: who was waiting for it is told nothing.
            self.speech.octets.clear();
            self.is_agreed = false;
            self.failure = Some(failure.clone());
        }
        went
    }

    /// What is to be sent. After it there is none until more is received.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.speech.octets)
    }

    /// What was said since this was asked last, for people; also after an error.
    #[must_use]
    pub fn take_told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.speech.told)
    }

    /// Whether TLS begins once the output is sent.
    #[must_use]
    pub fn is_agreed(&self) -> bool {
        self.is_agreed
    }

    /// What it means that the other end hung up.
    #[must_use]
    pub fn hung_up(&self) -> StartTlsError {
        StartTlsError::Ended { protocol: self.protocol }
    }

    fn advance(&mut self, octets: &[u8]) -> Result<(), StartTlsError> {
        self.total = self.total.saturating_add(octets.len());
        if self.total > MAX_HEARD {
            return Err(StartTlsError::TooLong { protocol: self.protocol, limit: MAX_HEARD });
        }
        self.heard.extend_from_slice(octets);
        while !self.heard.is_empty() && !self.is_agreed {
            let silent = self.speech.octets.len();
            let used = match self.talk.hear(&self.heard, &mut self.speech)? {
                Heard::NotYet => return Ok(()),
                Heard::Went(used) => used,
                Heard::Agreed(used) => {
                    self.is_agreed = true;
                    used
                }
            };
            self.heard.drain(..used.min(self.heard.len()));
            if self.speech.octets.len() > silent {
                break;
            }
        }
        // It is our turn, or TLS's: whatever is left was said before we had said what it would have to answer.
        match self.heard.len() {
            0 => Ok(()),
            count => Err(StartTlsError::Injected { protocol: self.protocol, count }),
        }
    }
}
