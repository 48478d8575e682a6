//! Writes a header.

use std::net::{IpAddr, SocketAddr};

use super::checksum::crc32c;
use super::header::Route;
use super::v2::{FIXED, SIGNATURE, TYPE_CRC32C};

/// Which version is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// Text.
    V1,
    /// Octets, with a checksum.
    V2,
}

/// The header that tells of a connection between these two. Addresses of two families are both told as those of IPv6.
#[must_use]
pub fn write(version: Version, route: Route) -> Vec<u8> {
    let Route { source, destination } = of_one_family(route);
    match version {
        Version::V1 => {
            let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
            let (from, to) = (source.ip(), destination.ip());
            format!("PROXY {family} {from} {to} {} {}\r\n", source.port(), destination.port()).into_bytes()
        }
        Version::V2 => octets(source, destination),
    }
}

/// An IPv4 address that came over a socket of IPv6 is one of IPv4.
fn of_one_family(route: Route) -> Route {
    let plain = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    let (source, destination) = (plain(route.source), plain(route.destination));
    if source.is_ipv4() == destination.is_ipv4() {
        return Route { source, destination };
    }
    let mapped = |address: SocketAddr| match address.ip() {
        IpAddr::V4(ip) => SocketAddr::new(IpAddr::V6(ip.to_ipv6_mapped()), address.port()),
        IpAddr::V6(_) => address,
    };
    Route { source: mapped(source), destination: mapped(destination) }
}

fn octets(source: SocketAddr, destination: SocketAddr) -> Vec<u8> {
    let mut addresses = Vec::with_capacity(36);
    for address in [source, destination] {
        match address.ip() {
            IpAddr::V4(ip) => addresses.extend_from_slice(&ip.octets()),
            IpAddr::V6(ip) => addresses.extend_from_slice(&ip.octets()),
        }
    }
    addresses.extend_from_slice(&source.port().to_be_bytes());
    addresses.extend_from_slice(&destination.port().to_be_bytes());
    // Version 2, a connection that is passed on; streams of IPv4 or IPv6; behind the addresses one value of four octets.
    let (family, length) = if source.is_ipv4() { (0x11, 12 + 7) } else { (0x21, 36 + 7) };
    let mut header = Vec::with_capacity(FIXED + addresses.len() + 7);
    header.extend_from_slice(&SIGNATURE);
    header.extend_from_slice(&[0x21, family, 0, length]);
    header.extend_from_slice(&addresses);
    header.extend_from_slice(&[TYPE_CRC32C, 0, 4]);
    let sum = crc32c([header.as_slice(), &[0; 4]]);
    header.extend_from_slice(&sum.to_be_bytes());
    header
}
