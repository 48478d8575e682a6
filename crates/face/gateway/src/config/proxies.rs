//! The PROXY protocol in the configuration: who announces connections to us, and to whom we do.

use std::fmt;

use gatepost::http1::proxy_header::write::Version;
use serde::Deserialize;

/// Whether connections to a listener are announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Announced {
    /// They come without.
    #[default]
    Off,
    /// Each has to be. There is nothing between: where a header may be left out, anybody may write one.
    Require,
}

/// How an upstream is told whose connection it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Announcing {
    /// Not at all: connections are shared.
    #[default]
    Off,
    /// By version 1.
    V1,
    /// By version 2.
    V2,
}

impl Announcing {
    /// The version that is spoken.
    #[must_use]
    pub fn version(self) -> Option<Version> {
        match self {
            Self::Off => None,
            Self::V1 => Some(Version::V1),
            Self::V2 => Some(Version::V2),
        }
    }
}

impl fmt::Display for Announcing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::V1 => "v1",
            Self::V2 => "v2",
        })
    }
}
