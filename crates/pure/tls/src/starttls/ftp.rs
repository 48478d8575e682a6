//! FTP: AUTH TLS for the control connection (RFC 4217 §4). Data connections are not its matter.

use super::error::StartTlsError;
use super::lines::{Chat, Lines, Next};
use super::protocol::{Protocol, Speech, Talk};
use super::reply::{Collecting, Style};

const NAME: &str = "ftp";

/// FTP.
#[derive(Debug)]
pub(super) struct Ftp;

impl Protocol for Ftp {
    fn name(&self) -> &'static str {
        NAME
    }

    fn port(&self) -> u16 {
        21
    }

    fn reference(&self) -> &'static str {
        "RFC 4217"
    }

    fn client(&self, _server: &str) -> Box<dyn Talk> {
        Box::new(Lines(Client { is_greeted: false, reply: Collecting::new(NAME, Style::Ftp) }))
    }
}

#[derive(Debug)]
struct Client {
    is_greeted: bool,
    reply: Collecting,
}

impl Chat for Client {
    fn protocol(&self) -> &'static str {
        NAME
    }

    fn line(&mut self, line: &str, speech: &mut Speech) -> Result<Next, StartTlsError> {
        let Some(reply) = self.reply.line(line)? else { return Ok(Next::More) };
        match (self.is_greeted, reply.code) {
            // RFC 959 §5.4: ready in some minutes.
            (false, 120) => Ok(Next::More),
            (false, 220) => {
                speech.line("AUTH TLS");
                self.is_greeted = true;
                Ok(Next::More)
            }
            (true, 234) => Ok(Next::Tls),
            // It does not know the command, or not TLS (RFC 2228 §3).
            (true, 500 | 502 | 504) => Err(StartTlsError::NotOffered { protocol: NAME }),
            _ => Err(StartTlsError::Refused { protocol: NAME, answer: reply.words() }),
        }
    }
}
