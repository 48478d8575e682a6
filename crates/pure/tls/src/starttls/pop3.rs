//! POP3: CAPA, then STLS if it is among the capabilities (RFC 2595 §4).

use super::error::{StartTlsError, quoted};
use super::lines::{Chat, Lines, Next, first_word};
use super::protocol::{Protocol, Speech, Talk};

const NAME: &str = "pop3";

/// POP3.
#[derive(Debug)]
pub(super) struct Pop3;

impl Protocol for Pop3 {
    fn name(&self) -> &'static str {
        NAME
    }

    fn port(&self) -> u16 {
        110
    }

    fn reference(&self) -> &'static str {
        "RFC 2595, section 4"
    }

    fn client(&self, _server: &str) -> Box<dyn Talk> {
        Box::new(Lines(Client { step: Step::Greeting, is_offered: false }))
    }

    fn server(&self) -> Option<Box<dyn Talk>> {
        Some(Box::new(Lines(Server)))
    }

    fn greeting(&self) -> Option<Box<dyn Talk>> {
        Some(Box::new(Lines(Client { step: Step::OnlyGreeting, is_offered: false })))
    }
}

/// What a client waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Greeting,
    /// And nothing after it.
    OnlyGreeting,
    Status,
    Capabilities,
    Leave,
}

#[derive(Debug)]
struct Client {
    step: Step,
    is_offered: bool,
}

impl Chat for Client {
    fn protocol(&self) -> &'static str {
        NAME
    }

    fn line(&mut self, line: &str, speech: &mut Speech) -> Result<Next, StartTlsError> {
        if self.step == Step::Capabilities {
            return self.capability(line, speech);
        }
        match (first_word(line).0, self.step) {
            ("+OK", Step::Greeting) => {
                speech.line("CAPA");
                self.step = Step::Status;
                Ok(Next::More)
            }
            ("+OK", Step::Leave | Step::OnlyGreeting) => Ok(Next::Tls),
            ("+OK", _) => {
                self.step = Step::Capabilities;
                Ok(Next::More)
            }
            // RFC 2449 §5: a server that does not know CAPA has no capabilities.
            ("-ERR", Step::Status) => Err(StartTlsError::NotOffered { protocol: NAME }),
            ("-ERR", _) => Err(StartTlsError::Refused { protocol: NAME, answer: quoted(line) }),
            _ => Err(StartTlsError::Broken { protocol: NAME, detail: format!("`{}` is no answer", quoted(line)) }),
        }
    }
}

impl Client {
    fn capability(&mut self, line: &str, speech: &mut Speech) -> Result<Next, StartTlsError> {
        if line != "." {
            self.is_offered |= line.eq_ignore_ascii_case("STLS");
            return Ok(Next::More);
        }
        if !self.is_offered {
            return Err(StartTlsError::NotOffered { protocol: NAME });
        }
        speech.line("STLS");
        self.step = Step::Leave;
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
        speech.line("+OK ready");
    }

    fn line(&mut self, line: &str, speech: &mut Speech) -> Result<Next, StartTlsError> {
        match line.trim_end().to_ascii_uppercase().as_str() {
            "STLS" => {
                speech.line("+OK begin TLS");
                return Ok(Next::Tls);
            }
            "CAPA" => ["+OK", "STLS", "."].iter().for_each(|line| speech.line(line)),
            "QUIT" => speech.line("+OK bye"),
            _ => speech.line("-ERR STLS comes first"),
        }
        Ok(Next::More)
    }
}
