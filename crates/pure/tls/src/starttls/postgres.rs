//! PostgreSQL: SSLRequest, and one octet as its answer.
//!
//! <https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL>

use super::error::{StartTlsError, quoted};
use super::protocol::{Heard, Protocol, Speech, Talk};

const NAME: &str = "postgres";

/// Its length (8), and 1234 and 5679 in two halves, which no version of the protocol is.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// PostgreSQL.
#[derive(Debug)]
pub(super) struct Postgres;

impl Protocol for Postgres {
    fn name(&self) -> &'static str {
        NAME
    }

    fn port(&self) -> u16 {
        5432
    }

    fn reference(&self) -> &'static str {
        "PostgreSQL, Message Flow: SSL Session Encryption"
    }

    fn client(&self, _server: &str) -> Box<dyn Talk> {
        Box::new(Client)
    }

    fn server(&self) -> Option<Box<dyn Talk>> {
        Some(Box::new(Server))
    }
}

#[derive(Debug)]
struct Client;

impl Talk for Client {
    fn open(&mut self, speech: &mut Speech) {
        speech.octets(&SSL_REQUEST, "SSLRequest");
    }

    fn hear(&mut self, heard: &[u8], speech: &mut Speech) -> Result<Heard, StartTlsError> {
        match heard.first() {
            None => Ok(Heard::NotYet),
            Some(b'S') => {
                speech.heard("S");
                Ok(Heard::Agreed(1))
            }
            Some(b'N') => Err(StartTlsError::NotOffered { protocol: NAME }),
            // An error message. Its words are not shown: nobody knows whose they are (CVE-2024-10977).
            Some(b'E') => Err(StartTlsError::Refused { protocol: NAME, answer: "an error".to_owned() }),
            Some(other) => {
                let detail = format!("`{}` is no answer", quoted(&char::from(*other).to_string()));
                Err(StartTlsError::Broken { protocol: NAME, detail })
            }
        }
    }
}

#[derive(Debug)]
struct Server;

impl Talk for Server {
    fn hear(&mut self, heard: &[u8], speech: &mut Speech) -> Result<Heard, StartTlsError> {
        let so_far = heard.get(..SSL_REQUEST.len().min(heard.len())).unwrap_or_default();
        if !SSL_REQUEST.starts_with(so_far) {
            let detail = "the client does not ask for TLS".to_owned();
            return Err(StartTlsError::Broken { protocol: NAME, detail });
        }
        if so_far.len() < SSL_REQUEST.len() {
            return Ok(Heard::NotYet);
        }
        speech.heard("SSLRequest");
        speech.octets(b"S", "S");
        Ok(Heard::Agreed(SSL_REQUEST.len()))
    }
}
