//! Values that NTLM and Negotiate are set up with.

use std::fmt;
use std::str::FromStr;

use gatepost::auth::settings::ChannelBinding;
use serde::Deserialize;

use crate::config::suggest;

/// What is made of channel bindings, by its name in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Binding(pub(crate) ChannelBinding);

/// The names. That bindings are ignored stands in `[danger]`.
const BINDINGS: [(&str, ChannelBinding); 2] =
    [("checked", ChannelBinding::Checked), ("required", ChannelBinding::Required)];

impl FromStr for Binding {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = BINDINGS.into_iter().find(|(name, _)| *name == text);
        let unknown = || format!("expected `checked` or `required`, found `{text}`; hint: {}", hint(text));
        known.map(|(_, binding)| Self(binding)).ok_or_else(unknown)
    }
}

fn hint(text: &str) -> String {
    suggest::hint(text, BINDINGS.map(|(name, _)| name))
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = BINDINGS.into_iter().find(|(_, binding)| *binding == self.0);
        f.write_str(named.map_or("checked", |(name, _)| name))
    }
}

/// What an NTLM server calls itself: 1 to 15 letters, digits and hyphens, in upper case.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct NetbiosName(pub(crate) String);

impl FromStr for NetbiosName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fits = (1..=15).contains(&text.len());
        if fits && text.bytes().all(|octet| octet.is_ascii_uppercase() || octet.is_ascii_digit() || octet == b'-') {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("expected 1 to 15 of `A-Z`, `0-9` and `-`, found `{text}`"))
    }
}

impl fmt::Display for NetbiosName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Binding {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl TryFrom<String> for NetbiosName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_none() {
        for text in ["", "gatepost", "A_B", "ABCDEFGHIJKLMNOP", "A B", "\u{c4}"] {
            assert!(text.parse::<NetbiosName>().is_err(), "{text}");
        }
        for text in ["", "ignored", "danger-ignored", "Required"] {
            assert!(text.parse::<Binding>().is_err(), "{text}");
        }
    }
}
