//! Pins: which keys or certificates must stand in the path to an endpoint, on top of everything else.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gatepost_model::time::Timestamp;

use crate::certificate::Certificate;
use crate::error::TlsError;

/// Where in the path a pin is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// The end's own certificate.
    Leaf,
    /// Any authority's: intermediates and the root.
    Issuer,
    /// The last of the path.
    Root,
    /// Anywhere.
    Any,
}

/// What a pin compares.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Digest {
    /// SHA-256 of the SubjectPublicKeyInfo (RFC 7469 §2.4): survives a renewal with the same key.
    Spki([u8; 32]),
    /// SHA-256 of the certificate.
    Certificate([u8; 32]),
    /// SHA-1 of the certificate, only to take over lists that have nothing better.
    Thumbprint([u8; 20]),
}

/// One pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pin {
    /// Where it is looked for.
    pub place: Place,
    /// What it compares.
    pub digest: Digest,
    /// Until when it counts, for rotation; `None` for ever.
    pub until: Option<Timestamp>,
}

/// The pins of one endpoint: any of them will do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pins {
    /// Empty: nothing is pinned.
    pub any_of: Vec<Pin>,
    /// Only says that no pin was there, and lets the connection be. Default `false`.
    pub report_only: bool,
}

impl Pins {
    /// Whether a path, the end's own certificate first, has one of the pins at its place. A path that cannot be read
    /// has none. Pins that are all over deny: a list that nobody tends is no licence.
    #[must_use]
    pub fn hold(&self, path: &[Vec<u8>], now: Timestamp) -> bool {
        if self.any_of.is_empty() {
            return true;
        }
        let Ok(path) = path.iter().map(|der| Certificate::parse(der)).collect::<Result<Vec<_>, _>>() else {
            return false;
        };
        let counts = |pin: &&Pin| pin.until.is_none_or(|until| now <= until);
        self.any_of.iter().filter(counts).any(|pin| pin.is_in(&path))
    }

    /// Whether losing one key would lock everybody out: fewer than two different pins (RFC 7469 §4.3).
    #[must_use]
    pub fn lacks_backup(&self) -> bool {
        match self.any_of.as_slice() {
            [] => false,
            [first, rest @ ..] => rest.iter().all(|pin| pin.digest == first.digest),
        }
    }
}

impl Pin {
    fn is_in(&self, path: &[Certificate]) -> bool {
        let [leaf, issuers @ ..] = path else { return false };
        match self.place {
            Place::Leaf => self.digest.is_of(leaf),
            Place::Issuer => issuers.iter().any(|issuer| self.digest.is_of(issuer)),
            Place::Root => path.last().is_some_and(|root| self.digest.is_of(root)),
            Place::Any => path.iter().any(|one| self.digest.is_of(one)),
        }
    }
}

impl FromStr for Digest {
    type Err = TlsError;

    /// Reads `spki-sha256:HEX`, `sha256:HEX` or `sha1:HEX`, colons within HEX or not, and curl's `sha256//BASE64`,
    /// which is of the SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// [`TlsError::Setting`] for anything else.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || TlsError::Setting {
            detail: format!(
                "`{text}` is no pin: one is `spki-sha256:HEX`, `sha256:HEX`, `sha1:HEX` or `sha256//BASE64`"
            ),
        };
        if let Some(base64) = text.strip_prefix("sha256//") {
            let octets = STANDARD.decode(base64).ok().and_then(|octets| octets.try_into().ok());
            return octets.map(Self::Spki).ok_or_else(wrong);
        }
        let (kind, digits) = text.split_once(':').ok_or_else(wrong)?;
        let octets = unhex(&digits.replace(':', "")).ok_or_else(wrong)?;
        match kind {
            "spki-sha256" => octets.try_into().map(Self::Spki).map_err(|_| wrong()),
            "sha256" => octets.try_into().map(Self::Certificate).map_err(|_| wrong()),
            "sha1" => octets.try_into().map(Self::Thumbprint).map_err(|_| wrong()),
            _ => Err(wrong()),
        }
    }
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let octet = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2 && !pair.starts_with('+'))?;
        u8::from_str_radix(pair, 16).ok()
    };
    digits.as_bytes().chunks(2).map(octet).collect()
}

impl Digest {
    fn is_of(&self, certificate: &Certificate) -> bool {
        match self {
            Self::Spki(digest) => *digest == certificate.spki,
            Self::Certificate(digest) => *digest == certificate.fingerprint,
            Self::Thumbprint(digest) => *digest == certificate.thumbprint,
        }
    }

