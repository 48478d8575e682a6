//! Version 1: one line of text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::fault::Fault;
use super::header::{Announced, Measure, Route};

/// What the line begins with.
pub(crate) const SIGNATURE: &[u8] = b"PROXY ";
/// The longest line there can be, its end included.
const LONGEST: usize = 107;

pub(crate) fn measure(octets: &[u8]) -> Result<Measure, Fault> {
    let line = octets.get(..octets.len().min(LONGEST)).unwrap_or_default();
    match line.iter().position(|octet| *octet == b'\n') {
        Some(end) if line.get(..end).is_some_and(|line| line.ends_with(b"\r")) => Ok(Measure::Whole(end + 1)),
        Some(_) => Err(Fault::Malformed("its line does not end in CR LF")),
        None if octets.len() >= LONGEST => Err(Fault::TooLong),
        None => Ok(Measure::NotYet),
    }
}

pub(crate) fn read(header: &[u8]) -> Result<Announced, Fault> {
    let wrong = Fault::Malformed("its line");
    let line = std::str::from_utf8(header).map_err(|_| wrong)?;
    let line = line.strip_prefix("PROXY ").and_then(|line| line.strip_suffix("\r\n")).ok_or(wrong)?;
    // What a proxy says besides that it does not know is to be ignored.
    if line == "UNKNOWN" || line.starts_with("UNKNOWN ") {
        return Ok(Announced::default());
    }
    let mut words = line.split(' ');
    let mut word = || words.next().ok_or(wrong);
    let family = word()?;
    let (from, to) = (word()?, word()?);
    let ports = (port(word()?)?, port(word()?)?);
    if words.next().is_some() {
        return Err(wrong);
    }
    let (from, to) = match family {
        "TCP4" => (v4(from)?, v4(to)?),
        "TCP6" => (v6(from)?, v6(to)?),
        _ => return Err(Fault::Malformed("its protocol")),
    };
    let (source, destination) = (SocketAddr::new(from, ports.0), SocketAddr::new(to, ports.1));
    Ok(Announced { route: Some(Route { source, destination }), ..Announced::default() })
}

fn v4(text: &str) -> Result<IpAddr, Fault> {
    text.parse::<Ipv4Addr>().map(IpAddr::V4).map_err(|_| Fault::Malformed("an address"))
}

fn v6(text: &str) -> Result<IpAddr, Fault> {
    text.parse::<Ipv6Addr>().map(IpAddr::V6).map_err(|_| Fault::Malformed("an address"))
}

/// A decimal number without zeros in front.
fn port(text: &str) -> Result<u16, Fault> {
    let is_plain = text.bytes().all(|octet| octet.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_plain).ok_or(Fault::Malformed("a port"))
}
