//! LDAP: the StartTLS extended operation (RFC 4511 §4.14).

use super::ber::{element, expect};
use super::error::{StartTlsError, quoted};
use super::protocol::{Heard, Protocol, Speech, Talk};

const NAME: &str = "ldap";

/// The operation's name.
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";

// Tags (RFC 4511 §4.1.1, §4.12).
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const ENUMERATED: u8 = 0x0a;
const OCTET_STRING: u8 = 0x04;
const EXTENDED_REQUEST: u8 = 0x77;
const REQUEST_NAME: u8 = 0x80;
const EXTENDED_RESPONSE: u8 = 0x78;

/// LDAP.
#[derive(Debug)]
pub(super) struct Ldap;

impl Protocol for Ldap {
    fn name(&self) -> &'static str {
        NAME
    }

    fn port(&self) -> u16 {
        389
    }

    fn reference(&self) -> &'static str {
        "RFC 4511, section 4.14"
    }

    fn client(&self, _server: &str) -> Box<dyn Talk> {
        Box::new(Client)
    }

    fn server(&self) -> Option<Box<dyn Talk>> {
        Some(Box::new(Server))
    }
}

fn broken(detail: &str) -> StartTlsError {
    StartTlsError::Broken { protocol: NAME, detail: detail.to_owned() }
}

/// A message.
struct Message<'a> {
    number: &'a [u8],
    operation: &'a [u8],
    /// How long it is.
    length: usize,
}

/// The message that has come, if it is whole.
fn message(heard: &[u8]) -> Result<Option<Message<'_>>, StartTlsError> {
    let wrong = || broken("what it says is no LDAP message");
    if heard.first() != Some(&SEQUENCE) {
        return Err(wrong());
    }
    let Some(whole) = element(heard).map_err(|_| wrong())? else { return Ok(None) };
    let (number, operation) = expect(whole.content, INTEGER).ok_or_else(wrong)?;
    if number.is_empty() || number.len() > 4 {
        return Err(wrong());
    }
    Ok(Some(Message { number, operation, length: whole.length }))
}

#[derive(Debug)]
struct Client;

impl Talk for Client {
    fn open(&mut self, speech: &mut Speech) {
        let mut request = vec![SEQUENCE, 29, INTEGER, 1, 1, EXTENDED_REQUEST, 24, REQUEST_NAME, 22];
        request.extend(START_TLS);
        speech.octets(&request, "StartTLS (extended request)");
    }

    fn hear(&mut self, heard: &[u8], speech: &mut Speech) -> Result<Heard, StartTlsError> {
        let Some(Message { number, operation, length }) = message(heard)? else { return Ok(Heard::NotYet) };
        let (response, _) =
            expect(operation, EXTENDED_RESPONSE).ok_or_else(|| broken("it answers with another operation"))?;
        let unreadable = || broken("its answer cannot be read");
        let (code, rest) = expect(response, ENUMERATED).ok_or_else(unreadable)?;
        let (_, rest) = expect(rest, OCTET_STRING).ok_or_else(unreadable)?;
        let (words, _) = expect(rest, OCTET_STRING).ok_or_else(unreadable)?;
        let [code] = *code else { return Err(unreadable()) };
        let told = format!("result {code} {}", String::from_utf8_lossy(words));
        speech.heard(told.trim_end());
        match (number, code) {
            ([1], 0) => Ok(Heard::Agreed(length)),
            // protocolError: it does not know the operation (RFC 4511 §4.14.3).
            ([1], 2) => Err(StartTlsError::NotOffered { protocol: NAME }),
            // Number 0 is a notice of disconnection (RFC 4511 §4.4.1).
            ([0 | 1], _) => Err(StartTlsError::Refused { protocol: NAME, answer: quoted(&told) }),
            _ => Err(broken("it answers something that was not asked")),
        }
    }
}

#[derive(Debug)]
struct Server;

impl Talk for Server {
    fn hear(&mut self, heard: &[u8], speech: &mut Speech) -> Result<Heard, StartTlsError> {
        let Some(Message { number, operation, length }) = message(heard)? else { return Ok(Heard::NotYet) };
        let name = expect(operation, EXTENDED_REQUEST).and_then(|(request, _)| expect(request, REQUEST_NAME));
        if name.map(|(name, _)| name) != Some(START_TLS) {
            return Err(broken("the client does not ask for TLS"));
        }
        speech.heard("StartTLS (extended request)");
        let mut response = vec![INTEGER, u8::try_from(number.len()).unwrap_or_default()];
        response.extend(number);
        response.extend([EXTENDED_RESPONSE, 7, ENUMERATED, 1, 0, OCTET_STRING, 0, OCTET_STRING, 0]);
        let mut message = vec![SEQUENCE, u8::try_from(response.len()).unwrap_or_default()];
        message.extend(response);
        speech.octets(&message, "result 0");
        Ok(Heard::Agreed(length))
    }
}
