//! What is wanted of an ACME authority: which names, and how they are proved.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use gatepost::model::binding::BindingKey;
use gatepost::model::url::Url;
use instant_acme::ChallengeType;
use serde::{Deserialize, Serialize};

/// The most names of one certificate; Let's Encrypt takes no more either.
const MOST: usize = 100;

/// How it is proved that a name is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Challenge {
    /// By an answer under `/.well-known/acme-challenge/`, in the clear at port 80 (RFC 8555 §8.3).
    #[serde(rename = "http-01")]
    Http01,
    /// By a certificate, in a handshake at port 443 (RFC 8737). The default: nothing passes in the clear.
    #[default]
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
}

impl Challenge {
    /// The port at which an authority asks.
    #[must_use]
    pub fn port(self) -> u16 {
        match self {
            Self::Http01 => 80,
            Self::TlsAlpn01 => 443,
        }
    }

    pub(crate) fn kind(self) -> ChallengeType {
        match self {
            Self::Http01 => ChallengeType::Http01,
            Self::TlsAlpn01 => ChallengeType::TlsAlpn01,
        }
    }
}

impl FromStr for Challenge {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "http-01" => Ok(Self::Http01),
            "tls-alpn-01" => Ok(Self::TlsAlpn01),
            _ => Err(format!("expected `tls-alpn-01` or `http-01`, found `{text}`")),
        }
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http01 => "http-01",
            Self::TlsAlpn01 => "tls-alpn-01",
        })
    }
}

/// The address of an authority's directory (RFC 8555 §7.1.1), or a name that stands for one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Directory(pub Url);

/// The names that stand for directories.
const KNOWN: [(&str, &str); 2] = [
    ("letsencrypt", "https://acme-v02.api.letsencrypt.org/directory"),
    ("letsencrypt-staging", "https://acme-staging-v02.api.letsencrypt.org/directory"),
];

impl FromStr for Directory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = KNOWN.into_iter().find(|(name, _)| *name == text).map_or(text, |(_, url)| url);
        let url = Url::parse(known).map_err(|_| {
            format!("expected `letsencrypt`, `letsencrypt-staging` or the `https://…` of a directory, found `{text}`")
        })?;
        // RFC 8555 §6.1: whoever could change what passes could have certificates for our names.
        if !url.is_secure() || url.is_websocket() {
            return Err("an ACME authority is asked over `https://` only".into());
        }
        Ok(Self(url))
    }
}

impl TryFrom<String> for Directory {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// One name of a certificate: a DNS name in lower case, or an IP address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(String);

impl Name {
    /// As it stands in a certificate.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where its certificate is bound: at every port.
    #[must_use]
    pub fn key(&self) -> BindingKey {
        match self.0.parse::<IpAddr>() {
            Ok(address) => BindingKey::Address(SocketAddr::new(address, 0)),
            Err(_) => BindingKey::Host { host: self.0.clone(), port: 0 },
        }
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.to_string()));
        }
        if text.starts_with("*.") {
            let why = "authorities have those proved in the DNS (dns-01), which is not done here";
            return Err(format!("`{text}` is a wildcard: {why}; hint: list the names"));
        }
        let wrong = || format!("expected a name such as `www.example.com`, found `{text}`");
        let plain = text.strip_suffix('.').unwrap_or(text);
        match format!("{plain}:0").parse() {
            Ok(BindingKey::Host { host, .. }) if is_plain(&host) => Ok(Self(host)),
            _ => Err(wrong()),
        }
    }
}

/// Whether labels are as in host names (RFC 1123 §2.1).
fn is_plain(host: &str) -> bool {
    let plain = |label: &str| !label.contains('_') && !label.starts_with('-') && !label.ends_with('-');
    host.len() <= 253 && host.split('.').all(plain)
}

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The names of one certificate: at least one, each once, in order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Names(Vec<Name>);

impl Names {
    /// These names.
    ///
    /// # Errors
    /// If there is none, or more than a hundred.
    pub fn new(mut names: Vec<Name>) -> Result<Self, String> {
        names.sort();
        names.dedup();
        match names.len() {
            0 => Err("a certificate is for at least one name".into()),
            count if count > MOST => Err(format!("a certificate is for at most {MOST} names, found {count}")),
            _ => Ok(Self(names)),
        }
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &Name> {
        self.0.iter()
    }

    /// As text.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(|name| name.0.clone()).collect()
    }

    /// Whether these are the same, in whatever order.
    #[must_use]
    pub fn are(&self, others: &[String]) -> bool {
        let mut others: Vec<&str> = others.iter().map(String::as_str).collect();
        others.sort_unstable();
        others.dedup();
        let mut own: Vec<&str> = self.0.iter().map(Name::as_str).collect();
        own.sort_unstable();
        own == others
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.texts().join(", "))
    }
}

/// A certificate that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// For which names.
    pub names: Names,
    /// Of whom.
    pub directory: Url,
    /// The authorities that vouch for the directory's own server, as PEM; the system's if `None`.
    pub ca_file: Option<PathBuf>,
    /// The mail addresses at which the authority may reach us.
    pub contact: Vec<String>,
    /// How the names are proved.
    pub challenge: Challenge,
    /// A listener of its own for the proofs, while there are any. Without, those of the gateway have to do.
    pub listen: Option<SocketAddr>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(texts: &[&str]) -> Names {
        Names::new(texts.iter().map(|text| text.parse().unwrap()).collect()).unwrap()
    }

    #[test]
    fn names_have_one_spelling() {
        let table = [
            ("WWW.Example.com.", "www.example.com:0"),
            ("192.0.2.1", "192.0.2.1:0"),
            ("2001:DB8::1", "[2001:db8::1]:0"),
        ];
        for (text, key) in table {
            assert_eq!(text.parse::<Name>().unwrap().key().to_string(), key);
        }
        for text in [
            "",
            "*.example.com",
            "*",
            "a b",
            "https://a",
            "a:1",
            "a..b",
            "a_b.test",
            "-a.test",
            "a-.test",
            &format!("{}test", "a.".repeat(130)),
        ] {
            assert!(text.parse::<Name>().is_err(), "{text}");
        }
        assert_eq!(names(&["b.test", "a.test", "B.test"]).to_string(), "a.test, b.test");
        assert!(names(&["b.test", "a.test"]).are(&["a.test".into(), "b.test".into()]));
        assert!(!names(&["a.test"]).are(&["a.test".into(), "b.test".into()]));
        assert!(Names::new(Vec::new()).is_err());
        assert!(Names::new((0..101).map(|n| format!("n{n}.test").parse().unwrap()).collect()).is_err());
    }

    #[test]
    fn directories_are_asked_over_tls_only() {
        let known = "letsencrypt-staging".parse::<Directory>().unwrap().0;
        assert_eq!(known.as_str(), "https://acme-staging-v02.api.letsencrypt.org/directory");
        assert!("https://ca.test:14000/dir".parse::<Directory>().is_ok());
        for text in ["http://ca.test/dir", "wss://ca.test/dir", "letsencrypt-prod", "ca.test"] {
            assert!(text.parse::<Directory>().is_err(), "{text}");
        }
    }

    #[test]
    fn challenges_round_trip() {
        for challenge in [Challenge::Http01, Challenge::TlsAlpn01] {
            assert_eq!(challenge.to_string().parse(), Ok(challenge));
        }
        assert!("dns-01".parse::<Challenge>().is_err());
    }
}
