//! Version 2: octets, with values that are named by number behind the addresses.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::checksum::crc32c;
use super::fault::Fault;
use super::header::{Announced, AnnouncedTls, Measure, Route};

/// What the header begins with.
pub(crate) const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// What stands in front of the addresses.
pub(crate) const FIXED: usize = 16;
/// The longest header that is taken: addresses are short, and no value that is read here is long.
pub(crate) const LONGEST: usize = 4096;

pub(crate) const TYPE_CRC32C: u8 = 0x03;
const TYPE_ALPN: u8 = 0x01;
const TYPE_AUTHORITY: u8 = 0x02;
const TYPE_SSL: u8 = 0x20;
/// What means something here stands there once.
const ONCE: [u8; 4] = [TYPE_CRC32C, TYPE_ALPN, TYPE_AUTHORITY, TYPE_SSL];
const SUBTYPE_SSL_VERSION: u8 = 0x21;
/// In the bits of `PP2_TYPE_SSL`: the client spoke TLS; it showed a certificate, now or in the session before.
const CLIENT_SSL: u8 = 0x01;
const CLIENT_CERT: u8 = 0x02 | 0x04;
/// The longest host name that is taken.
const LONGEST_AUTHORITY: usize = 255;

pub(crate) fn measure(octets: &[u8]) -> Result<Measure, Fault> {
    let Some([.., high, low]) = octets.first_chunk::<FIXED>() else { return Ok(Measure::NotYet) };
    let length = FIXED + usize::from(u16::from_be_bytes([*high, *low]));
    match length {
        length if length > LONGEST => Err(Fault::TooLong),
        length if length > octets.len() => Ok(Measure::NotYet),
        length => Ok(Measure::Whole(length)),
    }
}

pub(crate) fn read(header: &[u8]) -> Result<Announced, Fault> {
    let short = Fault::Malformed("its addresses");
    let (fixed, rest) = header.split_first_chunk::<FIXED>().ok_or(short)?;
    let [.., command, family, _, _] = *fixed;
    if command >> 4 != 2 {
        return Err(Fault::Malformed("its version"));
    }
    match command & 15 {
        // The proxy speaks for itself, whatever follows.
        0 => return Ok(Announced::default()),
        1 => {}
        _ => return Err(Fault::Malformed("its command")),
    }
    let (route, values) = match family {
        0x11 => v4(rest).ok_or(short)?,
        0x21 => v6(rest).ok_or(short)?,
        // Two paths of 108 octets each, which mean nothing on another machine.
        0x31 => (None, rest.get(216..).ok_or(short)?),
        0x00 => return Ok(Announced::default()),
        0x12 | 0x22 | 0x32 => return Err(Fault::Datagram),
        _ => return Err(Fault::Malformed("its family")),
    };
    let mut announced = Announced { route, ..Announced::default() };
    let mut once = Vec::new();
    let mut values = Values(values);
    while let Some((kind, value)) = values.next()? {
        if ONCE.contains(&kind) {
            // Of two readers one would take the first and one the last.
            if once.contains(&kind) {
                return Err(Fault::Malformed("a value that stands there twice"));
            }
            once.push(kind);
        }
        match kind {
            TYPE_CRC32C => check(header, values.0.len(), value)?,
            TYPE_ALPN => announced.alpn = Some(value.to_vec()),
            TYPE_AUTHORITY => announced.authority = Some(authority(value)?),
            TYPE_SSL => announced.tls = tls(value)?,
            _ => {}
        }
    }
    Ok(announced)
}

type Addresses<'a> = (Option<Route>, &'a [u8]);

fn v4(octets: &[u8]) -> Option<Addresses<'_>> {
    let (from, rest) = octets.split_first_chunk::<4>()?;
    let (to, rest) = rest.split_first_chunk::<4>()?;
    let (ports, rest) = rest.split_first_chunk::<4>()?;
    let [a, b, c, d] = *ports;
    let source = SocketAddr::from((Ipv4Addr::from(*from), u16::from_be_bytes([a, b])));
    let destination = SocketAddr::from((Ipv4Addr::from(*to), u16::from_be_bytes([c, d])));
    Some((Some(Route { source, destination }), rest))
}

fn v6(octets: &[u8]) -> Option<Addresses<'_>> {
    let (from, rest) = octets.split_first_chunk::<16>()?;
    let (to, rest) = rest.split_first_chunk::<16>()?;
    let (ports, rest) = rest.split_first_chunk::<4>()?;
    let [a, b, c, d] = *ports;
    let source = SocketAddr::from((Ipv6Addr::from(*from), u16::from_be_bytes([a, b])));
    let destination = SocketAddr::from((Ipv6Addr::from(*to), u16::from_be_bytes([c, d])));
    Some((Some(Route { source, destination }), rest))
}

/// Values by number: a type, a length in two octets, and as many octets.
struct Values<'a>(&'a [u8]);

impl<'a> Values<'a> {
    fn next(&mut self) -> Result<Option<(u8, &'a [u8])>, Fault> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let short = Fault::Malformed("a value");
        let ([kind, high, low], rest) = self.0.split_first_chunk::<3>().ok_or(short)?;
        let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([*high, *low]))).ok_or(short)?;
        self.0 = rest;
        Ok(Some((*kind, value)))
    }
}

/// The sum is over the whole header, its own octets taken as zeros. So many octets stand `behind` it.
fn check(header: &[u8], behind: usize, value: &[u8]) -> Result<(), Fault> {
    let sum = <[u8; 4]>::try_from(value).map_err(|_| Fault::Malformed("a checksum"))?;
    let at = header.len().saturating_sub(behind).saturating_sub(sum.len());
    let (front, rest) = header.split_at_checked(at).ok_or(Fault::Checksum)?;
    let behind = rest.get(sum.len()..).ok_or(Fault::Checksum)?;
    if crc32c([front, &[0; 4], behind]) == u32::from_be_bytes(sum) { Ok(()) } else { Err(Fault::Checksum) }
}

fn authority(value: &[u8]) -> Result<String, Fault> {
    let text = std::str::from_utf8(value).ok().filter(|text| text.len() <= LONGEST_AUTHORITY);
    let text = text.filter(|text| !text.chars().any(char::is_control));
    text.map(str::to_owned).ok_or(Fault::Malformed("its host name"))
}

fn tls(value: &[u8]) -> Result<Option<AnnouncedTls>, Fault> {
    let ([client, verify @ ..], rest) = value.split_first_chunk::<5>().ok_or(Fault::Malformed("its TLS"))?;
    let mut tls = AnnouncedTls { version: None, verified: client & CLIENT_CERT != 0 && *verify == [0; 4] };
    let mut values = Values(rest);
    while let Some((kind, value)) = values.next()? {
        if kind == SUBTYPE_SSL_VERSION {
            let text = value.is_ascii().then(|| String::from_utf8_lossy(value).into_owned());
            tls.version = text.filter(|text| text.len() <= 32 && !text.chars().any(char::is_control));
        }
    }
    Ok((client & CLIENT_SSL != 0).then_some(tls))
}
