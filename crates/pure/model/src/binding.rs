//! A binding: which certificate answers at which address or name.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use thiserror::Error;

use crate::application::ApplicationId;
use crate::terms::Terms;

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
    /// Every name at a port, for a directory that has a file for each: `*:443`.
    Any {
        /// The port; 0 means any.
        port: u16,
    },
}

/// A text that is neither `ip:port` nor `host:port`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a binding: write `ip:port`, `host:port`, `*.domain:port` or `*:port`; port 0 is any")]
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
        if host == "*" {
            return Ok(Self::Any { port });
        }
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
            Self::Any { port } => write!(f, "*:{port}"),
        }
    }
}

/// What a binding answers a client with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A certificate, by the SHA-256 of the leaf's DER: its identity in the store.
    Certificate([u8; 32]),
    /// The end of the connection, before any certificate is shown. One may be kept for the day when that ends.
    Reject(Option<[u8; 32]>),
    /// The certificate that a file in this directory holds for the name: `host.pem`, else `_.domain.pem`.
    Directory(String),
}

impl Answer {
    /// The certificate that it names.
    #[must_use]
    pub fn certificate(&self) -> Option<[u8; 32]> {
        match self {
            Self::Certificate(certificate) => Some(*certificate),
            Self::Reject(kept) => *kept,
            Self::Directory(_) => None,
        }
    }
}

/// One row of the binding store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Where it answers.
    pub key: BindingKey,
    /// With what.
    pub answer: Answer,
    /// Whose it is.
    pub application: ApplicationId,
    /// What holds for the connections that it answers.
    pub terms: Terms,
}

impl Binding {
    /// A binding to a certificate, without terms of its own.
    #[must_use]
    pub fn to_certificate(key: BindingKey, certificate: [u8; 32], application: ApplicationId) -> Self {
        Self { key, answer: Answer::Certificate(certificate), application, terms: Terms::default() }
    }

    /// The certificate that it names.
    #[must_use]
    pub fn certificate(&self) -> Option<[u8; 32]> {
        self.answer.certificate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_round_trip() {
        for text in ["127.0.0.1:8443", "[::]:443", "localhost:0", "*.example.com:443", "*:443", "*:0"] {
            assert_eq!(text.parse::<BindingKey>().unwrap().to_string(), text);
        }
        for text in ["localhost", ":443", "a..b:1", "*", "**:443", "*.:443", "x:70000", "a b:1"] {
            assert!(text.parse::<BindingKey>().is_err(), "{text}");
        }
    }
}
