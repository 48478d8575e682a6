//! Options of sockets that several verbs share.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use clap::Args;
use clap::builder::PossibleValuesParser;
use gatepost::model::url::Origin;
use gatepost::net::endpoint;
use gatepost::net::socket_options::{KeepAlive, SocketOptions};
use gatepost::tls::starttls;
use gatepost_gateway::config::value::Period;

use crate::error::CliError;

/// What is asked of the sockets.
#[derive(Debug, Args)]
#[command(next_help_heading = "The socket")]
pub struct SocketArgs {
    /// Connect from this address, as in 192.0.2.1, 192.0.2.1:4000 or [2001:db8::1]:0
    #[arg(long, value_name = "ADDRESS", value_parser = local)]
    pub local: Option<SocketAddr>,
    /// Connect by this network interface, as in eth1 (Linux)
    #[arg(long, value_name = "NAME")]
    pub interface: Option<String>,
    /// The most routers that a packet may pass
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..))]
    pub ttl: Option<u8>,
    /// The class of traffic: 0 to 63, or a name as in ef, af41, cs1, le
    #[arg(long, value_name = "CLASS", value_parser = dscp)]
    pub dscp: Option<u8>,
    /// Ask silent connections whether the other end is still there, after this time [default: not; 60s if no time is
    /// given]
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "60s")]
    pub keep_alive: Option<Period>,
    /// Collect small writes instead of sending them at once (Nagle's algorithm)
    #[arg(long)]
    pub nagle: bool,
    /// Octets that may wait to be sent [default: as the way demands]
    #[arg(long, value_name = "OCTETS", value_parser = clap::value_parser!(u32).range(1..=1 << 30))]
    pub send_buffer: Option<u32>,
}

impl SocketArgs {
    pub(super) fn options(&self) -> SocketOptions {
        let keep_alive = |Period(idle): Period| KeepAlive { idle: idle.max(SECOND), ..KeepAlive::default() };
        SocketOptions {
            local: self.local,
            interface: self.interface.clone(),
            keep_alive: self.keep_alive.map(keep_alive),
            no_delay: !self.nagle,
            hop_limit: self.ttl,
            dscp: self.dscp,
            send_buffer: self.send_buffer.and_then(|octets| usize::try_from(octets).ok()),
        }
    }
}

/// The system counts in seconds.
const SECOND: Duration = Duration::from_secs(1);

/// An address, with or without a port.
fn local(text: &str) -> Result<SocketAddr, String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = text.parse().or_else(|_| bare.parse().map(|ip: IpAddr| SocketAddr::new(ip, 0)));
    address.map_err(|_| "write it like `192.0.2.1` or `[2001:db8::1]:4000`".into())
}

/// A class by its number or name (RFC 2474, 2597, 3246, 8622).
fn dscp(text: &str) -> Result<u8, String> {
    let digit = |octet: Option<&u8>, range: std::ops::RangeInclusive<u8>| {
        octet.map(|octet| octet.wrapping_sub(b'0')).filter(|digit| range.contains(digit))
    };
    let name = text.to_ascii_lowercase();
    let octets = name.as_bytes();
    let class = match (octets.get(..2), octets.len()) {
        (Some(b"ef"), 2) => Some(46),
        (Some(b"le"), 2) => Some(1),
        (Some(b"cs"), 3) => digit(octets.get(2), 0..=7).map(|class| class * 8),
        (Some(b"af"), 4) => digit(octets.get(2), 1..=4).zip(digit(octets.get(3), 1..=3)).map(|(a, b)| a * 8 + b * 2),
        _ => text.parse().ok().filter(|class| *class < 64),
    };
    class.ok_or_else(|| "write a number from 0 to 63, or ef, le, cs0 to cs7, af11 to af43".into())
}

/// The names of the protocols with STARTTLS.
pub(crate) fn protocols() -> PossibleValuesParser {
    PossibleValuesParser::new(starttls::ALL.iter().map(|protocol| protocol.name()))
}

/// The names of those of which the server's part is known.
pub(super) fn served_protocols() -> PossibleValuesParser {
    PossibleValuesParser::new(starttls::ALL.iter().filter(|one| one.server().is_some()).map(|one| one.name()))
}

/// Where to; the port of the protocol is the usual one.
pub(super) fn target(text: &str, starttls: Option<&str>) -> Result<Origin, CliError> {
    let usual = starttls.and_then(starttls::by_name).map(|protocol| protocol.port());
    Ok(endpoint::parse(text, usual).map_err(gatepost::Error::from)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_have_names() {
        let table =
            [("ef", 46), ("EF", 46), ("le", 1), ("cs0", 0), ("cs7", 56), ("af11", 10), ("af43", 38), ("63", 63)];
        for (text, class) in table {
            assert_eq!(dscp(text), Ok(class), "{text}");
        }
        for text in ["64", "cs8", "af44", "af50", "af1", "-1", "", "e"] {
            assert!(dscp(text).is_err(), "{text}");
        }
    }

    #[test]
    fn local_addresses_need_no_port() {
        let table = [
            ("192.0.2.1", "192.0.2.1:0"),
            ("192.0.2.1:4000", "192.0.2.1:4000"),
            ("2001:db8::1", "[2001:db8::1]:0"),
            ("[2001:db8::1]", "[2001:db8::1]:0"),
            ("[2001:db8::1]:9", "[2001:db8::1]:9"),
        ];
        for (text, address) in table {
            assert_eq!(local(text), Ok(address.parse().unwrap()), "{text}");
        }
        assert!(local("eth0").is_err());
    }
}
