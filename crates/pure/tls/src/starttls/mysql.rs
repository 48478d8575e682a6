//! MySQL and MariaDB: the server's greeting, and an SSLRequest as its answer.
//!
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html>

use super::error::StartTlsError;
use super::protocol::{Heard, Protocol, Speech, Talk};

const NAME: &str = "mysql";

/// Octets before each packet: a length of three, the least one first, and a number.
const HEADER: usize = 4;

/// The longest greeting that is read; real ones have about a hundred octets.
const MAX_GREETING: usize = 1024;

/// CLIENT_PROTOCOL_41, CLIENT_SSL and CLIENT_SECURE_CONNECTION.
const CAPABILITIES: u32 = 0x0200 | SSL | 0x8000;
const SSL: u32 = 0x0800;

/// utf8mb4_general_ci.
const CHARACTER_SET: u8 = 45;

/// MySQL.
#[derive(Debug)]
pub(super) struct MySql;

impl Protocol for MySql {
    fn name(&self) -> &'static str {
        NAME
    }

    fn port(&self) -> u16 {
        3306
    }

    fn reference(&self) -> &'static str {
        "MySQL, Connection Phase: SSL Handshake"
    }

    fn client(&self, _server: &str) -> Box<dyn Talk> {
        Box::new(Client)
    }
}

#[derive(Debug)]
struct Client;

impl Talk for Client {
    fn hear(&mut self, heard: &[u8], speech: &mut Speech) -> Result<Heard, StartTlsError> {
        let Some([a, b, c, number]) = heard.first_chunk::<HEADER>() else { return Ok(Heard::NotYet) };
        let length = usize::from(*a) | usize::from(*b) << 8 | usize::from(*c) << 16;
        if *number != 0 || length > MAX_GREETING {
            return Err(broken("what it says first is no greeting"));
        }
        let end = HEADER.saturating_add(length);
        let Some(greeting) = heard.get(HEADER..end) else { return Ok(Heard::NotYet) };
        if greeting.first() == Some(&0xff) {
            return Err(StartTlsError::Refused { protocol: NAME, answer: error(greeting) });
        }
        let (version, capabilities) = parse(greeting).ok_or_else(|| broken("its greeting cannot be read"))?;
        speech.heard(&format!("greeting of {version}"));
        if u32::from(capabilities) & SSL == 0 {
            return Err(StartTlsError::NotOffered { protocol: NAME });
        }
        speech.octets(&request(), "SSLRequest");
        Ok(Heard::Agreed(end))
    }
}

fn broken(detail: &str) -> StartTlsError {
    StartTlsError::Broken { protocol: NAME, detail: detail.to_owned() }
}

/// The server's version and the lower half of its capabilities, of a HandshakeV10.
fn parse(greeting: &[u8]) -> Option<(String, u16)> {
    let rest = greeting.strip_prefix(&[10])?;
    let end = rest.iter().position(|octet| *octet == 0)?;
    let version = String::from_utf8_lossy(rest.get(..end)?).into_owned();
    // Behind it: the connection's number, eight octets of salt, one that is 0.
    let place = end.checked_add(1 + 4 + 8 + 1)?;
    let capabilities = rest.get(place..)?.first_chunk::<2>()?;
    Some((version, u16::from_le_bytes(*capabilities)))
}

/// The number of an error packet. Its words are not shown: nobody knows whose they are.
fn error(packet: &[u8]) -> String {
    let number = packet.get(1..).and_then(<[u8]>::first_chunk::<2>);
    number.map_or_else(|| "an error".to_owned(), |number| format!("error {}", u16::from_le_bytes(*number)))
}

/// Packet 1, 32 octets: capabilities, the longest packet, the character set, and 23 that are 0.
fn request() -> Vec<u8> {
    let mut packet = vec![32, 0, 0, 1];
    packet.extend(CAPABILITIES.to_le_bytes());
    packet.extend(0x0100_0000_u32.to_le_bytes());
    packet.push(CHARACTER_SET);
    packet.resize(HEADER + 32, 0);
    packet
}
