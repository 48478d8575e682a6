//! SMTP: EHLO, then STARTTLS if it is among the extensions (RFC 3207).

use super::error::StartTlsError;
use super::lines::{Chat, Lines, Next, first_word};
use super::protocol::{Protocol, Speech, Talk};
use super::reply::{Collecting, Style};

const NAME: &str = "smtp";

/// SMTP, also for submission.
#[derive(Debug)]
pub(super) struct Smtp;

impl Protocol for Smtp {
    fn name(&self) -> &'static str {
        NAME
    }

    fn port(&self) -> u16 {
        25
    }

    fn reference(&self) -> &'static str {
        "RFC 3207"
    }

    fn client(&self, _server: &str) -> Box<dyn Talk> {
        Box::new(Lines(Client::new(Step::Greeting)))
    }

    fn server(&self) -> Option<Box<dyn Talk>> {
        Some(Box::new(Lines(Server)))
    }

    fn greeting(&self) -> Option<Box<dyn Talk>> {
        Some(Box::new(Lines(Client::new(Step::OnlyGreeting))))
    }
}

/// What a client waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Greeting,
    /// And nothing after it.
    OnlyGreeting,
    Extensions,
    Leave,
}

#[derive(Debug)]
struct Client {
    step: Step,
    reply: Collecting,
}

impl Client {
    fn new(step: Step) -> Self {
        Self { step, reply: Collecting::new(NAME, Style::Smtp) }
    }
}

impl Chat for Client {
    fn protocol(&self) -> &'static str {
        NAME
    }

    fn line(&mut self, line: &str, speech: &mut Speech) -> Result<Next, StartTlsError> {
        let Some(reply) = self.reply.line(line)? else { return Ok(Next::More) };
        match (self.step, reply.code) {
            (Step::OnlyGreeting, 220) => return Ok(Next::Tls),
            (Step::Greeting, 220) => {
                // RFC 5321 §4.1.3: an address literal where there is no name to give. Nothing is told that way.
                speech.line("EHLO [127.0.0.1]");
                self.step = Step::Extensions;
            }
            (Step::Extensions, 250) => {
                // The first line is the server's name.
                let mut offered = reply.lines.iter().skip(1).map(|line| first_word(line).0);
                if !offered.any(|keyword| keyword.eq_ignore_ascii_case("STARTTLS")) {
                    return Err(StartTlsError::NotOffered { protocol: NAME });
                }
                speech.line("STARTTLS");
                self.step = Step::Leave;
            }
            (Step::Leave, 220) => return Ok(Next::Tls),
            _ => return Err(StartTlsError::Refused { protocol: NAME, answer: reply.words() }),
        }
        Ok(Next::More)
    }
}

#[derive(Debug)]
struct Server;

impl Chat for Server {
    fn protocol(&self) -> &'static str {
        NAME
    }

    fn open(&mut self, speech: &mut Speech) {
        speech.line("220 localhost ESMTP");
    }

    fn line(&mut self, line: &str, speech: &mut Speech) -> Result<Next, StartTlsError> {
        match line.trim_end().to_ascii_uppercase().as_str() {
            "STARTTLS" => {
                speech.line("220 2.0.0 Ready to start TLS");
                return Ok(Next::Tls);
            }
            "NOOP" | "RSET" => speech.line("250 2.0.0 OK"),
            "QUIT" => speech.line("221 2.0.0 Bye"),
            said if said.starts_with("EHLO ") => {
                speech.line("250-localhost");
                speech.line("250 STARTTLS");
            }
            said if said.starts_with("HELO ") => speech.line("250 localhost"),
            // RFC 3207 §4: a server that wants TLS takes no other command.
            _ => speech.line("530 5.7.0 Must issue a STARTTLS command first"),
        }
        Ok(Next::More)
    }
}
