//! Protocols that speak in lines.

use std::fmt;

use super::error::StartTlsError;
use super::protocol::{Heard, Speech, Talk};

/// The longest line, in octets with its end. RFC 5321 §4.5.3.1.5 allows 512; lists of IMAP capabilities are longer.
const MAX_LINE: usize = 4096;

/// One end's part, line by line.
pub(super) trait Chat: fmt::Debug + Send {
    /// The protocol's name.
    fn protocol(&self) -> &'static str;

    /// What it says before it has heard anything.
    fn open(&mut self, _speech: &mut Speech) {}

    /// Goes on with the next line, without its end.
    fn line(&mut self, line: &str, speech: &mut Speech) -> Result<Next, StartTlsError>;
}

/// What a line led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// It goes on.
    More,
    /// TLS begins.
    Tls,
}

/// A talk in lines.
#[derive(Debug)]
pub(super) struct Lines<C>(pub(super) C);

impl<C: Chat> Talk for Lines<C> {
    fn open(&mut self, speech: &mut Speech) {
        self.0.open(speech);
    }

    fn hear(&mut self, heard: &[u8], speech: &mut Speech) -> Result<Heard, StartTlsError> {
        let protocol = self.0.protocol();
        let Some(end) = heard.iter().position(|octet| *octet == b'\n') else {
            return match heard.len() {
                0..MAX_LINE => Ok(Heard::NotYet),
                _ => Err(StartTlsError::TooLong { protocol, limit: MAX_LINE }),
            };
        };
        if end >= MAX_LINE {
            return Err(StartTlsError::TooLong { protocol, limit: MAX_LINE });
        }
        let broken = |detail: &str| StartTlsError::Broken { protocol, detail: detail.to_owned() };
        let line = heard.get(..end).unwrap_or_default();
        // RFC 5321 §2.3.8: a line ends with CRLF, and neither of both stands anywhere else.
        let line = line.strip_suffix(b"\r").ok_or_else(|| broken("a line ends without CR"))?;
        if line.contains(&b'\r') || line.contains(&0) {
            return Err(broken("a CR or a NUL stands within a line"));
        }
        let line = String::from_utf8_lossy(line);
        speech.heard(&line);
        let used = end.saturating_add(1);
        Ok(match self.0.line(&line, speech)? {
            Next::More => Heard::Went(used),
            Next::Tls => Heard::Agreed(used),
        })
    }
}

/// The first word of a line, and the rest of it.
pub(super) fn first_word(line: &str) -> (&str, &str) {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    (word, rest.trim_start())
}