    fn parts(&self) -> (&'static str, &[u8]) {
        match self {
            Self::Spki(digest) => ("spki-sha256", digest),
            Self::Certificate(digest) => ("sha256", digest),
            Self::Thumbprint(digest) => ("sha1", digest),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, octets) = self.parts();
        write!(f, "{kind}:")?;
        octets.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path() -> Vec<Vec<u8>> {
        (0..3)
            .map(|at| {
                let key = rcgen::KeyPair::generate().unwrap();
                let params = rcgen::CertificateParams::new(vec![format!("c{at}.test")]).unwrap();
                params.self_signed(&key).unwrap().der().to_vec()
            })
            .collect()
    }

    fn pins(place: Place, digest: Digest) -> Pins {
        Pins { any_of: vec![Pin { place, digest, until: None }], report_only: false }
    }

    #[test]
    fn a_pin_counts_at_its_place_only() {
        let (path, now) = (path(), Timestamp::default());
        let facts: Vec<Certificate> = path.iter().map(|der| Certificate::parse(der).unwrap()).collect();
        let table = [
            (Place::Leaf, [true, false, false]),
            (Place::Issuer, [false, true, true]),
            (Place::Root, [false, false, true]),
            (Place::Any, [true, true, true]),
        ];
        for (place, held) in table {
            for (certificate, held) in facts.iter().zip(held) {
                let digests = [
                    Digest::Spki(certificate.spki),
                    Digest::Certificate(certificate.fingerprint),
                    Digest::Thumbprint(certificate.thumbprint),
                ];
                for digest in digests {
                    assert_eq!(pins(place, digest).hold(&path, now), held, "{place:?} {digest}");
                }
            }
        }
        assert!(!pins(Place::Any, Digest::Spki([0; 32])).hold(&path, now));
        assert!(!pins(Place::Any, Digest::Spki(facts[0].spki)).hold(&[], now));
        assert!(!pins(Place::Leaf, Digest::Spki(facts[0].spki)).hold(&[path[0].clone(), vec![1]], now));
    }

    #[test]
    fn old_pins_deny_and_no_pins_allow() {
        let (path, now) = (path(), Timestamp::from_secs(1000));
        let spki = Certificate::parse(&path[0]).unwrap().spki;
        let mut pins = pins(Place::Leaf, Digest::Spki(spki));
        for (until, held) in [(1001, true), (1000, true), (999, false)] {
            pins.any_of[0].until = Some(Timestamp::from_secs(until));
            assert_eq!(pins.hold(&path, now), held, "{until}");
        }
        assert!(Pins::default().hold(&[], now));
    }

    #[test]
    fn one_key_is_no_backup_of_itself() {
        let pin = |octet| Pin { place: Place::Any, digest: Digest::Spki([octet; 32]), until: None };
        let table =
            [(vec![], false), (vec![pin(1)], true), (vec![pin(1), pin(1)], true), (vec![pin(1), pin(2)], false)];
        for (any_of, lacks) in table {
            assert_eq!(Pins { any_of, report_only: false }.lacks_backup(), lacks);
        }
    }

    #[test]
    fn they_are_read_as_they_are_written() {
        let digests = [Digest::Spki([0xA1; 32]), Digest::Certificate([2; 32]), Digest::Thumbprint([3; 20])];
        for digest in digests {
            assert_eq!(digest.to_string().parse(), Ok(digest));
            assert_eq!(
                digest.to_string().to_uppercase().replace("SPKI-SHA256", "spki-sha256").replace("SHA", "sha").parse(),
                Ok(digest)
            );
        }
        let curl = format!("sha256//{}", STANDARD.encode([7; 32]));
        assert_eq!(curl.parse(), Ok(Digest::Spki([7; 32])));
        assert_eq!(format!("sha1:{}", ["0a"; 20].join(":")).parse(), Ok(Digest::Thumbprint([10; 20])));
        for wrong in ["", "sha256", "sha256:00", "sha512:00", "sha1:+a", "sha256//AAAA", "sha1:0g", "sha1:0"] {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn they_are_written_as_hex() {
        assert_eq!(Digest::Thumbprint([0xAB; 20]).to_string(), format!("sha1:{}", "ab".repeat(20)));
        assert!(format!("{:?}", Digest::Spki([1; 32])).starts_with("spki-sha256:0101"));
    }
}
