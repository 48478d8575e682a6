//! Who a binding belongs to: an application, named by a UUID.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The identity of an application (RFC 9562).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApplicationId([u8; 16]);

/// A text that is no UUID.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no UUID: write 32 hexadecimal digits, 8-4-4-4-12, with or without braces")]
pub struct ApplicationIdError(String);

impl ApplicationId {
    /// The one with these octets, as they are.
    #[must_use]
    pub const fn from_octets(octets: [u8; 16]) -> Self {
        Self(octets)
    }

    /// One of random octets (RFC 9562 §5.4, version 4).
    #[must_use]
    pub const fn random(octets: [u8; 16]) -> Self {
        Self::of_version(octets, 0x40)
    }

    /// One that stands for a name: of the first half of the name's SHA-256 (RFC 9562 §5.8, version 8).
    #[must_use]
    pub fn named(digest: [u8; 32]) -> Self {
        Self::of_version(digest.first_chunk().copied().unwrap_or_default(), 0x80)
    }

    /// Its octets.
    #[must_use]
    pub const fn octets(&self) -> [u8; 16] {
        self.0
    }

    /// RFC 9562 §4.1 and §4.2: where variant and version stand.
    const fn of_version(octets: [u8; 16], version: u8) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = octets;
        Self([a, b, c, d, e, f, g & 0x0f | version, h, i & 0x3f | 0x80, j, k, l, m, n, o, p])
    }
}

impl fmt::Display for ApplicationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, octet) in self.0.iter().enumerate() {
            let dash = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{dash}{octet:02x}")?;
        }
        Ok(())
    }
}

impl FromStr for ApplicationId {
    type Err = ApplicationIdError;

    fn from_str(text: &str) -> Result<Self, ApplicationIdError> {
        let wrong = || ApplicationIdError(text.to_owned());
        let bare = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
        let parts: Vec<&str> = bare.split('-').collect();
        if !parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]) {
            return Err(wrong());
        }
        let digit = |letter: u8| char::from(letter).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let digits: Option<Vec<u8>> = parts.concat().bytes().map(digit).collect();
        let pair = |pair: &[u8]| pair.iter().fold(0, |octet, digit| octet << 4 | digit);
        let octets: Vec<u8> = digits.ok_or_else(wrong)?.chunks(2).map(pair).collect();
        octets.try_into().map(Self).map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_read_and_written() {
        let text = "4dc3e181-e14b-4a21-b022-59fc669b0914";
        let id: ApplicationId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(format!("{{{}}}", text.to_uppercase()).parse(), Ok(id));
        for wrong in [
            "",
            "4dc3e181",
            "4dc3e181e14b4a21b02259fc669b0914",
            "{4dc3e181-e14b-4a21-b022-59fc669b0914",
            "gdc3e181-e14b-4a21-b022-59fc669b0914",
            "4dc3e18é-e14b-4a21-b022-59fc669b091",
        ] {
            assert!(wrong.parse::<ApplicationId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn versions_stand_where_the_rfc_says() {
        assert_eq!(ApplicationId::random([0xff; 16]).to_string(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(ApplicationId::named([0; 32]).to_string(), "00000000-0000-8000-8000-000000000000");
    }
}
