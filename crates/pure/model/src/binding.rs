//! A binding: which certificate answers at which address or name.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use thiserror::Error;

/// What a certificate is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum BindingKey {
    /// A local address and port: `127.0.0.1:8443`, `[::]:443`.
    Address(SocketAddr),
    /// A server name (SNI) and port: `example.com:443`; `*.example.com:443` for one more label.
    Host {
        /// Lower-case name, perhaps with a leading `*.`.
        host: String,
        /// The port; 0 means any.
        port: u16,
    },
}

/// A text that is neither `ip:port` nor `host:port`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a binding: write `ip:port`, `host:port` or `*.domain:port`")]
pub struct BindingKeyError(String);

impl FromStr for BindingKey {
    type Err = BindingKeyError;

    fn from_str(text: &str) -> Result<Self, BindingKeyError> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        let wrong = || BindingKeyError(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let name = host.strip_prefix("*.").unwrap_or(host);
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        if !name.split('.').all(label) {
            return Err(wrong());
        }
        Ok(Self::Host { host: host.to_ascii_lowercase(), port })
    }
}

impl fmt::Display for BindingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Host { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

/// One row of the binding store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Where it answers.
    pub key: BindingKey,
    /// SHA-256 of the leaf certificate's DER: the certificate's identity in the store.
    pub certificate: [u8; 32],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_round_trip() {
        for text in ["127.0.0.1:8443", "[::]:443", "localhost:0", "*.example.com:443"] {
            assert_eq!(text.parse::<BindingKey>().unwrap().to_string(), text);
        }
        for text in ["localhost", ":443", "a..b:1", "*:443", "x:70000", "a b:1"] {
            assert!(text.parse::<BindingKey>().is_err(), "{text}");
        }
    }
}
