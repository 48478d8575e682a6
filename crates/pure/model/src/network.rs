//! A network: the addresses that begin alike.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use thiserror::Error;

/// Addresses with the same first bits: `10.0.0.0/8`, `2001:db8::/32`; one address is a network of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// A text that is no network.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no network: write `10.0.0.0/8`, `2001:db8::/32` or one address")]
pub struct NetworkError(String);

impl Network {
    /// Whether this address is in it. An IPv4 address that came over a socket of IPv6 is one of IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        // Of a network of all addresses no bit says anything.
        let differ = (value(address) ^ value(self.address)).checked_shr(self.rest()).unwrap_or_default();
        address.is_ipv4() == self.address.is_ipv4() && differ == 0
    }

    /// How many bits of an address say nothing.
    fn rest(&self) -> u32 {
        u32::from(length(self.address).saturating_sub(self.bits))
    }
}

fn length(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn value(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    /// The bits behind the prefix have to be zero: who writes `10.1.2.3/8` may have meant something else.
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let wrong = || NetworkError(text.to_owned());
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let is_plain =
            |bits: &str| bits.bytes().all(|digit| digit.is_ascii_digit()) && (bits == "0" || !bits.starts_with('0'));
        let bits = match bits {
            None => length(address),
            Some(bits) => bits.parse().ok().filter(|_| is_plain(bits)).ok_or_else(wrong)?,
        };
        if bits > length(address) || address != address.to_canonical() {
            return Err(wrong());
        }
        let network = Self { address, bits };
        let kept = u128::MAX.checked_shl(network.rest()).unwrap_or_default();
        if value(address) & !kept == 0 { Ok(network) } else { Err(wrong()) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_in_it_or_not() {
        let table = [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("10.0.0.0/8", "::a00:1", false),
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "::1", false),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "ffff::1", true),
            ("::1/128", "::1", true),
            ("::1", "::", false),
        ];
        for (network, address, inside) in table {
            let network: Network = network.parse().unwrap();
            assert_eq!(network.contains(address.parse().unwrap()), inside, "{network} {address}");
        }
    }

    #[test]
    fn they_are_written_as_they_are_read() {
        for text in ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32", "::/0", "0.0.0.0/0"] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "10.0.0.0/33",
            "10.1.0.0/8",
            "::1/129",
            "::1/0",
            "a/8",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            "::ffff:10.0.0.1",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
