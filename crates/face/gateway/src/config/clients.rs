//! The certificates of clients: of whom they are demanded, whose they may be, and who is told.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use gatepost::model::terms::ClientCertificate;
use serde::Deserialize;

use crate::config::suggest;

/// What a route, or a listener with a certificate of its own, makes of clients' certificates. The default: nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Clients {
    /// Whether there has to be one.
    pub when: ClientCertificate,
    /// The authorities (PEM) that it may come from. Of a route: on top of those of the binding.
    pub authorities: Option<PathBuf>,
    /// What they have taken back (PEM).
    pub revocation: Option<PathBuf>,
}

/// What an upstream is told of a client's certificate (RFC 9440).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Forwarded {
    /// Nothing.
    #[default]
    Off,
    /// The client's own, in `Client-Cert`.
    Leaf,
    /// Also who stands behind it, in `Client-Cert-Chain`.
    Chain,
}

impl fmt::Display for Forwarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Leaf => "leaf",
            Self::Chain => "chain",
        })
    }
}

/// Whether clients are asked, by its name in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct When(pub ClientCertificate);

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = ["off", "request", "require"];
        let wrong = || format!("unknown value `{text}`; hint: {}", suggest::hint(text, known));
        ClientCertificate::named(text).map(Self).ok_or_else(wrong)
    }
}

impl TryFrom<String> for When {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl Clients {
    /// Whether certificates matter at all.
    #[must_use]
    pub fn are_asked(&self) -> bool {
        self.when != ClientCertificate::Off
    }

    /// The files that it names.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.authorities.iter().chain(&self.revocation)
    }

    /// Its settings as they are written; none where certificates do not matter.
    pub(crate) fn entries(&self) -> Vec<(&'static str, String)> {
        if !self.are_asked() {
            return Vec::new();
        }
        let files = [("client_ca", &self.authorities), ("client_revocation", &self.revocation)];
        let files = files.into_iter().filter_map(|(key, file)| Some((key, file.as_ref()?.display().to_string())));
        std::iter::once(("client_certificate", self.when.name().to_owned())).chain(files).collect()
    }
}
