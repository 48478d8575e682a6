//! IMAP: CAPABILITY, then STARTTLS if it is among them (RFC 9051 §6.2.1).

use super::error::{StartTlsError, quoted};
use super::lines::{Chat, Lines, Next, first_word};
use super::protocol::{Protocol, Speech, Talk};

const NAME: &str = "imap";

/// IMAP4.
#[derive(Debug)]
pub(super) struct Imap;

impl Protocol for Imap {
    fn name(&self) -> &'static str {
        NAME
    }

    fn port(&self) -> u16 {
        143
    }

    fn reference(&self) -> &'static str {
        "RFC 9051, section 6.2.1"
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
    Capabilities,
    Leave,
}

#[derive(Debug)]
struct Client {
    step: Step,
    is_offered: bool,
}

impl Client {
    fn greeted(&mut self, line: &str, speech: &mut Speech) -> Result<Next, StartTlsError> {
        let (star, rest) = first_word(line);
        let status = first_word(rest).0;
        if star != "*" || !["OK", "PREAUTH", "BYE"].iter().any(|known| status.eq_ignore_ascii_case(known)) {
            return Err(StartTlsError::Broken { protocol: NAME, detail: format!("`{}` is no greeting", quoted(line)) });
        }
        if !status.eq_ignore_ascii_case("OK") {
            // RFC 9051 §11.1: a PREAUTH takes STARTTLS away, and whoever is on the way can say it.
            return Err(StartTlsError::Refused { protocol: NAME, answer: quoted(line) });
        }
        if self.step == Step::OnlyGreeting {
            return Ok(Next::Tls);
        }
        speech.line("a1 CAPABILITY");
        self.step = Step::Capabilities;
        Ok(Next::More)
    }
}

impl Chat for Client {
    fn protocol(&self) -> &'static str {
        NAME
    }

    fn line(&mut self, line: &str, speech: &mut Speech) -> Result<Next, StartTlsError> {
        let tag = match self.step {
            Step::Greeting | Step::OnlyGreeting => return self.greeted(line, speech),
            Step::Capabilities => "a1",
            Step::Leave => "a2",
        };
        let (start, rest) = first_word(line);
        let (status, words) = first_word(rest);
        match start {
            "*" if status.eq_ignore_ascii_case("CAPABILITY") => {
                // What counts is what was asked for; a greeting may have told an older list.
                self.is_offered = words.split(' ').any(|word| word.eq_ignore_ascii_case("STARTTLS"));
                Ok(Next::More)
            }
            "*" if status.eq_ignore_ascii_case("BYE") => {
                Err(StartTlsError::Refused { protocol: NAME, answer: quoted(line) })
            }
            "*" => Ok(Next::More),
            _ if start != tag => {
                Err(StartTlsError::Broken { protocol: NAME, detail: format!("`{}` answers nothing", quoted(line)) })
            }
            _ if !status.eq_ignore_ascii_case("OK") => {
                Err(StartTlsError::Refused { protocol: NAME, answer: quoted(rest) })
            }
            _ if self.step == Step::Leave => Ok(Next::Tls),
            _ if !self.is_offered => Err(StartTlsError::NotOffered { protocol: NAME }),
            _ => {
                speech.line("a2 STARTTLS");
                self.step = Step::Leave;
                Ok(Next::More)
            }
        }
    }
}

#[derive(Debug)]
struct Server;

impl Chat for Server {
    fn protocol(&self) -> &'static str {
        NAME
    }

    fn open(&mut self, speech: &mut Speech) {
        speech.line("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready");
    }

    fn line(&mut self, line: &str, speech: &mut Speech) -> Result<Next, StartTlsError> {
        let (tag, command) = first_word(line);
        if tag.is_empty() || !tag.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'.') {
            return Err(StartTlsError::Broken { protocol: NAME, detail: "a command has no tag".to_owned() });
        }
        match command.trim_end().to_ascii_uppercase().as_str() {
            "STARTTLS" => {
                speech.line(&format!("{tag} OK begin TLS"));
                return Ok(Next::Tls);
            }
            "CAPABILITY" => {
                speech.line("* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED");
                speech.line(&format!("{tag} OK done"));
            }
            "NOOP" => speech.line(&format!("{tag} OK done")),
            "LOGOUT" => {
                speech.line("* BYE");
                speech.line(&format!("{tag} OK done"));
            }
            _ => speech.line(&format!("{tag} BAD STARTTLS comes first")),
        }
        Ok(Next::More)
    }
}
