//! How algorithms, qualities of protection and places of Digest are written.

use std::fmt;
use std::str::FromStr;

use gatepost::auth::digest::algorithm::Algorithm;
use gatepost::auth::digest::qop::Qop;
use serde::Deserialize;

use crate::config::suggest;
use crate::config::value::from_toml_text;

from_toml_text!(AlgorithmName, QopName, Place);

/// An algorithm by its registered name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct AlgorithmName(pub(crate) Algorithm);

impl FromStr for AlgorithmName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || {
            let hint = suggest::hint(text, Algorithm::ALL.map(Algorithm::name));
            format!("unknown algorithm `{text}`; hint: {hint}")
        };
        Algorithm::by_name(text).map(Self).ok_or_else(unknown)
    }
}

impl fmt::Display for AlgorithmName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A quality of protection by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct QopName(pub(crate) Qop);

impl FromStr for QopName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Qop::by_name(text).map(Self).ok_or_else(|| format!("unknown qop `{text}`; hint: one of `auth`, `auth-int`"))
    }
}

impl fmt::Display for QopName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One place of `domain`: in a challenge a space parts it from the next one, so it holds none.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Place(pub(crate) String);

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_one = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'"');
        if is_one { Ok(Self(text.into())) } else { Err(format!("`{text}` is neither a path nor a URL")) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
